"""What a plan takes at least, and what it cannot promise.

The estimate is by pacing, windows, bakes and start times, on a network without latency: when each campaign may start
at the earliest.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from orchestrator.core.manifest.models import Manifest
from orchestrator.core.manifest.start_times import StartTime
from orchestrator.core.plan.decision import Action
from orchestrator.core.plan.delivery_gates import Gate, gate_after
from orchestrator.core.plan.plan import Entry, Plan
from orchestrator.core.plan.proposal import Proposal
from orchestrator.core.plan.texting import NO_FORECAST, Forecast, plan_forecast
from orchestrator.core.rules.pacing import Pacer
from orchestrator.core.rules.windows import WindowCalendar
from orchestrator.core.text import plural
from orchestrator.model import CampaignKey, PosixSeconds

_PROBES: Final = 2
"""The most calls that checking an open intent takes: one at once, one after it has settled."""

_MAX_SHOWN: Final = 3
_ZERO: Final = PosixSeconds(0.0)
_LEAST_WAIT: Final = 1e-6  # a smaller step may be none, at this distance from 1970


@dataclass(frozen=True, slots=True)
class Estimate:
    """Seconds after a run's first call: each start at the earliest, and the last call. `calls` by account name.

    The first call is made at `begins` (POSIX seconds). `is_dated`: a start waits for `not_before`, `--at` or a window,
    so that times of the day say more than seconds. `held` are starts that would be held, with the reason in words.
    `texting` is when messages are sent, in accounts whose messages per minute are known. `gates` are the waves that
    wait for the texting of others: what is behind one that cannot be forecast starts later than `earliest` says.
    """

    earliest: Mapping[CampaignKey, PosixSeconds]
    calls: Mapping[str, int]
    seconds: float
    begins: PosixSeconds = PosixSeconds(0.0)
    is_dated: bool = False
    held: Mapping[CampaignKey, str] = field(default_factory=dict)
    texting: Forecast = NO_FORECAST
    gates: tuple[Gate, ...] = ()

    def waits_for(self, waves: Iterable[str]) -> dict[str, str]:
        """Of a plan's waves, in their order, those behind texting that cannot be forecast: the wave that texts."""
        open_ended, after, found = {gate.opens: gate.after for gate in self.gates if gate.at is None}, "", {}
        for wave in waves:
            after = open_ended.get(wave, after)
            if after:
                found[wave] = after
        return found


@dataclass(frozen=True, slots=True)
class PlannedLaunch:
    """A plan that was made now: `plan.sha256` is what `approve` takes. `notes` are sentences for its reader."""

    plan: Plan
    proposal: Proposal
    estimate: Estimate
    notes: tuple[str, ...]


