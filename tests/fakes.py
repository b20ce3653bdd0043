"""Stand-ins with behaviour for the engine's ports (style.md, habit 21). Time is the event loop's own."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from orchestrator.core.attempt.permit import Permit, PermitError, grant
from orchestrator.core.journal import control
from orchestrator.core.journal.control import OPEN, Committed, ControlCommand, ControlState
from orchestrator.core.manifest.models import Pass
from orchestrator.errors import JournalWriteError, LeaseLost
from orchestrator.model import (
    CallTarget,
    CampaignKey,
    ContactList,
    Fault,
    Lane,
    LiveState,
    Progress,
    Read,
    Record,
    Reply,
)
from orchestrator.ports import Clock

BASE = 1_700_000_000.0  # 2023-11-14, a Tuesday, 22:13:20 UTC


class ManualClock:
    """POSIX seconds that pass when a test says so; any thread may read them."""

    def __init__(self, at: float = BASE) -> None:
        self.at = at

    def now(self) -> float:
        return self.at


@dataclass(frozen=True, slots=True)
class Step:
    """What one call meets: how far its bytes get, what comes back, after how long, and what it did to the campaign."""

    progress: Progress | None = None  # None: a whole reply comes
    http_status: int | None = 200
    payload: Any = None
    text: str = ""
    retry_after: str | None = None
    date: str | None = None
    fix: str = ""
    lacks: str = ""
    takes: float | None = None
    then: LiveState | None = None  # the campaign's live state once the request has arrived


def says(http_status: int, text: str = "", **more: Any) -> Step:
    """A whole reply."""
    return Step(None, http_status, text=text, **more)


def loses(progress: Progress, text: str = "the connection was lost", **more: Any) -> Step:
    """A fault after which nobody answers."""
    return Step(progress, more.pop("http_status", None), text=text, **more)


UNSENT = loses(Progress.UNSENT, "no connection before the first byte was sent")
ACCEPTED = says(200, payload={"status": "Active"}, then=LiveState("Active"))
STOPPED = says(200, payload={"status": "Stopped", "message": "Campaign Stopped"}, then=LiveState("Stopped"))
READ = says(200, payload={"status": "success"})
NOT_FOUND = says(400, payload={"errors": [{"msg": "Campaign not found", "code": 400}]})


@dataclass(frozen=True, slots=True)
class Call:
    """A call whose first byte left."""

    what: str  # start, stop, status, list, get or lists
    key: CampaignKey
    at: float  # seconds of the loop
    page: int = 0


class ScriptedApi:
    """A platform that plays a script, and accepts every start the script is silent about.

    `scripts` are steps by campaign key, one for each start; `read_steps` are met by the next reads, whatever they ask
    for. A step of None lets the call go the ordinary way.
    """

    def __init__(self, clock: Clock, *, latency: float = 0.1) -> None:
        self.clock = clock
        self.latency = latency
        self.connecting = 0.0  # seconds before the first byte of a start
        self.live: dict[CampaignKey, LiveState] = {}
        self.details: dict[CampaignKey, LiveState] = {}  # as got by id
        self.lists: dict[str, tuple[ContactList, ...] | None] = {}  # by stream; None: not to be understood
        self.page_size = 50
        self.endless = False  # every page says that there is another
        self.counts_pages = True  # a list says how many pages are left
        self.read_steps: deque[Step | None] = deque()
        self.scripts: dict[str, deque[Step | None]] = defaultdict(deque)
        self.calls: list[Call] = []
        self.prevented: list[str] = []  # starts that `check` or the permit forbade, in words
        self.open_starts = 0
        self.most_open_starts = 0

    def script(self, key: str, *steps: Step | None) -> None:
        self.scripts[key].extend(steps)

    def started(self, key: str | None = None) -> list[float]:
        """When the starts left, of one campaign or of all."""
        return [c.at for c in self.calls if c.what == "start" and key in {None, c.key}]

    def reads(self, what: str) -> list[float]:
        return [c.at for c in self.calls if c.what == what]

    async def start(self, target: CallTarget, permit: Permit, *, check: Callable[[], str | None]) -> Reply | Fault:
        self.open_starts += 1
        self.most_open_starts = max(self.most_open_starts, self.open_starts)
        try:
            return await self._start(target, permit, check)
        finally:
            self.open_starts -= 1

    async def _start(self, target: CallTarget, permit: Permit, check: Callable[[], str | None]) -> Reply | Fault:
        begun = self.clock.now()
        await asyncio.sleep(self.connecting)
        step = self._next(self.scripts[target.key]) or ACCEPTED
        if step.progress is Progress.UNSENT:
            await asyncio.sleep(step.takes or 0.0)
            return self._answer(step, begun, None)
        if (withheld := check()) is not None:
            self.prevented.append(withheld)
            return self._withheld(withheld, begun)
        try:
            permit.use(target.key, self.clock.now())
        except PermitError as error:
            self.prevented.append(str(error))
            return self._answer(loses(Progress.UNSENT, str(error)), begun, None)
        sent_at = self.clock.now()
        self._count("start", target)
        if step.then is not None:
            self.live[target.key] = step.then
        await asyncio.sleep(self.latency if step.takes is None else step.takes)
        return self._answer(step, begun, sent_at)

    async def stop(self, target: CallTarget, *, check: Any = None) -> Reply | Fault:
        begun = self.clock.now()
        if check is not None and (withheld := check()) is not None:
            return self._withheld(withheld, begun)
        step = self._next(self.scripts[f"stop {target.key}"]) or STOPPED
        if step.progress is Progress.UNSENT:
            return self._answer(step, begun, None)
        self._count("stop", target)
        if step.then is not None:
            self.live[target.key] = step.then
        await asyncio.sleep(self.latency if step.takes is None else step.takes)
        return self._answer(step, begun, begun)

    async def list(self, target: CallTarget, page: int, *, is_ordered: bool = True, check: Any = None) -> Read:
        states = [(key, state) for key, state in self.live.items() if key.startswith(f"{target.stream}/")]
        shown = states[(page - 1) * self.page_size : page * self.page_size]
        answer = await self._read("list" if is_ordered else "unordered list", target, page, check)
        if isinstance(answer, Fault) or answer.http_status != 200:
            return Read(answer)
        more = self.endless or page * self.page_size < len(states)
        left = None if self.endless or not self.counts_pages else -(-len(states) // self.page_size) - page
        return Read(answer, {key.partition("/")[2]: state for key, state in shown}, more, left)

    async def status(self, target: CallTarget, *, check: Any = None) -> Read:
        answer = await self._read("status", target, 0, check)
        if isinstance(answer, Fault) or answer.http_status != 200:
            return Read(answer)
        if target.key not in self.live:
            return Read(self._answer(NOT_FOUND, self.clock.now(), None))
        # As the platform's reply: it names no instance and no time (kore-api.md section 1.5).
        status = self.live[target.key].status
        return Read(answer, {target.campaign: LiveState(status, names_instance=False)})

    async def get(self, target: CallTarget, *, check: Any = None) -> Read:
        answer = await self._read("get", target, 0, check)
        if isinstance(answer, Fault) or answer.http_status != 200:
            return Read(answer)
        if target.key not in self.live:
            return Read(self._answer(NOT_FOUND, self.clock.now(), None))
        # As the platform's reply: it names no instance, and no time of one (kore-api.md section 1.6).
        live = self.details.get(target.key, self.live[target.key])
        return Read(
            answer, {target.campaign: replace(live, instance_id=None, instance_updated_at=None, names_instance=False)}
        )

    async def contact_lists(self, target: CallTarget, *, check: Any = None) -> Read:
        answer = await self._read("lists", target, 0, check)
        if isinstance(answer, Fault) or answer.http_status != 200:
            return Read(answer)
        return Read(answer, lists=self.lists.get(target.stream, ()))

    async def _read(self, what: str, target: CallTarget, page: int, check: Any) -> Reply | Fault:
        begun = self.clock.now()
        if check is not None and (withheld := check()) is not None:
            return self._withheld(withheld, begun)
        step = self._next(self.read_steps) or READ
        if step.progress is Progress.UNSENT:
            return self._answer(step, begun, None)
        self._count(what, target, page)
        await asyncio.sleep(self.latency if step.takes is None else step.takes)
        return self._answer(step, begun, begun)

    def _count(self, what: str, target: CallTarget, page: int = 0) -> None:
        self.calls.append(Call(what, target.key, asyncio.get_running_loop().time(), page))

    def _answer(self, step: Step, begun: float, sent_at: float | None) -> Reply | Fault:
        elapsed = self.clock.now() - (begun if sent_at is None else sent_at)
        if step.progress is not None:
            return Fault(step.progress, step.text, sent_at, elapsed, step.http_status, fix=step.fix, lacks=step.lacks)
        status = 200 if step.http_status is None else step.http_status
        return Reply(
            status, step.payload, step.text, begun if sent_at is None else sent_at, elapsed, step.retry_after, step.date
        )

    def _withheld(self, text: str, begun: float) -> Fault:
        return Fault(Progress.UNSENT, text, None, self.clock.now() - begun, withheld=True)

    @staticmethod
    def _next(steps: deque[Step | None]) -> Step | None:
        return steps.popleft() if steps else None


class MemoryJournal:
    """A journal in a list, as strict as the real one: unique lines, a permit only for a stored intent."""

    def __init__(self, records: tuple[Record, ...] = (), *, latency: float = 0.0) -> None:
        self.records = list(records)
        self.latency = latency
        self.lost: set[Lane] = set()
        self.refuses: Callable[[Record], bool] = lambda _: False
        self.storing: Callable[[], Any] | None = None  # awaited before each store
        self.control_states: dict[str, ControlState] = {}
        self.unreadable: Exception | None = None

    def of(self, kind: str) -> list[Record]:
        return [record for record in self.records if record.kind == kind]

    async def permit(self, intent: Record) -> Permit:
        await self.record(intent)
        return grant(intent)

    def holds(self, lane: Lane) -> bool:
        return lane not in self.lost

    async def control_state(self, launch: str) -> ControlState:
        if self.unreadable is not None:
            raise self.unreadable
        return self.control_states.get(launch, OPEN)

    def record_command(
        self, launch: str, command: ControlCommand, reason: str, *, by: str = "ann", is_running: bool = False
    ) -> None:
        before = self.control_states.get(launch, OPEN)
        self.records.append(
            control.command_record(before, launch, command, by, reason, now=BASE, is_running=is_running)
        )
        self.control_states[launch] = control.apply(before, self.records[-1])

    def record(self, record: Record) -> asyncio.Future[None]:
        return asyncio.ensure_future(self._record(record))

    async def _record(self, record: Record) -> None:
        await asyncio.sleep(self.latency)
        if self.storing is not None:
            await self.storing()
        if self.refuses(record):
            raise JournalWriteError("the disk is full")
        kind = record.kind
        if Lane(record.lane) in self.lost:
            if kind == "intent":
                raise LeaseLost("this run's lease has ended, or another run has taken it")
            kind = f"late_{kind}"
        held = Committed(control_states=self.control_states).refusal(record)
        if held is not None:
            raise held
        self._store(record, kind)

    def _store(self, record: Record, kind: str) -> None:
        stored = Record(
            record.launch, record.campaign, record.attempt, kind, record.run_id, record.at, record.lane, record.data
        )
        if _line(stored) in {_line(r) for r in self.records if r.campaign == stored.campaign}:
            raise JournalWriteError(f"the journal has a record already: {kind} of {record.campaign}")
        self.records.append(stored)


def _line(record: Record) -> tuple[str, str, int, str]:
    return record.launch, record.campaign, record.attempt, record.kind


class ScriptedChecks:
    """Commands that take their time, and then say what the script says; they pass where it is silent."""

    def __init__(self, *answers: str | None, takes: float = 0.0) -> None:
        self.answers = deque(answers)
        self.takes = takes
        self.asked: list[tuple[tuple[str, ...] | None, dict[str, str]]] = []
        self.cancelled = 0

    async def run(self, check: Pass, facts: Mapping[str, str]) -> str | None:
        self.asked.append((check.command, dict(facts)))
        try:
            await asyncio.sleep(self.takes)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return self.answers.popleft() if self.answers else None


class RecordingObserver:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def event(self, name: str, **fields: Any) -> None:
        self.events.append((name, fields))

    def named(self, name: str) -> list[dict[str, Any]]:
        return [fields for told, fields in self.events if told == name]
