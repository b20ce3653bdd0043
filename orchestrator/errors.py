"""The few errors a user can cause. Each knows its exit code (design section 6) and the one command to type next."""

from dataclasses import dataclass
from typing import ClassVar

from orchestrator.core.exit_codes import REFUSAL_CODES, ExitCode


class OrchestratorError(Exception):
    """What happened, in words for a person. `next_step` is one thing to do about it."""

    exit_code: ClassVar[int] = ExitCode.INTERNAL

    def __init__(self, message: str, *, next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step

    @property
    def nothing_was_sent(self) -> bool:
        """Whether it is certain that not one start was sent: exit codes 2 to 9 promise it (P6)."""
        return self.exit_code in REFUSAL_CODES

    @property
    def sentence(self) -> str:
        """What happened, and what it means for sending."""
        return f"{self.message}; no start was sent" if self.nothing_was_sent else self.message


def where(file: str, line: int, column: int, cell: str = "") -> str:
    """A place in a file, as people write it: `list.csv:7:2`, or `list.xlsx#Sheet1!B7` for a cell of a sheet."""
    return f"{file}!{cell}" if cell else f"{file}:{line}:{column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with an input file: where, what, and what to write instead. Lines and columns count from 1.

    `cell` is the address of a sheet's cell, such as `B7`; `line` and `column` are then its row and its column.
    `value` is what was read there, with invisible characters named, and `source` the line of the file, of a long one
    the part around the place; `caret` is the place's column in it. Nothing that may be a secret is in any of them.
    """

    file: str
    line: int
    column: int
    path: str
    message: str
    hint: str = ""
    cell: str = ""
    value: str = ""
    source: str = ""
    caret: int = 0

    @property
    def place(self) -> str:
        """Where it is, as editors and compilers write it."""
        return where(self.file, self.line, self.column, self.cell)

    def __str__(self) -> str:
        subject = f"{self.path}: " if self.path else ""
        return f"{self.place}: {subject}{self.message}" + (f"; {self.hint}" if self.hint else "")


# Refusals: raised before the first start, so nothing was sent.


class ManifestError(OrchestratorError):
    """The manifest, or a file it names, is not valid. Carries every problem found in one pass."""

    exit_code = ExitCode.INVALID

    def __init__(self, problems: tuple[Problem, ...], *, next_step: str = "") -> None:
        count = f"{len(problems)} problem" + ("s" if len(problems) != 1 else "")
        super().__init__(f"the manifest has {count}", next_step=next_step)
        self.problems = problems


class WrongEnvironment(OrchestratorError):  # noqa: N818 - it is a choice, not a malfunction
    """The manifest needs an environment that was not chosen, or does not have the one that was."""

    exit_code = ExitCode.USAGE


class PlanInvalid(OrchestratorError):  # noqa: N818 - it is the file's state
    """The file given as a plan is not one, or was changed after it was made."""

    exit_code = ExitCode.INVALID


class DecisionsInvalid(OrchestratorError):  # noqa: N818 - it is the file's state
    """A file of decisions cannot be read, or holds something else."""

    exit_code = ExitCode.INVALID


class Refused(OrchestratorError):  # noqa: N818 - it is a decision, not a malfunction
    """Preflight, approval, cap or a stale plan forbids the run."""

    exit_code = ExitCode.REFUSED


class NothingSelected(OrchestratorError):  # noqa: N818 - the same
    """The selection matched no campaign."""

    exit_code = ExitCode.NOTHING_SELECTED


class NoPlanYet(NothingSelected):
    """The launch has no run with a plan."""


class LaneLeased(OrchestratorError):  # noqa: N818 - the same
    """Another live run holds an account that this run needs."""

    exit_code = ExitCode.LANE_LEASED


class CredentialError(OrchestratorError):
    """A credential is missing, malformed, or was rejected before any start."""

    exit_code = ExitCode.CREDENTIAL


class LedgerError(OrchestratorError):
    """The ledger cannot be reached, is damaged, or lies where it is not safe."""

    exit_code = ExitCode.LEDGER


# Raised during a run, which may have sent something.


class JournalWriteError(OrchestratorError):
    """The journal could not be written during a run: sending has stopped."""

    exit_code = ExitCode.JOURNAL


class LeaseLost(OrchestratorError):  # noqa: N818 - the same
    """The run no longer holds the lane: it gets no permit."""

    exit_code = ExitCode.STOPPED