class _LaneAhead:
    """One lane's calls, each as early as its rate limit and the windows let it leave. It begins at `now`."""

    def __init__(self, pacer: Pacer, calendar: WindowCalendar, now: PosixSeconds, patience: float) -> None:
        self._pacer = pacer
        self._calendar = calendar
        self._patience = patience
        self.now = now
        self.calls = 0
        self.earliest: dict[CampaignKey, PosixSeconds] = {}
        self.held: dict[CampaignKey, str] = {}

    def call(self) -> PosixSeconds:
        self._wait_for_slot()
        self._pacer.reserve(self.now)
        # Released at once: an estimate's network has no latency.
        self._pacer.release(self.now)
        self.calls += 1
        return self.now

    def _wait_for_slot(self) -> None:
        while (wait := self._pacer.wait(self.now)) > 0:
            self.now = PosixSeconds(self.now + max(wait, _LEAST_WAIT))

    def run(self, entries: Iterable[Entry]) -> None:
        """One wave of the lane. As in a run, the first whose window is open goes first."""
        queues: dict[str | None, deque[tuple[int, Entry]]] = defaultdict(deque)
        for place, entry in enumerate(entries):
            if entry.decision.action is Action.JUDGE:
                for _ in range(_PROBES):
                    self.call()
            elif entry.decision.action is Action.START:
                queues[entry.window].append((place, entry))
        waits: dict[str, PosixSeconds] = {}
        while any(queues.values()):
            # 1. Campaigns that do not start in this run, at the moment at which a run decides that.
            self._hold(queues, waits)
            # 2. The first that may leave once the rate limit allows a call.
            self._wait_for_slot()
            may_leave = [jobs for name, jobs in queues.items() if jobs and self._calendar.is_open(name, self.now)]
            if may_leave:
                _, entry = min(may_leave, key=lambda jobs: jobs[0][0]).popleft()
                self.earliest[entry.key] = self.call()
                continue
            # 3. None: on to the first window that opens.
            opens = [self._calendar.next(name, self.now).opens for name, jobs in queues.items() if jobs and name]
            if opens and not self._calendar.has_ended(self.now):
                self.now = max(self.now, min(opens))

    def _hold(self, queues: Mapping[str | None, deque[tuple[int, Entry]]], waits: dict[str, PosixSeconds]) -> None:
        calendar, now = self._calendar, self.now
        for name, jobs in queues.items():
            if not jobs or calendar.is_open(name, now):
                continue
            why = calendar.ending
            if name is not None and not calendar.has_ended(now):
                opens = calendar.next(name, now).opens
                if waits.get(name) == opens or calendar.is_worth_waiting(name, now, self._patience):
                    waits[name] = opens
                    continue
                why = calendar.why_held(name, now, self._patience)
            self.held.update((entry.key, why) for _, entry in jobs)
            jobs.clear()


def estimate(
    manifest: Manifest, plan: Plan, reads: Mapping[str, int], now: PosixSeconds = _ZERO, start: StartTime | None = None
) -> Estimate:
    """The plan's times and calls; `reads` are the calls of its preflight by account, which a run makes again.

    The run is called at `now` (POSIX seconds), and waits for `start`.
    """
    names = dict.fromkeys(entry.account for entry in plan.entries)
    begins = max(now, start.at) if start is not None else now
    calendar = WindowCalendar(manifest.windows, manifest.not_after)
    lanes = {
        name: _LaneAhead(Pacer(manifest.accounts[name].rate), calendar, begins, manifest.windows_wait) for name in names
    }
    # 1. The preflight: each lane makes its reads, all lanes at the same time.
    for name, lane in lanes.items():
        for _ in range(reads.get(name, 0)):
            lane.call()
    # 2. Wave by wave.
    opens, gates = _run_waves(manifest, plan, lanes, begins)
    # 3. All of it in seconds after the first call.
    earliest = {key: PosixSeconds(at - begins) for lane in lanes.values() for key, at in lane.earliest.items()}
    held = {key: why for lane in lanes.values() for key, why in lane.held.items()}
    has_windows = any(entry.window and entry.decision.action is Action.START for entry in plan.entries)
    calls = {name: lane.calls for name, lane in lanes.items()}
    # No time of texting is known where a wave waits for one that is not.
    is_known = all(gate.at is not None for gate in gates)
    ends = plan_forecast(manifest, plan, _starting(lanes)) if is_known else NO_FORECAST
    return Estimate(earliest, calls, opens - begins, begins, begins > now or has_windows, held, ends, tuple(gates))


def _run_waves(
    manifest: Manifest, plan: Plan, lanes: Mapping[str, _LaneAhead], begins: PosixSeconds
) -> tuple[PosixSeconds, list[Gate]]:
    """When the last wave is done, and which waves wait for the texting of others."""
    bakes, waves, gates = {wave.name: wave.bake for wave in manifest.waves}, _by_wave(plan), list[Gate]()
    opens = max((lane.now for lane in lanes.values()), default=begins)
    for name, following in pairwise([*waves, ""]):
        _run_wave(waves[name], lanes, opens)
        # 1. The next one opens when the last lane is done. Nothing waits for the bake of the last wave.
        opens = max(lane.now for lane in lanes.values())
        if not following:
            break
        # 2. And when the bake is over. Nothing waits for that of a wave without calls.
        if any(entry.decision.action is not Action.SKIP for entry in waves[name]):
            opens = PosixSeconds(opens + bakes.get(name, 0.0))
        # 3. And when it has texted, where its rule asks for that.
        gate = gate_after(manifest, plan, name, following, starting=_starting(lanes), baked_at=opens)
        if gate is not None:
            gates.append(gate)
            opens = max(opens, gate.at or opens)
    return opens, gates


