"""A plan carried out: wave by wave, one lane per account, until done or told to stop."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from orchestrator.core import waves, windows
from orchestrator.core.manifest import Wave
from orchestrator.core.packing import packed
from orchestrator.core.plan import Action, Entry, Plan
from orchestrator.core.result import conclude
from orchestrator.engine.context import Context
from orchestrator.engine.halt import Halted
from orchestrator.engine.lane import LaneRunner
from orchestrator.errors import JournalWriteError
from orchestrator.model import Lane, Record, Stop, StopReason


class Launch:
    """One run of a launch."""

    def __init__(self, context: Context, plan: Plan, lanes: Mapping[Lane, LaneRunner]) -> None:
        self._context = context
        self._plan = plan
        self._lanes = lanes
        self._waves: list[dict[str, Any]] = []

    async def run(self, header: dict[str, Any]) -> Stop | None:
        """Carry the plan out and journal how it went. Returns why it ended early, None where it did not.

        Raises JournalWriteError only before the first start, when the header cannot be written.
        """
        await self._begin(header)
        try:
            with contextlib.suppress(Halted):  # the reason is in the halt
                await self._open_waves()
        except asyncio.CancelledError:
            # The second signal: the wait for what is in flight is cut short; its intents stay open in the journal.
            if self._context.halt.stop is None:
                raise
        await self._end(self._stop())
        return self._stop()

    async def _begin(self, header: dict[str, Any]) -> None:
        await self._write_run("run", 0, header)
        for number, data in enumerate(packed([entry.as_row() for entry in self._plan.entries])):
            await self._write_run("plan", number, data)

    async def _end(self, stop: Stop | None) -> None:
        budget = {lane: _budget(runner) for lane, runner in self._lanes.items()}
        ending = {
            "stop": None if stop is None else {"reason": str(stop.reason), "detail": stop.detail},
            "budget": budget,
            "waves": self._waves,
        }
        try:
            await asyncio.shield(self._write_run("end", 0, ending))
        except JournalWriteError as broken:
            self._context.halt.set(Stop(StopReason.JOURNAL, broken.message))

    async def _write_run(self, kind: str, number: int, data: dict[str, Any]) -> None:
        context = self._context
        record = Record(
            context.launch, f"@{context.run_id}", number, kind, context.run_id, context.clock.now(), "", data
        )
        await context.journal.record(record)

    def _stop(self) -> Stop | None:
        """The run's stop, else the first lane's, else the window's: whatever left campaigns unattempted."""
        if self._context.halt.stop is not None:
            return self._context.halt.stop
        return next((runner.halt.stop for runner in self._lanes.values() if runner.halt.stop), None)

    async def _open_waves(self) -> None:
        by_wave: dict[str, list[Entry]] = defaultdict(list)
        for entry in self._plan.entries:
            by_wave[entry.wave].append(entry)
        rules = {wave.name: wave for wave in self._context.manifest.waves}
        names = list(by_wave)
        for name in names:
            await self._open_wave(name, by_wave[name], rules.get(name), last=name == names[-1])

    async def _open_wave(self, name: str, entries: Sequence[Entry], rule: Wave | None, *, last: bool) -> None:
        self._context.halt.check()
        self._context.observer.event("wave_opened", wave=name, campaigns=len(entries))
        due = [entry for entry in entries if self._is_due(entry)]
        await self._run_lanes(due)
        histories, stop = self._context.histories, self._stop()
        outcomes = [conclude(entry.decision, histories.get(entry.key), stop)[0] for entry in entries]
        short = waves.shortfall(rule, outcomes) if rule else None
        self._waves.append({"name": name, "campaigns": len(entries), "passed": short is None, "message": short or ""})
        self._context.observer.event("wave_closed", wave=name, passed=short is None, message=short or "")
        if short is not None and not last:
            self._context.halt.set(Stop(StopReason.WAVE, short))
        elif rule is not None and rule.bake and due and not last:
            await self._context.halt.sleep(rule.bake)

    async def _run_lanes(self, entries: Sequence[Entry]) -> None:
        by_lane: dict[Lane, list[Entry]] = defaultdict(list)
        for entry in entries:
            by_lane[entry.target.lane].append(entry)
        async with asyncio.TaskGroup() as group:
            for lane, work in by_lane.items():
                group.create_task(self._lanes[lane].run(work))

    def _is_due(self, entry: Entry) -> bool:
        if entry.decision.action is Action.SKIP:
            return False
        return entry.decision.action is Action.JUDGE or self.closed(entry) is None

    def closed(self, entry: Entry) -> str | None:
        """The zone in which the entry's window is closed now; None where it is open or there is none."""
        if entry.window is None:
            return None
        now = datetime.fromtimestamp(self._context.clock.now(), UTC)
        return windows.closed_in(self._context.manifest.windows[entry.window], now)


def _budget(runner: LaneRunner) -> dict[str, Any]:
    seen = runner.gate.pacer.snapshot()
    return {
        "account": runner.account,
        "limits": [str(window) for window in seen.windows],
        "calls": seen.calls,
        "peak_in_window": list(seen.peaks),
        "throttled": seen.throttled,
    }
