"""How a run ends once a start may have left, whatever fails then: never with 1 to 9 (P6)."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from orchestrator.app import journal_reader as journals
from orchestrator.cli.reporting import write_reports
from orchestrator.core.exit_codes import REFUSAL_CODES, ExitCode
from orchestrator.core.text import reason
from orchestrator.errors import JournalWriteError, OrchestratorError
from orchestrator.report import ci

if TYPE_CHECKING:
    from orchestrator.core.manifest.models import Manifest
    from orchestrator.core.result.types import Result


class RunEnd:
    """What is known of a run's end. Everything between its first start and its exit code is guarded by `conclude`."""

    def __init__(self, system: ci.System) -> None:
        self._system = system
        self._manifest: Manifest | None = None
        self._run_id = ""
        self._may_have_sent: Callable[[], bool] = lambda: False
        self._result: Result | None = None
        self._code: int = ExitCode.JOURNAL  # until the journal says how the run went

    def begins(self, manifest: "Manifest", run_id: str, may_have_sent: Callable[[], bool]) -> None:
        """The run is known, and from when on a start may have left."""
        self._manifest, self._run_id, self._may_have_sent = manifest, run_id, may_have_sent

    def came_to(self, result: "Result") -> "Result":
        """The run has this result, whatever fails after it."""
        self._result, self._code = result, result.exit_code
        return result

    def exit_code(self) -> int | None:
        """The code to end with; None while it is certain that no start has left."""
        return self._code if self._may_have_sent() else None

    def conclude(self, error: BaseException) -> "Result":
        """The result of a run that failed on its way. Raises `error` where no start can have left.

        Raises an OrchestratorError with a code above 9 where the journal does not say how the run went.
        """
        if self._manifest is None or not self._may_have_sent():
            raise error
        if not isinstance(error, OrchestratorError):
            sys.excepthook(type(error), error, error.__traceback__)
        elif not may_promise_too_much(error):
            self._code = error.exit_code
            raise error
        return self._result or self._read(self._manifest, error)

    def _read(self, manifest: "Manifest", error: BaseException) -> "Result":
        """The result from the journal, which has all that is known of the starts."""
        warning = f"the run ended with an error of its own ({type(error).__name__})"
        try:
            with journals.open_ledger(manifest.ledger) as store:
                result = self.came_to(journals.result(store, manifest.launch, self._run_id, warnings=[warning]))
                write_reports(result, store.stream(manifest.launch), manifest.report, self._system)
        except Exception as failure:  # noqa: BLE001 - whatever fails here, starts may have left
            if self._result is not None:
                return self._result
            why = failure.message if isinstance(failure, OrchestratorError) else reason(failure)
            message = f"{warning}, and its journal cannot be read ({why}); starts may have left"
            again = f"python -m orchestrator report {manifest.launch}"
            raise JournalWriteError(message, next_step=again) from error
        return result


def may_promise_too_much(error: OrchestratorError) -> bool:
    """Whether the error's code says that nothing was sent, or nothing about it."""
    return error.exit_code in {ExitCode.INTERNAL, *REFUSAL_CODES}
