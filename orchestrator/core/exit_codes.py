"""The exit codes of the commands: one table (design section 6)."""

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Final

from orchestrator.model import Stop, StopReason


class ExitCode(IntEnum):
    """Every code a command may end with. REFUSAL_CODES promise that not one start was sent (P6)."""

    OK = 0
    INTERNAL = 1
    # Refusals: nothing was sent (REFUSAL_CODES).
    USAGE = 2
    INVALID = 3
    REFUSED = 4
    NOTHING_SELECTED = 5
    LANE_LEASED = 6
    CREDENTIAL = 7
    LEDGER = 8
    # A run that may have sent something (RUN_MEANINGS).
    FAILED = 10
    UNKNOWN = 11
    STOPPED = 12
    JOURNAL = 13
    NOT_DELIVERED = 14  # follow
    DIFFERENT = 20  # diff; plan --detailed-exitcode: the plan has starts
    # 128 and the signal's number, as shells report it.
    SIGHUP = 129
    SIGINT = 130
    SIGTERM = 143


REFUSAL_CODES: Final = range(ExitCode.USAGE, 10)
"""Codes 2 to 9: not one start left this process."""

RUN_MEANINGS: Final[Mapping[int, str]] = MappingProxyType(
    {
        ExitCode.OK: "all selected campaigns are started",
        ExitCode.FAILED: "some campaigns failed or could not be started; none is unknown",
        ExitCode.UNKNOWN: "at least one campaign is unknown: a person must look",
        ExitCode.STOPPED: "stopped by a rule, a window or a limit; the rest is held",
        ExitCode.JOURNAL: "the journal failed during the run; sending stopped",
        ExitCode.NOT_DELIVERED: "with --follow: some campaigns were stopped, paused or gone, or the time was up",
        ExitCode.SIGHUP: "stopped by SIGHUP: calls in flight were awaited, nothing is unknown",
        ExitCode.SIGINT: "stopped by SIGINT: calls in flight were awaited, nothing is unknown",
        ExitCode.SIGTERM: "stopped by SIGTERM: calls in flight were awaited, nothing is unknown",
    }
)
"""What the codes of a run that may have sent something mean, in words."""

_SIGNALS: Final = {
    StopReason.SIGHUP: ExitCode.SIGHUP,
    StopReason.SIGINT: ExitCode.SIGINT,
    StopReason.SIGTERM: ExitCode.SIGTERM,
}


_WORST_FIRST: Final = (
    ExitCode.JOURNAL, ExitCode.UNKNOWN, ExitCode.SIGINT, ExitCode.SIGTERM, ExitCode.SIGHUP, ExitCode.STOPPED,
    ExitCode.FAILED, ExitCode.NOT_DELIVERED,
)  # fmt: skip
"""The codes of a run and of following it, in the order in which one outweighs the other."""


def worst(*codes: int) -> int:
    """The code that outweighs the others: 13, 11, 130 (143, 129), 12, 10, 14, 0 (design section 6)."""
    return next((code for code in _WORST_FIRST if code in codes), ExitCode.OK)


def signal_code(stop: Stop | None) -> ExitCode | None:
    """The code of a stop that a signal asked for; None for any other stop, or none."""
    return _SIGNALS.get(stop.reason) if stop is not None else None
