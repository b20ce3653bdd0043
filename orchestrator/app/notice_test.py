"""The work of `notify test`: one notice of each kind to everybody whom a manifest names."""

import asyncio
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from orchestrator.app.addressees import Addressee, addressees_of
from orchestrator.app.notifier import source_of
from orchestrator.clock import SystemClock
from orchestrator.core.manifest.notify import MAX_ENTRIES, NoticeEvent
from orchestrator.core.notice import Notice
from orchestrator.core.text import command_line
from orchestrator.errors import NothingSelected
from orchestrator.loading.manifest_file import LoadedManifest
from orchestrator.notify.deliver import SECONDS
from orchestrator.redaction import Redactor


@dataclass(frozen=True, slots=True)
class Tested:
    """What came of the notices to one addressee: by event, why it did not arrive, and empty if it did."""

    name: str
    came: Mapping[NoticeEvent, str]

    @property
    def is_told(self) -> bool:
        """Whether all arrived."""
        return not any(self.came.values())

    @property
    def sentence(self) -> str:
        """For a person: which events arrived, and why the others did not."""
        arrived = ", ".join(event for event, why in self.came.items() if not why)
        by_cause = {why: [event for event, one in self.came.items() if one == why] for why in self.came.values() if why}
        lost = [f"no notice of {', '.join(events)}: {why}" for why, events in by_cause.items()]
        return f"{self.name}: " + "; ".join([*([f"sent notices of {arrived}"] if arrived else []), *lost])


async def send_tests(loaded: LoadedManifest, redactor: Redactor) -> list[Tested]:
    """Send one notice of each event to each entry of `notify` that chose it, marked as a test.

    `redactor` learns the addresses. Raises NothingSelected for a manifest without entries.
    """
    addressees = await asyncio.to_thread(addressees_of, loaded, redactor)
    if not addressees:
        raise NothingSelected("the manifest has no notify: there is nobody to notify")
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(MAX_ENTRIES) as pool:
        sent = [loop.run_in_executor(pool, _send, one, loaded) for one in addressees]
        return await asyncio.gather(*sent)


def _send(addressee: Addressee, loaded: LoadedManifest) -> Tested:
    now, manifest = SystemClock().now(), loaded.manifest
    came = {}
    # One after the other: a service that is told seven things at once may take it for an attack.
    for event in addressee.on:
        notice = Notice(
            event=event, source=source_of(manifest, loaded.environment, ""), is_test=True, at=now,
            sentence=f"a notice of {event} looks like this",
            next=command_line("status", manifest.launch, ledger=manifest.ledger),
        )  # fmt: skip
        came[event] = addressee.tell(notice, now, time.monotonic() + SECONDS)
    return Tested(addressee.name, came)
