"""A plan carried out: wave by wave, one lane per account, until done or told to stop."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import chain, groupby
from typing import Any, Final

from orchestrator.core.journal.records import packed, packed_value
from orchestrator.core.journal.states import State
from orchestrator.core.manifest.models import Wave
from orchestrator.core.plan.plan import Action, Decision, Entry, Plan
from orchestrator.core.result.build import outcome_of, timestamp
from orchestrator.core.rules import waves
from orchestrator.engine.lane import LaneRunner
from orchestrator.engine.run_state import Context
from orchestrator.engine.stop_signal import StopRequested
from orchestrator.errors import JournalWriteError
from orchestrator.model import Lane, Outcome, Reason, Record, Stop, StopReason

_FRESH: Final = 300.0
"""Seconds. A wave that opens later, after a bake or a long wave, looks at its campaigns again before it starts them."""


class Launch:
    """One run of a launch."""

    def __init__(self, context: Context, plan: Plan, lanes: Mapping[Lane, LaneRunner]) -> None:
        self._context = context
        self._plan = plan
        self._lanes = lanes
        self._waves: list[dict[str, Any]] = []
        self._begun = context.clock.now()

    async def run(self, header: dict[str, Any]) -> Stop | None:
        """Carry the plan out and journal how it went. Returns why it ended early, None where it did not.

        Raises JournalWriteError only before the first start, when the header cannot be written.
        """
        await self._begin(header)
        await self._context.listener.look()  # a launch paused before it began should not spend slots to find out
        listening = asyncio.create_task(self._context.listener.listen())
        try:
            with contextlib.suppress(StopRequested):  # the reason is in the halt
                await self._open_waves()
        except asyncio.CancelledError:
            # The second signal: the wait for what is in flight is cut short; its intents stay open in the journal.
            if self._context.stop_signal.stop is None:
                raise
        finally:
            listening.cancel()
        await self._end(self._stop())
        return self._stop()

    async def _begin(self, header: dict[str, Any]) -> None:
        await self._write_run("run", 0, header)
        for number, data in enumerate(packed(entry.as_row() for entry in self._plan.entries)):
            await self._write_run("plan", number, data)

    async def _end(self, stop: Stop | None) -> None:
        budget = {lane: _budget(runner) for lane, runner in self._lanes.items()}
        ending = {
            "stop": None if stop is None else {"reason": str(stop.reason), "detail": stop.detail},
            "budget": budget,
            "waves": self._waves,
            "held": packed_value(self._context.held),
        }
        try:
            await asyncio.shield(self._write_run("end", 0, ending))
        except JournalWriteError as broken:
            self._context.stop_signal.set(Stop(StopReason.JOURNAL, broken.message))

    async def _write_run(self, kind: str, number: int, data: dict[str, Any]) -> None:
        context = self._context
        record = Record(
            context.launch, f"@{context.run_id}", number, kind, context.run_id, context.clock.now(), "", data
        )
        await context.journal.record(record)

    def _stop(self) -> Stop | None:
        return stop_of(self._context, self._lanes)

    async def _open_waves(self) -> None:
        by_wave = _by_wave(self._plan.entries)
        rules = {wave.name: wave for wave in self._context.manifest.waves}
        pending = list(by_wave)
        while pending:
            name = pending.pop(0)
            short = await self._open_wave(name, by_wave[name], rules.get(name))
            goes_on = any(map(_is_due, chain.from_iterable(by_wave[later] for later in pending)))
            wave = self._waves[-1]
            if goes_on and short is None and name in rules:
                short = await self._pass(rules[name], by_wave[name], wave)
            wave.update(passed=short is None, message=short or "")
            if goes_on and short is not None:
                self._context.stop_signal.set(Stop(StopReason.WAVE, short))

    async def _open_wave(self, name: str, entries: Sequence[Entry], rule: Wave | None) -> str | None:
        """Start all of a wave. Why it fell short, in words; None where it did not."""
        context = self._context
        context.stop_signal.check()
        wave = {"name": name, "campaigns": len(entries), "passed": False, "message": "it was not finished"}
        self._waves.append(wave | {"opened_at": context.clock.now(), "closed_at": None})
        context.observer.event("wave_opened", wave=name, campaigns=len(entries))
        await self._run_lanes(entries)
        self._waves[-1]["closed_at"] = context.clock.now()
        short = waves.shortfall(rule, [self._outcome(entry) for entry in entries]) if rule else None
        context.observer.event("wave_closed", wave=name, passed=short is None, message=short or "")
        return short

    def _outcome(self, entry: Entry) -> Outcome:
        context, decision = self._context, entry.decision
        history = context.histories.get(entry.key)
        if decision.reason is Reason.DESELECTED and history is not None:
            # A canary that failed stays one: leaving it out of the selection must not open the next wave.
            decision = Decision(Action.SKIP)
        return outcome_of(decision, history, self._stop(), context.held.get(entry.key))[0]

    async def _pass(self, rule: Wave, entries: Sequence[Entry], wave: dict[str, Any]) -> str | None:
        """Wait for the bake, then ask the user's command. Why the wave did not pass; None where it did."""
        context = self._context
        past = (context.histories.get(entry.key) for entry in entries)
        times = (h.finished_at for h in past if h and h.state is State.STARTED and h.finished_at is not None)
        baked = waves.baked_at(rule, times)
        if baked > context.clock.now():
            wave["message"] = "its bake was not finished"
            context.observer.event("wave_baking", wave=rule.name, until=timestamp(baked))
            await context.stop_signal.sleep(baked - context.clock.now())
        if rule.pass_ is None or rule.pass_.command is None:
            return None
        wave["message"] = "its check was not finished"
        facts = {"LAUNCH": context.launch, "RUN": context.run_id, "WAVE": rule.name}
        why = await context.stop_signal.guard(context.checks.run(rule.pass_, facts))
        short = f"wave {rule.name}: its check says no: {why}" if why is not None else None
        context.observer.event("wave_checked", wave=rule.name, passed=short is None, message=short or "")
        return short

    async def _run_lanes(self, entries: Sequence[Entry]) -> None:
        is_late = self._context.clock.now() - self._begun > _FRESH
        by_lane: dict[Lane, list[Entry]] = defaultdict(list)
        for entry in filter(_is_due, entries):
            by_lane[entry.lane].append(entry)
        async with asyncio.TaskGroup() as group:
            for lane, work in by_lane.items():
                group.create_task(self._lanes[lane].run(work, is_late=is_late))


def stop_of(context: Context, lanes: Mapping[Lane, LaneRunner]) -> Stop | None:
    """The run's stop, else the first lane's: whatever left campaigns unattempted."""
    if context.stop_signal.stop is not None:
        return context.stop_signal.stop
    return next((runner.stop_signal.stop for runner in lanes.values() if runner.stop_signal.stop), None)


def _by_wave(entries: Sequence[Entry]) -> dict[str, Sequence[Entry]]:
    """The waves as a plan has them, one after the other: each a slice of it, which is no copy where there is one."""
    found: dict[str, Sequence[Entry]] = {}
    start = 0
    for name, group in groupby(entries, lambda entry: entry.wave):
        end = start + sum(1 for _ in group)
        found[name], start = entries[start:end], end
    return found


def _is_due(entry: Entry) -> bool:
    return entry.decision.action is not Action.SKIP


def _budget(runner: LaneRunner) -> dict[str, Any]:
    seen = runner.gate.pacer.snapshot()
    return {
        "account": runner.account,
        "limits": [str(window) for window in seen.windows],
        "calls": seen.calls,
        "peak_in_window": list(seen.peaks),
        "throttled": seen.throttled,
        "suggested": None if seen.suggested is None else str(seen.suggested),
    }
