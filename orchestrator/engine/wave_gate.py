"""One wave, in a run or in a fleet: it opens, its outcomes are checked, it bakes, and its command is run."""

import math
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final

from orchestrator.core.manifest.models import Pass, Wave
from orchestrator.core.result.build import timestamp
from orchestrator.core.rules import waves
from orchestrator.engine.stop_signal import StopSignal
from orchestrator.model import Outcome, PosixSeconds, WaveVerdict
from orchestrator.ports import Checks, Clock, Observer

_UNFINISHED: Final = "it was not finished"
_BAKING: Final = "its bake was not finished"
_FOLLOWING: Final = "what it started was not followed to the end"
_CHECKING: Final = "its check was not finished"
_GOOD: Final = frozenset({WaveVerdict.PASSED, WaveVerdict.NO_RULE})


Follow = Callable[[Wave, Pass, PosixSeconds], Awaitable[str | None]]
"""Reads a wave's started campaigns until they meet its `pass`, or until a POSIX time: why they do not, or None."""


class WaveGate:
    """Decides whether the wave after this one may open. `rule` is the manifest's; None: it has no conditions."""

    def __init__(
        self,
        name: str,
        campaigns: int,
        rule: Wave | None,
        *,
        launch: str,
        run_id: str,
        clock: Clock,
        observer: Observer,
        checks: Checks,
    ) -> None:
        self._name = name
        self._campaigns = campaigns
        self._rule = rule
        self._facts = {"LAUNCH": launch, "RUN": run_id, "WAVE": name}
        self._clock = clock
        self._observer = observer
        self._checks = checks
        self._opened_at: PosixSeconds | None = None
        self._closed_at: PosixSeconds | None = None
        self._verdict = WaveVerdict.CUT_SHORT
        self._message = _UNFINISHED

    def open(self) -> None:
        """The wave begins."""
        self._opened_at = self._clock.now()
        self._observer.event("wave_opened", wave=self._name, campaigns=self._campaigns)

    async def judge(
        self,
        outcomes: Sequence[Outcome],
        started_at: Iterable[PosixSeconds],
        stop_signal: StopSignal,
        *,
        closed_at: PosixSeconds,
        is_last: bool,
        is_stopped: bool,
        follow: Follow | None = None,
    ) -> str | None:
        """Close the wave; bake and check it unless it `is_last`. Why it did not pass, in words; None if it did.

        `started_at` is when its campaigns were started, whichever run of the launch did it; times are POSIX seconds.
        `is_stopped`: the run has stopped. `follow` reads what becomes of what was started. A stop ends the bake, the
        reading and the user's command, and StopRequested is raised.
        """
        # 1. All of it has an outcome.
        self._closed_at = closed_at
        shortfall = waves.shortfall(self._rule, outcomes) if self._rule else None
        verdict, message = waves.verdict(self._rule, outcomes, shortfall, is_stopped=is_stopped)
        self._observer.event(
            "wave_closed", wave=self._name, passed=verdict in _GOOD, verdict=str(verdict), message=message
        )
        # 2. Another wave waits for it.
        if self._rule is not None and shortfall is None and not is_last:
            # If a clock was ahead, a recorded start may lie in the future: it was made by now at the latest.
            now = self._clock.now()
            baked_at = waves.baked_at(self._rule, (min(at, now) for at in started_at))
            await self._bake(baked_at, stop_signal)
            shortfall = await self._follow(self._rule, baked_at, follow) or await self._check(self._rule, stop_signal)
            if shortfall is not None:
                verdict, message = WaveVerdict.NOT_PASSED, shortfall
            elif verdict is WaveVerdict.NO_RULE and self._rule.pass_ is not None:
                verdict = WaveVerdict.PASSED
        self._verdict, self._message = verdict, message
        if self._rule is not None and verdict in _GOOD:
            self._observer.event("wave_passed", wave=self._name)
        return shortfall

    async def _bake(self, until: PosixSeconds, stop_signal: StopSignal) -> None:
        if until <= self._clock.now():
            return
        self._message = _BAKING
        self._observer.event("wave_baking", wave=self._name, until=timestamp(until))
        await stop_signal.sleep(until - self._clock.now())

    async def _follow(self, rule: Wave, baked_at: PosixSeconds, follow: Follow | None) -> str | None:
        asked = rule.pass_
        # A wave of which nothing was started has nothing to wait for.
        if asked is None or not asked.waits_for_delivery or follow is None or baked_at == -math.inf:
            return None
        self._message = _FOLLOWING
        until = PosixSeconds(baked_at + asked.within)
        self._observer.event("wave_following", wave=self._name, until=timestamp(until))
        shortfall = await follow(rule, asked, until)
        self._observer.event("wave_followed", wave=self._name, passed=shortfall is None, message=shortfall or "")
        return shortfall

    async def _check(self, rule: Wave, stop_signal: StopSignal) -> str | None:
        if rule.pass_ is None or not _has_check(rule):
            return None
        self._message = _CHECKING
        why = await stop_signal.run_until_stopped(self._checks.run(rule.pass_, self._facts))
        shortfall = f"wave {self._name}: its check failed: {why}" if why is not None else None
        self._observer.event("wave_checked", wave=self._name, passed=shortfall is None, message=shortfall or "")
        return shortfall

    def as_json(self) -> dict[str, Any]:
        """As the record of a run's end keeps it."""
        return {
            "name": self._name,
            "campaigns": self._campaigns,
            "verdict": str(self._verdict),
            "passed": self._verdict in _GOOD,
            "message": self._message,
            "opened_at": self._opened_at,
            "closed_at": self._closed_at,
        }


def _has_check(rule: Wave) -> bool:
    return rule.pass_ is not None and rule.pass_.command is not None
