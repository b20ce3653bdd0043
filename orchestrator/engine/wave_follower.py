"""Follows the campaigns that a wave has started, in its run and with its accounts, until the next wave may open."""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

from orchestrator.core.delivery import wave_share
from orchestrator.core.delivery.wave_share import Started
from orchestrator.core.manifest.rules import Pass, Wave
from orchestrator.core.plan.decision import Action
from orchestrator.core.plan.plan import Entry
from orchestrator.core.text import duration
from orchestrator.engine.follower import AccountFollower, HeldAccount
from orchestrator.engine.lane import LaneRunner
from orchestrator.engine.rounds import FollowOptions, Rounds
from orchestrator.engine.run_deps import RunDeps
from orchestrator.errors import CredentialError, JournalWriteError
from orchestrator.model import Lane, PosixSeconds

_EVERY: Final = 60.0
"""Seconds from the beginning of a round to that of the next, the same as for `follow`."""


class WaveFollower:
    """Follows the waves of one run, one after the other."""

    def __init__(self, deps: RunDeps, lanes: Mapping[Lane, LaneRunner]) -> None:
        self._deps = deps
        self._lanes = lanes
        self._journaled = 0  # rounds of this run

    async def follow(self, entries: Sequence[Entry], rule: Wave, asked: Pass, until: PosixSeconds) -> str | None:
        """Read what was started of a wave until it has what is `asked`. Why it has not, in words; None if it has.

        `until` is in POSIX seconds; it is read once even if that is over. Raises StopRequested.
        """
        deps = self._deps
        for entry in entries:
            state = deps.states.get(entry.key)
            known = state.recipients if entry.recipients is None and state is not None else entry.recipients
            if known is not None:
                deps.deliveries.recipients[entry.key] = known
            if entry.live is not None and entry.decision.action is Action.START:
                deps.deliveries.begins(entry.key, entry.live.as_json())
        # 1. Read, in rounds.
        rounds = self._rounds(asked, entries, until)
        failure = ""
        try:
            await rounds.run()
        except CredentialError as refused:
            failure = refused.message
        except JournalWriteError as broken:
            deps.stop_signal.journal_broke(broken)
        finally:
            self._journaled = rounds.number
        deps.stop_signal.check()
        # 2. The result.
        started = self._started(entries)
        missing = wave_share.shortfall(asked, started)
        if missing is None:
            return None
        why = failure or self._lost(entries) or wave_share.out_of_reach(asked, started)
        return f"wave {rule.name}: {missing} ({why or f'not within {duration(asked.within)}'})"

    def _rounds(self, asked: Pass, entries: Sequence[Entry], until: PosixSeconds) -> Rounds:
        deps = self._deps
        options = FollowOptions(every=_EVERY, timeout=max(0.0, until - deps.clock.now()))
        by_lane: dict[Lane, list[Entry]] = defaultdict(list)
        for entry in entries:
            by_lane[entry.lane].append(entry)
        followers = [
            AccountFollower(
                self._lanes[lane].account, lane, [entry.target for entry in own],
                hold=self._hold, clock=deps.clock, stop_signal=deps.stop_signal,
            )
            for lane, own in by_lane.items()
        ]  # fmt: skip
        return Rounds(
            followers, deps.deliveries, options, launch=deps.launch, run_id=deps.run_id, journal=deps.journal,
            clock=deps.clock, stop_signal=deps.stop_signal, observer=deps.observer, number=self._journaled,
            is_over=lambda: self._is_over(asked, entries),
        )  # fmt: skip

    @asynccontextmanager
    async def _hold(self, lane: Lane) -> AsyncIterator[HeldAccount]:
        """The run has the account already, and between two waves nothing else uses it."""
        runner = self._lanes[lane]
        yield HeldAccount(runner.reader, runner.limiter.pacer, runner.limiter.on_limited)

    def _is_over(self, asked: Pass, entries: Sequence[Entry]) -> bool:
        started = self._started(entries)
        is_reached = wave_share.shortfall(asked, started) is None
        return is_reached or wave_share.out_of_reach(asked, started) is not None or bool(self._lost(entries))

    def _started(self, entries: Sequence[Entry]) -> list[Started]:
        deliveries = self._deps.deliveries
        return [Started(deliveries.of(entry.key), deliveries.recipients.get(entry.key)) for entry in entries]

    def _lost(self, entries: Sequence[Entry]) -> str:
        """Why an account can no longer be read by this run, in words; empty if all can."""
        for lane in {entry.lane: None for entry in entries}:
            if (stop := self._lanes[lane].stop_signal.own) is not None:
                return stop.detail
            if not self._deps.journal.holds(lane):
                return f"account {self._lanes[lane].account}: another run has taken it"
        return ""
