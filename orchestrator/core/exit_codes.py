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
        ExitCode.JOURNAL: "the journal failed during the run; sending ceased",
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


def signal_code(stop: Stop | None) -> ExitCode | None:
    """The code of a stop that a signal asked for; None for any other stop, or none."""
    return _SIGNALS.get(stop.reason) if stop is not None else None
