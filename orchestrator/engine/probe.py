"""Looking for evidence of a start whose answer was lost (design section 2)."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from orchestrator.core.attempt.evidence import decisive, names_instance
from orchestrator.core.plan.plan import Entry
from orchestrator.engine.reader import Reader, ReadFailed
from orchestrator.engine.run_deps import RunDeps
from orchestrator.engine.stop_signal import StopSignal
from orchestrator.model import LiveState, PosixSeconds

_Stream = tuple[str, str, str]


def _stream(entry: Entry) -> _Stream:
    return entry.target.stream, entry.target.iid, entry.target.type


class Probe:
    """Looks for the suspects of one lane. Suspects of a stream share a list call. Never leads to a second send."""

    def __init__(self, deps: RunDeps, reader: Reader, stop_signal: StopSignal) -> None:
        self._deps = deps
        self._reader = reader
        self._stop_signal = stop_signal
        self._waiting: dict[_Stream, set[str]] = defaultdict(set)
        self._listed: dict[_Stream, tuple[PosixSeconds, dict[str, LiveState]]] = {}
        self._turns: dict[_Stream, asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def settle(self) -> float:
        """Seconds between a lost answer and the second look."""
        configured = self._deps.manifest.probe.settle
        return 2 * self._deps.manifest.timeouts.total if configured is None else configured

    async def find_evidence(self, entry: Entry, *, since: PosixSeconds) -> str | None:
        """Evidence of the start, in words; None: none was found.

        Looks at once, and again once the start has had time to settle, counted from `since` (POSIX seconds). Raises
        StopRequested, which leaves the suspect to the next run, and LeaseLost.
        """
        baseline, settled_at = self._deps.states.of(entry.key).intent.get("baseline"), PosixSeconds(since + self.settle)
        self._waiting[_stream(entry)].add(entry.campaign.campaign)
        try:
            # 1. At once: most lost answers belong to starts that took effect.
            found = await self._by_status(entry, baseline)
            # 2. Once more when it has settled. If the clock was suspended, the sleep may have been too short.
            while found is None and (delay := settled_at - self._deps.clock.now()) > 0:
                await self._stop_signal.sleep(delay)
            return found or await self._settled(entry, baseline, settled_at)
        finally:
            self._waiting[_stream(entry)].discard(entry.campaign.campaign)

    async def _by_status(self, entry: Entry, baseline: Mapping[str, Any] | None) -> str | None:
        try:
            return decisive(baseline, await self._reader.status(entry.target))
        except ReadFailed:
            return None  # what cannot be read proves nothing

    async def _settled(self, entry: Entry, baseline: Mapping[str, Any] | None, settled_at: PosixSeconds) -> str | None:
        # A list only proves more than a status if it shows an instance that preflight did not see.
        if self._deps.manifest.preflight.check != "list" or not names_instance(baseline):
            return await self._by_status(entry, baseline)
        try:
            return decisive(baseline, (await self._list(entry, settled_at)).get(entry.campaign.campaign))
        except ReadFailed:
            return None

    async def _list(self, entry: Entry, settled_at: PosixSeconds) -> dict[str, LiveState]:
        stream = _stream(entry)
        async with self._turns[stream]:
            begun, live = self._listed.get(stream, (PosixSeconds(float("-inf")), {}))
            # A list that was read before this suspect settled, or that does not have it, proves nothing about it.
            if begun < settled_at or entry.campaign.campaign not in live:
                begun = self._deps.clock.now()
                waiting = frozenset(self._waiting[stream])
                live = await self._reader.states(entry.target, waiting, listed=waiting)
                self._listed[stream] = begun, live
            return live
