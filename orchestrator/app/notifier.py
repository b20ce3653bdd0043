"""Sends notices to those whom `notify` names. The launch's starts never wait for that."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final, Self

from sqlalchemy.exc import IntegrityError

from orchestrator.app.addressees import Addressee, addressees_of
from orchestrator.core.exit_codes import RUN_MEANINGS
from orchestrator.core.manifest.models import Manifest
from orchestrator.core.manifest.notify import MAX_ENTRIES, NoticeEvent
from orchestrator.core.notice import NOTICE, Notice, NoticeSource, told
from orchestrator.core.result.types import Result
from orchestrator.core.text import command_line, plural, titled
from orchestrator.errors import OrchestratorError
from orchestrator.ledger.store import Store
from orchestrator.loading.manifest_file import LoadedManifest
from orchestrator.model import CampaignKey, Outcome, PosixSeconds, Record
from orchestrator.notify.deliver import SECONDS
from orchestrator.ports import Clock, Observer
from orchestrator.redaction import Redactor


def source_of(manifest: Manifest, environment: str | None, run_id: str) -> NoticeSource:
    """What the notices of a run are about."""
    link = manifest.links.serve_page(manifest.launch)
    return NoticeSource(manifest.launch, run_id, manifest.host, environment, link)


@asynccontextmanager
async def telling(
    notifier: "Notifier", loaded: LoadedManifest, run_id: str, store: Store, clock: Clock
) -> AsyncIterator["Notifier"]:
    """Tells of a run while the block watches it from outside: it is a fleet's, or over."""

    async def record(one: Record) -> None:
        with suppress(IntegrityError):  # a process that watches at the same time has sent it, too
            await asyncio.to_thread(store.commit, [one], run_id, {}, one.at)

    await notifier.begin(loaded, run_id, store, clock.now, record)
    try:
        yield notifier
    finally:
        await notifier.close()


_MOST_NAMED: Final = 3
"""Stalled campaigns that a notice names."""


