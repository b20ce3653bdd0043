"""What the reports for people say in words."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from orchestrator.core.result.types import Result
from orchestrator.model import Outcome

EXIT_CODES: Final[Mapping[int, str]] = MappingProxyType(
    {
        0: "all selected campaigns are started",
        10: "some campaigns failed or could not be started; none is unknown",
        11: "at least one campaign is unknown: a person must look",
        12: "stopped by a rule, a window or a limit; the rest is held",
        13: "the journal failed during the run; sending ceased",
        129: "stopped by SIGHUP: calls in flight were awaited, nothing is unknown",
        130: "stopped by SIGINT: calls in flight were awaited, nothing is unknown",
        143: "stopped by SIGTERM: calls in flight were awaited, nothing is unknown",
    }
)

# Controls, lone surrogates, and what turns text around or hides it: a name of these could look like another one.
_HIDDEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    """The text with everything that could hide or reorder a part of it written as an escape."""
    return _HIDDEN.sub(lambda found: found.group().encode("unicode_escape", "surrogatepass").decode(), text)


def headline(result: Result) -> str:
    """What the run came to, in one sentence: the first that applies."""
    count = {outcome: _campaigns(result.totals[outcome]) for outcome in Outcome}
    there_are = {outcome: result.totals[outcome] > 0 for outcome in Outcome}
    sayings = (
        (result.exit_code == 13, "The journal failed during the run"),
        (not result.campaigns, "There was nothing to start"),
        (there_are[Outcome.UNKNOWN], f"{count[Outcome.UNKNOWN]} may or may not have started: a person must look"),
        (bool(result.run["stop"]), f"Stopped early: {count[Outcome.HELD]} held"),
        (there_are[Outcome.HELD], f"{count[Outcome.HELD]} held"),
        (there_are[Outcome.FAILED], f"{count[Outcome.FAILED]} failed, and certainly did not start"),
        (result.exit_code == 10, f"{count[Outcome.SKIPPED]} could not be started"),
        (there_are[Outcome.STARTED], f"{count[Outcome.STARTED]} started"),
        (True, "Nothing was left to start"),
    )
    return next(words for applies, words in sayings if applies)


def _campaigns(count: int) -> str:
    return f"{count:,} campaign{'' if count == 1 else 's'}"
