"""The exit codes, from where the code has them: the errors, the results, and two commands of their own."""

from collections.abc import Iterator
from typing import Final

from docs.generator.tables import table
from orchestrator import errors
from orchestrator.core.exit_codes import REFUSAL_CODES, RUN_MEANINGS, ExitCode
from orchestrator.errors import OrchestratorError

_INTRODUCTION: Final = """
Codes 2 to 9 mean that not one start left this process. Running again is safe after every code: what was started is
never started again. What a pipeline should do with each: [in CI](../how-to/ci.md).
"""
_ORDER: Final = """
Where several apply to a run, the first of these counts: 13, 11, the code of a signal (129, 130 or 143), 12, 10, 14, 0.
"""
_STOPS: Final = """
`stop-started` ends with 0 when every stop is confirmed, 10 when one is not, 11 when the launch has unknown campaigns,
and with a signal's code when it was interrupted. `status` ends with 11 as long as the launch has unknown campaigns.
`follow` ends with 0 when every campaign is completed, or has reached `--until`, with 14 when not, and sends no start.
"""
_JSON: Final = """
With `--json` every command prints one JSON object on stdout: `schema_version`, `command`, `exit_code`, then its own
keys. An error has `error` with `exit_code`, `kind`, `message`, `next`, and `problems`, each with `file`, `line`,
`column`, `cell` (of a sheet), `path`, `message`, `hint`, `value` as it was read and `source`, its line. `value` and
`source` are empty where they may hold a secret.
"""
_NONE, _SOME = "**no start was sent**", "starts may have been sent"


def codes() -> dict[int, tuple[str, str]]:
    """Each exit code with its meaning, and what it means for sending."""
    found = {
        1: ("An error in the tool itself; a traceback shows where.", "look with `status` before running again"),
        ExitCode.DIFFERENT: (
            "`diff`, `plan --diff`: different. `plan --detailed-exitcode`: a run would send starts.",
            _NONE,
        ),
    }
    found |= {number: (words, _NONE) for number, words in _refusals().items()}
    found |= {number: (f"{words[0].upper()}{words[1:]}.", _SOME) for number, words in RUN_MEANINGS.items()}
    return dict(sorted(found.items()))


def _refusals() -> dict[int, str]:
    """The words of the errors that a user can cause, by their code."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, OrchestratorError)]
    said: dict[int, list[str]] = {}
    for kind in kinds:
        if kind.exit_code in REFUSAL_CODES:
            first = (kind.__doc__ or "").split(". ")[0].strip().rstrip(".")
            said.setdefault(kind.exit_code, []).append(f"{first}.")
    said[ExitCode.USAGE].insert(0, "The command line is wrong.")
    said[ExitCode.REFUSED].append("`doctor`: something is bad.")
    return {number: " ".join(words) for number, words in said.items()}


def exit_code_sections() -> Iterator[str]:
    """The table, and what a table cannot say."""
    yield _INTRODUCTION
    rows = [(f"`{number}`", meaning, sending) for number, (meaning, sending) in codes().items()]
    yield table(("Code", "Meaning", "For sending"), rows)
    yield _ORDER
    yield _STOPS
    yield _JSON