class Notifier:
    """An observer that tells of a run what each addressee wants to know, and passes all events on.

    Nothing here raises, or waits, on the path of a start; each notice takes `SECONDS` at most, from the moment at which
    there is something to tell.
    """

    def __init__(self, addressees: Sequence[Addressee] = (), observer: Observer | None = None) -> None:
        self.not_told: list[str] = []
        """A sentence for each notice and each addressee whom it did not reach."""
        self.addressees = addressees
        """Those whom the manifest names."""
        self._observer = observer
        self._manifest: Manifest | None = None
        self._counts: Counter[str] = Counter()
        self._stalls: dict[CampaignKey, str] = {}  # since the last notice of them, with what is said of each
        self._told: set[tuple[str, str]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._desk: _Desk | None = None

    @classmethod
    async def of(cls, loaded: LoadedManifest, redactor: Redactor, observer: Observer) -> Self:
        """One for those whom a manifest names; `redactor` learns their secrets."""
        return cls(await asyncio.to_thread(addressees_of, loaded, redactor), observer)

    def again(self, observer: Observer) -> "Notifier":
        """Another one for the same addressees."""
        return Notifier(self.addressees, observer)

    async def begin(
        self,
        loaded: LoadedManifest,
        run_id: str,
        store: Store,
        now: Callable[[], PosixSeconds],
        record: Callable[[Record], Awaitable[None]],
    ) -> None:
        """The run is known: from now on, its events are told. `record` journals what was told."""
        if not self.addressees:
            return
        source = source_of(loaded.manifest, loaded.environment, run_id)
        # Another process may have watched the run before: what it told is not told again.
        self._told |= told(await asyncio.to_thread(store.read, source.launch, campaign=f"@{run_id}", kinds=(NOTICE,)))
        self._manifest = loaded.manifest
        loop = asyncio.get_running_loop()
        self._desk = _Desk(source, store.url, now, record, loop, ThreadPoolExecutor(MAX_ENTRIES))

    def event(self, name: str, **fields: Any) -> None:
        """Pass an event on, and tell it where somebody wants to know."""
        if self._observer is not None:
            self._observer.event(name, **fields)
        if self._desk is not None and (tell := _TOLD.get(name)) is not None:
            tell(self, fields)

    def tell(
        self,
        event: NoticeEvent,
        sentence: str,
        *,
        about: str = "",
        next_step: str = "",
        counts: Mapping[str, int] | None = None,
        recipients: int | None = None,
    ) -> None:
        """Send a notice once, from any thread, without waiting. `about` tells notices of one event apart."""
        desk, key = self._desk, (str(event), about)
        wanted = [one for one in self.addressees if event in one.on]
        if desk is None or key in self._told or not wanted:
            return
        self._told.add(key)
        notice = Notice(
            event=event, source=desk.source, sentence=sentence, at=desk.now(), about=about, recipients=recipients,
            next=next_step or desk.command("status"), counts=dict(self._counts if counts is None else counts),
        )  # fmt: skip
        until = time.monotonic() + SECONDS
        desk.loop.call_soon_threadsafe(self._begin_telling, desk, notice, wanted, until)

    def _begin_telling(self, desk: "_Desk", notice: Notice, wanted: Sequence[Addressee], until: float) -> None:
        task = desk.loop.create_task(self._deliver(desk, notice, wanted, until))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Not raised, and not with its words: it may quote an address.
            self.not_told.append(f"a notice failed with an unexpected error ({type(error).__name__})")

    async def _deliver(self, desk: "_Desk", notice: Notice, wanted: Sequence[Addressee], until: float) -> None:
        # 1. To all at once: one that is slow must not take the time of the others.
        sent = (desk.loop.run_in_executor(desk.pool, one.tell, notice, desk.now(), until) for one in wanted)
        failed = {one: why for one, why in zip(wanted, await asyncio.gather(*sent), strict=True) if why}
        sentences = [f"notice {notice.event} did not reach {one.name}: {why}" for one, why in failed.items()]
        # 2. Into the journal. It may be what has failed, and then the run says so itself.
        self.not_told += sentences
        with suppress(OrchestratorError):
            await desk.record(notice.record(sentences, desk.now()))
        for one, why in failed.items():
            self.event("notice_failed", notice=str(notice.event), entry=one.name, message=why)

    async def finished(self, result: Result) -> Result:
        """Tell how a run ended. Returns its result, with a warning for each notice that could not be delivered."""
        self._tell_end(result)
        await self.wait()
        # In the order in which the journal's reader has them.
        others = [warning for warning in result.warnings if warning not in self.not_told]
        return replace(result, warnings=[*others, *sorted(self.not_told)]) if self.not_told else result

    def _tell_end(self, result: Result) -> None:
        counts = {str(outcome): count for outcome, count in result.totals.items() if count}
        people = result.recipients
        recipients = None if people["unknown_campaigns"] else people["known"]
        if (stop := result.run["stop"]) is not None:
            sentence = f"the run stopped early ({stop['reason']}): {stop['detail']}"
            self.tell(NoticeEvent.STOPPED, sentence, counts=counts, recipients=recipients)
        code = result.exit_code
        sentence = f"the run has ended with exit code {code}: {RUN_MEANINGS.get(code, 'the run failed')}"
        self.tell(NoticeEvent.FINISHED, sentence, counts=counts, recipients=recipients)

    async def wait(self) -> None:
        """Wait until all is told or given up: `SECONDS` at most."""
        self._tell_stalls()
        await asyncio.sleep(0)  # what was told a moment ago is a task only now
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """Send no notices from now on; wait for those that are being sent."""
        await self.wait()
        if self._desk is not None:
            self._desk.pool.shutdown(wait=False)
            self._desk = None

    # What a run's events tell.

    def _campaign_done(self, fields: Mapping[str, Any]) -> None:
        self._counts[fields["outcome"]] += 1
        if fields["outcome"] == Outcome.UNKNOWN:
            self.tell(NoticeEvent.UNKNOWN, "a start is unknown: it may have been carried out, and a person must look")

    def _lane_stopped(self, fields: Mapping[str, Any]) -> None:
        account_id = fields["lane"].rpartition(" ")[2]
        account = self._manifest.account_names.get(account_id, account_id) if self._manifest else account_id
        sentence = f"account {account} has stopped ({fields['reason']}): {fields['message']}"
        self.tell(NoticeEvent.STOPPED, sentence)

    def _paused(self, fields: Mapping[str, Any]) -> None:
        self._tell_command(f"paused by {fields['by']}: {fields['reason']}", fields)

    def _aborted(self, fields: Mapping[str, Any]) -> None:
        self._tell_command(f"aborted by {fields['by']}: {fields['reason']}", fields)

    def _unpaused(self, fields: Mapping[str, Any]) -> None:
        self._tell_command("its pause is over: starts leave again", fields)

    def _tell_command(self, sentence: str, fields: Mapping[str, Any]) -> None:
        self.tell(NoticeEvent.PAUSED, sentence, about=str(fields["number"]))

    def _wave_passed(self, fields: Mapping[str, Any]) -> None:
        self.tell(NoticeEvent.WAVE_PASSED, f"wave {fields['wave']} has passed", about=fields["wave"])

    def _stalled(self, fields: Mapping[str, Any]) -> None:
        # A carrier's trouble stalls hundreds at once: one notice is read, and hundreds are not.
        if self._desk is not None and (NoticeEvent.STALLED, fields["campaign"]) not in self._told:
            self._stalls[fields["campaign"]] = fields["message"]
            self._desk.loop.call_soon_threadsafe(self._tell_stalls)

    def _tell_stalls(self) -> None:
        stalls, self._stalls = self._stalls, {}
        if not stalls or self._desk is None:
            return
        names = self._manifest.campaign_names if self._manifest else {}
        shown = [titled(names.get(key, ""), key) for key in islice(stalls, _MOST_NAMED)]
        sentence = f"{shown[0]}: {next(iter(stalls.values()))}"
        if len(stalls) > 1:
            more = f", and {len(stalls) - len(shown):,} more" if len(stalls) > len(shown) else ""
            sentence = f"{plural(len(stalls), 'campaign')} are Active and send nothing: {', '.join(shown)}{more}"
        self.tell(NoticeEvent.STALLED, sentence, about=" ".join(stalls), next_step=self._desk.command("follow"))
        self._told |= {(NoticeEvent.STALLED, key) for key in stalls}


_TOLD: Final[Mapping[str, Callable[[Notifier, Mapping[str, Any]], None]]] = {
    "campaign_done": Notifier._campaign_done,  # noqa: SLF001 - its own table
    "lane_stopped": Notifier._lane_stopped,  # noqa: SLF001
    "launch_paused": Notifier._paused,  # noqa: SLF001
    "launch_aborted": Notifier._aborted,  # noqa: SLF001
    "launch_unpaused": Notifier._unpaused,  # noqa: SLF001
    "wave_passed": Notifier._wave_passed,  # noqa: SLF001
    "delivery_stalled": Notifier._stalled,  # noqa: SLF001
}


@dataclass(frozen=True, slots=True)
class _Desk:
    """Where the notices of one run are sent from. `now` is the ledger's clock."""

    source: NoticeSource
    ledger: str
    now: Callable[[], PosixSeconds]
    record: Callable[[Record], Awaitable[None]]
    loop: asyncio.AbstractEventLoop
    pool: ThreadPoolExecutor

    def command(self, name: str) -> str:
        """A command about the launch, such as `status`."""
        return command_line(name, self.source.launch, ledger=self.ledger)
