"""What the words calm, realistic and nasty draw: the table of docs/reference/faults.md, from the code."""

from collections.abc import Iterator, Mapping
from typing import Final

from docs.generator.tables import table
from orchestrator.rehearsal.conditions import median_of, profile_of
from orchestrator.sandbox.faults import LATE_SECONDS, SLOW_SECONDS, Fault, Profile

MEANINGS: Final[Mapping[Fault, str]] = {
    Fault.REFUSE_LIMITED: "a 429: others use the account's rate limit",
    Fault.UNAUTHORIZED_ONCE: "a 401; the next token is accepted",
    Fault.SERVER_ERROR_BEFORE: "a 500, and the platform does nothing",
    Fault.SERVER_ERROR_AFTER: "a 500 after the platform has started the campaign",
    Fault.RESET_BEFORE: "the connection breaks, and the platform does nothing",
    Fault.RESET_AFTER: "the connection breaks after the platform has started the campaign",
    Fault.HANG_BEFORE: "no answer, and the platform does nothing",
    Fault.HANG_AFTER: "no answer after the platform has started the campaign",
    Fault.TRUNCATE: "the answer is cut off after the platform has started the campaign",
    Fault.HTML: "a web page instead of the answer, after the platform has started the campaign",
    Fault.LATE: f"a 504; the platform starts the campaign {LATE_SECONDS:g} s later",
    Fault.SLOW: f"the answer comes {SLOW_SECONDS:g} s later",
    Fault.ANSWER_TWICE: "the answer comes twice; only where a script asks for it",
}
_COLUMNS: Final = (("calm", False), ("realistic", False), ("realistic", True), ("nasty", False))


def fault_sections() -> Iterator[str]:
    """The table: a row for each thing that is drawn, a column for each of the words."""
    profiles = [profile_of(faults, is_sandbox=is_sandbox) for faults, is_sandbox in _COLUMNS]
    heads = ("What happens", "`calm`", "`realistic`", "`realistic`, `host: sandbox`", "`nasty`")
    rows = [("half of the answers within", *(f"{median_of(faults):g} s" for faults, _ in _COLUMNS))]
    rows += [(f"`{fault}`: {words}", *(_share(p.chances.get(fault, 0.0)) for p in profiles))
             for fault, words in MEANINGS.items() if any(fault in p.chances for p in profiles)]  # fmt: skip
    rows += [(what, *(show(profile) for profile in profiles)) for what, show in _OTHERS.items()]
    yield table(heads, rows)


def _share(chance: float) -> str:
    return f"{chance:.4g}".rstrip() if not chance else f"{chance * 100:g} %"


def _attempts(profile: Profile) -> str:
    return "the first" if profile.attempts == 1 else f"the first {profile.attempts}"


_OTHERS: Final = {
    "attempts of a campaign that a fault can strike": _attempts,
    "one campaign of the launch gets a 401 at first": lambda profile: "yes" if profile.one_unauthorized else "no",
    "reads that are answered with a 500": lambda profile: _share(profile.read_errors),
    "no connection in the first seconds": lambda profile: f"{profile.boot_delay:g} s" if profile.boot_delay else "no",
    "a person edits the campaign while its start arrives (`sandbox` only)": lambda profile: _share(profile.edits),
}
