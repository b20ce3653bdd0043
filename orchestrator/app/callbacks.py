"""Somebody else's callbacks: they never change the course of a run, not even by failing."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from orchestrator.model import Record
from orchestrator.ports import Observer


class SafeCallbacks:
    """Hands events and unrecorded records on, to those who want them.

    What a callback raises goes to the event loop's exception handler, and nowhere else: raised through the engine, it
    would end a lane between an intent and its answer.
    """

    def __init__(self, observer: Observer | None = None, keep: Callable[[Record], None] | None = None) -> None:
        self._observer = observer
        self._keep = keep

    def event(self, name: str, **fields: Any) -> None:
        """Tell the observer, if there is one."""
        if self._observer is not None:
            with _its_own(f"an observer of a launch failed at the event {name}"):
                self._observer.event(name, **fields)

    def unrecorded(self, record: Record) -> None:
        """Hand on a record that the journal could not take."""
        if self._keep is not None:
            with _its_own("an unrecorded record of a launch was not kept"):
                self._keep(record)


@contextmanager
def _its_own(message: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever it is, it is not the run's
        asyncio.get_running_loop().call_exception_handler({"message": message, "exception": error})
