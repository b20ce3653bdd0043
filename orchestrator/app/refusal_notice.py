"""Tells that a run which waited for its time may not begin: nobody sits in front of it then."""

import asyncio
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from orchestrator.app.notifier import Notifier, source_of
from orchestrator.core.manifest.notify import MAX_ENTRIES, NoticeEvent
from orchestrator.core.notice import Notice
from orchestrator.core.text import command_line, timestamp
from orchestrator.errors import OrchestratorError
from orchestrator.loading.manifest_file import LoadedManifest
from orchestrator.model import PosixSeconds
from orchestrator.notify.deliver import SECONDS


@asynccontextmanager
async def telling_refusal(notifier: Notifier, loaded: LoadedManifest, run_id: str = "") -> AsyncIterator[None]:
    """Tell where an error that promises that nothing was sent ends the block. A signal is its sender's own doing.

    The notice is in no journal: that of a ledger that is away cannot be written, and without a run, none is read.
    """
    try:
        yield
    except OrchestratorError as error:
        if error.nothing_was_sent:
            await _tell(notifier, loaded, run_id, error)
        raise


async def _tell(notifier: Notifier, loaded: LoadedManifest, run_id: str, error: OrchestratorError) -> None:
    manifest, now = loaded.manifest, PosixSeconds(time.time())
    notice = Notice(
        event=NoticeEvent.STOPPED, source=source_of(manifest, loaded.environment, run_id), at=now,
        sentence=f"a run that waited for its time ended with exit code {int(error.exit_code)}: {error.sentence}",
        about=timestamp(now), next=command_line("status", manifest.launch, ledger=manifest.ledger),
    )  # fmt: skip
    wanted = [one for one in notifier.addressees if NoticeEvent.STOPPED in one.on]
    until, loop = time.monotonic() + SECONDS, asyncio.get_running_loop()
    with ThreadPoolExecutor(MAX_ENTRIES) as pool:
        sent = [loop.run_in_executor(pool, one.tell, notice, now, until) for one in wanted]
        for one, why in zip(wanted, await asyncio.gather(*sent), strict=True):
            if why:
                notifier.event("notice_failed", notice=str(notice.event), entry=one.name, message=why)
