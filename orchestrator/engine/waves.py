"""A plan carried out: wave by wave, one lane per account, until done or told to stop."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain, groupby
from typing import Any

from orchestrator.core.journal.records import header_data
from orchestrator.core.journal.states import State
from orchestrator.core.plan import selection
from orchestrator.core.plan.approvers import Approved
from orchestrator.core.plan.decision import Action, Decision
from orchestrator.core.plan.plan import Entry, Plan
from orchestrator.core.result.conclude import outcome_of
from orchestrator.core.rules.shared_lists import ListUsers, freed_message
from orchestrator.engine.lane import LaneRunner
from orchestrator.engine.list_watch import lists_of, user_of
from orchestrator.engine.run_deps import RunDeps
from orchestrator.engine.states import CampaignStates
from orchestrator.engine.stop_signal import StopRequested
from orchestrator.engine.wave_follower import WaveFollower
from orchestrator.engine.wave_gate import WaveGate
from orchestrator.errors import JournalWriteError
from orchestrator.model import CampaignKey, Lane, Outcome, PosixSeconds, Reason, Stop, StopReason


class PlanExecution:
    """One plan while it is carried out, from the journaled header to the journaled end."""

    def __init__(self, deps: RunDeps, plan: Plan, lanes: Mapping[Lane, LaneRunner], approved: Approved) -> None:
        self._deps = deps
        self._plan = plan
        self._approved = approved
        self._lanes = lanes
        self._gates: list[WaveGate] = []
        self._follower = WaveFollower(deps, lanes)
        self._begun = deps.clock.now()
        self._has_opened = False  # a wave that had something to start
        self._is_approved = "nonce" in plan.facts  # only the content of an approved plan is sealed

    async def run(self) -> Stop | None:
        """Carry the plan out and journal how it went. Returns why it ended early, None if it did not.

        Raises JournalWriteError only before the first start, when the header cannot be written.
        """
        # 1. Journal what is about to happen.
        await self._write_header()
        # 2. Open the waves, while pause and abort are watched for.
        await self._deps.control.begin()  # a launch paused before it began should not spend slots to find out
        watching = asyncio.create_task(self._deps.control.run())
        waves = asyncio.create_task(self._open_waves())
        # A second signal only ends the wait for calls in flight: the steps after it must not be cut short.
        self._deps.stop_signal.on_stop_waiting(waves.cancel)
        try:
            with suppress(StopRequested):  # the reason is in the stop signal
                await waves
        except asyncio.CancelledError:
            if self._deps.stop_signal.stop is None:
                raise
        finally:
            watching.cancel()
        # 3. Journal how it ended.
        self._deps.states.hold(freed(self._plan.entries, self._lanes, self._deps.states))
        await self._write_end()
        return self._stop()

    async def _write_header(self) -> None:
        deps, origin = self._deps, self._deps.origin
        data = header_data(
            deps.manifest, source=origin.source, environment=origin.environment, sha256=origin.sha256,
            plan_sha256=self._plan.sha256, warnings=self._plan.warnings,
            options=selection.options(self._plan.facts["selection"]),
            by=origin.by, approved=self._approved, version=origin.tool,
        )  # fmt: skip
        await deps.journal.record(deps.records.header({**data, **origin.subrun}))
        for record in deps.records.plan(entry.as_row() for entry in self._plan.entries):
            await deps.journal.record(record)

    async def _write_end(self) -> None:
        deps = self._deps
        budget = {lane: _budget(runner) for lane, runner in self._lanes.items()}
        waves = [gate.as_json() for gate in self._gates]
        stops = {runner.account: own for runner in self._lanes.values() if (own := runner.stop_signal.own) is not None}
        try:
            await deps.states.commit(deps.records.end(self._stop(), waves, budget, deps.states.held, stops))
        except JournalWriteError as broken:
            deps.stop_signal.journal_broke(broken)

    def _stop(self) -> Stop | None:
        return stop_of(self._deps, self._lanes)

    async def _open_waves(self) -> None:
        by_wave = _by_wave(self._plan.entries)
        pending = list(by_wave)
        # A wave that does not pass stops the run, unless nothing is left to do after it.
        while pending:
            name = pending.pop(0)
            is_last = not any(map(_is_due, chain.from_iterable(by_wave[later] for later in pending)))
            shortfall = await self._open_wave(name, by_wave[name], is_last=is_last)
            if shortfall is not None and not is_last:
                self._deps.stop_signal.set(Stop(StopReason.WAVE, shortfall))

    async def _open_wave(self, name: str, entries: Sequence[Entry], *, is_last: bool) -> str | None:
        """Start all of a wave. Why it did not pass, in words; None if it did. Raises StopRequested."""
        deps = self._deps
        deps.stop_signal.check()
        rule = next((wave for wave in deps.manifest.waves if wave.name == name), None)
        gate = WaveGate(
            name, len(entries), rule, launch=deps.launch, run_id=deps.run_id,
            clock=deps.clock, observer=deps.observer, checks=deps.checks,
        )  # fmt: skip
        # Kept before it opens: a run that is stopped in it reports the wave as unfinished.
        self._gates.append(gate)
        gate.open()
        await self._run_lanes(entries)
        # Nothing can be missing if there is no condition and nothing is held: skip the count, since a million outcomes
        # take a while.
        has_to_look = rule is not None or self._stop() is not None or deps.states.held
        outcomes = [self._outcome(entry) for entry in entries] if has_to_look else []
        return await gate.judge(
            outcomes, self._started_at(entries), deps.stop_signal,
            closed_at=deps.clock.now(), is_last=is_last, is_stopped=deps.stop_signal.stop is not None,
            follow=partial(self._follower.follow, self._started(entries)),
        )  # fmt: skip

    def _outcome(self, entry: Entry) -> Outcome:
        decision, state = entry.decision, self._deps.states.get(entry.key)
        if decision.reason is Reason.DESELECTED and state is not None:
            # A canary that failed stays failed: leaving it out of the selection must not open the next wave.
            decision = Decision(Action.SKIP)
        return outcome_of(decision, state, self._stop(), self._deps.states.held.get(entry.key))[0]

    def _started(self, entries: Sequence[Entry]) -> list[Entry]:
        """Those that the launch has started, whichever run of it did."""
        states = self._deps.states
        return [entry for entry in entries if (state := states.get(entry.key)) and state.state is State.STARTED]

    def _started_at(self, entries: Sequence[Entry]) -> list[PosixSeconds]:
        states = (self._deps.states.get(entry.key) for entry in entries)
        started = (state for state in states if state is not None and state.state is State.STARTED)
        return [state.finished_at for state in started if state.finished_at is not None]

    async def _run_lanes(self, entries: Sequence[Entry]) -> None:
        read_at = self._read_at()
        by_lane: dict[Lane, list[Entry]] = defaultdict(list)
        for entry in filter(_is_due, entries):
            by_lane[entry.lane].append(entry)
        self._has_opened = self._has_opened or bool(by_lane)
        async with asyncio.TaskGroup() as group:
            for lane, work in by_lane.items():
                group.create_task(self._lanes[lane].run(work, read_at=read_at))

    def _read_at(self) -> PosixSeconds:
        """When the live states of the wave that opens now were read; long ago where they are to be read again.

        After approval, each later wave is: someone may see the first one's text, and edit the others in a short bake.
        """
        is_later_wave = self._has_opened and self._is_approved
        return PosixSeconds(0.0) if is_later_wave else self._begun


def freed(
    entries: Sequence[Entry], lanes: Mapping[Lane, LaneRunner], states: CampaignStates
) -> dict[CampaignKey, tuple[Reason, str]]:
    """What the plan holds for a contact list that is free: the one before it is proven not to have started."""
    held = [entry for entry in entries if entry.decision.reason is Reason.SHARED_LIST]
    failed: dict[Lane, ListUsers] = defaultdict(ListUsers)
    for entry in entries if held else ():
        state = states.get(entry.key)
        if entry.decision.action is Action.START and state is not None and state.state is State.FAILED:
            failed[entry.lane].take(user_of(entry, "did not start"))
    found: dict[CampaignKey, tuple[Reason, str]] = {}
    for entry in held:
        first = failed[entry.lane].conflict(entry.key, lists_of(entry))
        if first is not None and lanes[entry.lane].lists.conflict(entry) is None:
            found[entry.key] = Reason.SHARED_LIST, freed_message(first)
    return found


def stop_of(deps: RunDeps, lanes: Mapping[Lane, LaneRunner]) -> Stop | None:
    """The run's stop, or else the first lane's: the reason why campaigns were not attempted."""
    if deps.stop_signal.stop is not None:
        return deps.stop_signal.stop
    return next((runner.stop_signal.stop for runner in lanes.values() if runner.stop_signal.stop), None)


def _by_wave(entries: Sequence[Entry]) -> dict[str, Sequence[Entry]]:
    """The plan's waves, one after the other. Each is a slice of the plan; a single wave is not copied."""
    found: dict[str, Sequence[Entry]] = {}
    start = 0
    for name, group in groupby(entries, lambda entry: entry.wave):
        end = start + sum(1 for _ in group)
        found[name], start = entries[start:end], end
    return found


def _is_due(entry: Entry) -> bool:
    return entry.decision.action is not Action.SKIP


def _budget(runner: LaneRunner) -> dict[str, Any]:
    seen = runner.limiter.pacer.snapshot()
    return {
        "account": runner.account,
        "limits": [str(window) for window in seen.windows],
        "calls": seen.calls,
        "peak_in_window": list(seen.peaks),
        "throttled": seen.throttled,
        "suggested": None if seen.suggested is None else str(seen.suggested),
    }
