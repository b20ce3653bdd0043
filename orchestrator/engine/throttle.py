"""What a lane does when the platform limits one of its calls, be it a start or a read."""

from orchestrator.core.attempt.verdict import is_hourly, message_of, wait_of
from orchestrator.engine.rate_limiter import RateLimiter
from orchestrator.engine.run_state import Context
from orchestrator.engine.stop_signal import StopSignal
from orchestrator.model import Fault, Lane, Reply, Stop, StopReason


class Throttle:
    """Slows a lane down, or stops it where waiting makes no sense."""

    def __init__(self, context: Context, lane: Lane, account: str, gate: RateLimiter, stop_signal: StopSignal) -> None:
        self._context = context
        self._lane = lane
        self._account = account
        self._gate = gate
        self._stop_signal = stop_signal

    def limited(self, answer: Reply | Fault) -> None:
        """The whole lane waits for as long as the answer asks, else for a full window; for much longer, it stops."""
        longest = self._gate.pacer.longest
        if isinstance(answer, Fault):  # the status line said 429, and the rest was lost
            self._wait(longest, answer.text, is_long=False)
            return
        asked = wait_of(answer)
        seconds = longest if asked is None else asked
        # Up to two windows are the limiter's ordinary answer, however little patience the manifest has.
        most = max(self._context.manifest.retry.max_elapsed, 2 * longest)
        self._wait(seconds, message_of(answer), is_long=is_hourly(answer) or seconds > most)

    def _wait(self, seconds: float, message: str, *, is_long: bool) -> None:
        self._context.observer.event("lane_limited", lane=self._lane, seconds=seconds, message=message)
        if is_long:
            detail = f"the platform limits the account for longer ({message})"
            self._stop_signal.set(Stop(StopReason.LIMITED, f"account {self._account}: {detail}"))
            self._context.observer.event(
                "lane_stopped", lane=self._lane, reason=str(StopReason.LIMITED), message=detail
            )
        self._gate.pause(seconds)
