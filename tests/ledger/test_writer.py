import asyncio

import pytest

from orchestrator.clock import SystemClock
from orchestrator.errors import JournalWriteError
from orchestrator.ledger.writer import Writer


class FullQueue:
    """Takes nothing, as when there is no memory left."""

    def put(self, _):
        raise MemoryError


async def test_requests_that_cannot_be_handed_over_are_refused():
    writer, told = Writer(None, "r-1", [], SystemClock()), []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["exception"]))
    writer._loop, writer._queue = asyncio.get_running_loop(), FullQueue()

    with pytest.raises(JournalWriteError, match="the journal's writer failed"):
        await asyncio.wait_for(writer.control_state("spring"), 5)
    assert [type(error) for error in told] == [MemoryError]
