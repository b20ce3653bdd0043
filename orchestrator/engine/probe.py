"""Looking for evidence of a start whose answer was lost (design section 2)."""

import asyncio
from collections import defaultdict
from typing import Any

from orchestrator.core.attempt.evidence import decisive
from orchestrator.core.journal.states import Event, State
from orchestrator.core.plan.plan import Entry
from orchestrator.engine.reader import Reader, ReadFailed
from orchestrator.engine.run_state import Context
from orchestrator.engine.stop_signal import StopRequested, StopSignal
from orchestrator.model import LiveState

_Stream = tuple[str, str, str]


def _stream(entry: Entry) -> _Stream:
    return entry.target.stream, entry.target.iid, entry.target.type


class Probe:
    """Judges the suspects of one lane. Suspects of a stream share a list call."""

    def __init__(self, context: Context, reader: Reader, stop_signal: StopSignal) -> None:
        self._context = context
        self._reader = reader
        self._stop_signal = stop_signal
        self._waiting: dict[_Stream, set[str]] = defaultdict(set)
        self._listed: dict[_Stream, tuple[float, dict[str, LiveState]]] = {}
        self._turns: dict[_Stream, asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def settle(self) -> float:
        """Seconds between a suspicion and its verdict."""
        configured = self._context.manifest.probe.settle
        return 2 * self._context.manifest.timeouts.total if configured is None else configured

    async def judge(self, entry: Entry, *, since: float) -> None:
        """Probe at once, and again once the start has had time to settle; record what was found.

        A stop leaves the suspect as it is: the next run judges it. Nothing here ever leads to a second send.
        """
        history = self._context.history(entry.key)
        settled_at = since + self.settle
        self._waiting[_stream(entry)].add(entry.campaign.campaign)
        try:
            found = await self._now(entry, history.intent.get("baseline"))
            while found is None and (delay := settled_at - self._context.clock.now()) > 0:
                await self._stop_signal.sleep(delay)
            found = found or await self._settled(entry, history.intent.get("baseline"), settled_at)
        except StopRequested:
            return
        finally:
            self._waiting[_stream(entry)].discard(entry.campaign.campaign)
        await self._conclude(entry, found)

    async def _conclude(self, entry: Entry, found: str | None) -> None:
        if found is None and self._context.history(entry.key).state is State.UNKNOWN:
            return  # it was judged before, and stays with the person who must look
        kind = Event.EVIDENCE if found else Event.NO_EVIDENCE
        message = found or "no evidence of a start was found; it may still have been carried out"
        attempt = self._context.history(entry.key).attempt
        self._context.observer.event("probe_done", campaign=entry.key, found=found is not None, message=message)
        record = self._context.line(entry.key, attempt, kind, entry.lane, {"message": message})
        await asyncio.shield(self._context.write(record))

    async def _now(self, entry: Entry, baseline: dict[str, Any] | None) -> str | None:
        try:
            return decisive(baseline, await self._reader.status(entry.target))
        except ReadFailed:
            return None  # what cannot be read proves nothing

    async def _settled(self, entry: Entry, baseline: dict[str, Any] | None, settled_at: float) -> str | None:
        if self._context.manifest.preflight.check != "list":
            return await self._now(entry, baseline)
        try:
            return decisive(baseline, (await self._list(entry, settled_at)).get(entry.campaign.campaign))
        except ReadFailed:
            return None

    async def _list(self, entry: Entry, settled_at: float) -> dict[str, LiveState]:
        stream = _stream(entry)
        async with self._turns[stream]:
            begun, live = self._listed.get(stream, (float("-inf"), {}))
            if begun < settled_at or entry.campaign.campaign not in live:
                begun = self._context.clock.now()
                live = await self._reader.states(entry.target, set(self._waiting[stream]))
                self._listed[stream] = begun, live
            return live