def _starting(lanes: Mapping[str, _LaneAhead]) -> dict[CampaignKey, PosixSeconds]:
    return {key: at for lane in lanes.values() for key, at in lane.earliest.items()}


def start_of(manifest: Manifest, at: StartTime | None = None) -> StartTime | None:
    """When a run may start: the later of `not_before` and the time `at` of the command line; None: at once."""
    times = [time for time in (at, manifest.not_before) if time is not None]
    return max(times, key=lambda time: time.at, default=None)


def texting(manifest: Manifest, plan: Plan, now: PosixSeconds, at: StartTime | None = None) -> Forecast:
    """When messages are sent by a run that is called at `now` (POSIX seconds), and waits for `at` and `not_before`."""
    has_rate = any(one.messages_per_minute is not None for one in manifest.accounts.values())
    return estimate(manifest, plan, {}, now, start_of(manifest, at)).texting if has_rate else NO_FORECAST


def _by_wave(plan: Plan) -> dict[str, list[Entry]]:
    waves: dict[str, list[Entry]] = defaultdict(list)
    for entry in plan.entries:
        waves[entry.wave].append(entry)
    return waves


def _run_wave(entries: list[Entry], lanes: Mapping[str, _LaneAhead], opens: PosixSeconds) -> None:
    by_account: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_account[entry.account].append(entry)
    for name, lane in lanes.items():
        # A lane that was done early waits for the others.
        lane.now = max(lane.now, opens)
        lane.run(by_account[name])


def start_notes(ahead: Estimate) -> list[str]:
    """A sentence for each wave that waits for texting, and for each reason for which starts would be held."""
    waits = [gate.sentence(ahead.begins) for gate in ahead.gates]
    return waits + [
        f"a run holds {plural(count, 'campaign')}: {why}" for why, count in Counter(ahead.held.values()).items()
    ]


def caveats(manifest: Manifest, plan: Plan) -> tuple[str, ...]:
    """Sentences for the reader of a plan; the plan's own warnings are not repeated."""
    starts = [entry for entry in plan.entries if entry.decision.action is Action.START]
    if not starts:
        return ()
    return (*_without_dnc(manifest, starts), *_unchecked(manifest, starts))


def _without_dnc(manifest: Manifest, starts: list[Entry]) -> list[str]:
    """The global DNC list does not apply to SMS (kore-api.md section 0, fact 10). A status call names none."""
    if manifest.preflight.check != "list":
        return []
    bare = [entry.key for entry in starts if entry.live and entry.live.names_dnc and not entry.live.dnc_lists]
    if not bare:
        return []
    names = ", ".join(bare[:_MAX_SHOWN]) + (", ..." if len(bare) > _MAX_SHOWN else "")
    which = f"{len(bare)} of {plural(len(starts), 'campaign')} {'has' if len(bare) == 1 else 'have'}"
    return [f"{which} no DNC list ({names}); the global one does not apply to SMS"]


def _unchecked(manifest: Manifest, starts: list[Entry]) -> list[str]:
    never = ["calling hours", "sender number", "messages per minute", "whether messages go out"]
    listed = ["schedules", "contact lists", "DNC lists"]
    by_id = sum(entry.live is not None and not entry.live.names_dnc for entry in starts)
    unnamed = [f"DNC lists of {plural(by_id, 'campaign')} read by id"] if by_id else []
    unread = {"list": [*unnamed, *never], "status": [*listed, *never], "off": ["live state", *listed, *never]}
    return [f"not checked: {', '.join(unread[manifest.preflight.check])}"]
