"""How a run ends once a start may have left, whatever fails then: never with 1 to 9 (P6)."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator.app import journal_reader as journals
from orchestrator.cli.options import UnusableError
from orchestrator.cli.reporting import forget_earlier_run, write_refusal, write_reports
from orchestrator.console.terminal import plain
from orchestrator.core.exit_codes import REFUSAL_CODES, ExitCode, worst
from orchestrator.core.text import DEFAULT_LEDGER, command_line, reason
from orchestrator.errors import JournalWriteError, NothingSelected, OrchestratorError
from orchestrator.loading.manifest_file import launch_and_folder
from orchestrator.model import CampaignKey
from orchestrator.places import report_folder
from orchestrator.report import ci
from orchestrator.report.files import LaunchFolder

if TYPE_CHECKING:
    from orchestrator.app.open_run import OpenRun
    from orchestrator.core.delivery.goal import Followed
    from orchestrator.core.manifest.models import Manifest
    from orchestrator.core.result.types import Result
    from orchestrator.model import Record


class RunEnd:
    """What is known of a run's end. Everything between its first start and its exit code is guarded by `conclude`."""

    def __init__(self, path: Path, system: ci.System, environment: str | None = None) -> None:
        self._path = path
        self._environment = environment
        self._system = system
        self._manifest: Manifest | None = None
        self._run_id = ""
        self._may_have_sent: Callable[[], bool] = lambda: False
        self._result: Result | None = None
        self.reports: list[Path] = []
        """The reports that were written."""
        self._code: int = ExitCode.JOURNAL  # until the journal says how the run went
        self._follow_code: int = ExitCode.OK
        self._followed: Followed | None = None

    @contextmanager
    def publishing_refusals(self) -> Iterator[None]:
        """Publish an error that ends the run without a result to the CI system, too, whatever its kind."""
        try:
            yield
        except OrchestratorError as error:
            write_refusal(error, self._folder(), self._system)
            raise
        except click.UsageError as error:
            write_refusal(UnusableError(error.format_message()), self._folder(), self._system)
            raise
        except Exception as error:
            write_refusal(OrchestratorError(f"internal error: {reason(error)}"), self._folder(), self._system)
            raise

    def _folder(self) -> LaunchFolder | None:
        if self._manifest is not None:
            return _folder_of(self._manifest.launch, self._manifest.report.chosen_dir, self._environment)
        return _folder_said(self._path, self._environment)

    def reads(self, manifest: "Manifest") -> None:
        """The manifest is known: what an earlier run of it has left is not this run's."""
        self._manifest = manifest
        if (folder := self._folder()) is not None:
            forget_earlier_run(folder, self._system)

    def begins(self, run_id: str, may_have_sent: Callable[[], bool]) -> None:
        """The run is known, and from when on a start may have left."""
        self._run_id, self._may_have_sent = run_id, may_have_sent

    def report(self, result: "Result", records: "Iterable[Record]") -> "Result":
        """The run has this result, whatever fails after it. Write its reports from `records`, and publish it."""
        self._result, self._code = result, result.exit_code
        if self._manifest is not None:
            self.reports = write_reports(result, records, self._manifest.report, self._system)
        return result

    async def follow(self, opened: "OpenRun", result: "Result", *, is_drawn: bool) -> "Result":
        """Follow what the run has started, in its process. Returns its result with what became of that.

        An error ends the following alone: the starts are done, and their result stands.
        """
        from orchestrator.cli.follow import follow_opened

        # Until it has an end, nobody knows whether all arrives.
        self._follow_code = ExitCode.NOT_DELIVERED
        try:
            self._followed = await follow_opened(opened, is_drawn=is_drawn)
            self._follow_code = self._followed.exit_code
            return self._report_deliveries(opened, result)
        except NothingSelected:
            self._follow_code = ExitCode.OK
        except OrchestratorError as error:
            click.echo(f"stopped following early: {plain(error.message)}", err=True)
        return result

    def _report_deliveries(self, opened: "OpenRun", result: "Result") -> "Result":
        """Write the reports again, with what was read since they were written."""
        from orchestrator.app.run import build_result

        newest, records = build_result(opened)
        result = replace(result, campaigns=newest.campaigns, delivery=newest.delivery)
        if self._manifest is not None:
            # GitHub has had this run's summary, and would show a second one below it.
            system = ci.System.NONE if self._system is ci.System.GITHUB else self._system
            self.reports = write_reports(result, records, self._manifest.report, system)
        return result

    def code_of(self, result: "Result") -> int:
        """The code of a run with this result, and of following it."""
        return worst(result.exit_code, self._follow_code)

    def followed_text(self) -> str:
        """What became of what was started, for a person; empty if it was not followed."""
        from orchestrator.console import deliveries

        if self._followed is None:
            return ""
        ledger, names = DEFAULT_LEDGER, dict[CampaignKey, str]()
        if self._manifest is not None:
            ledger, names = self._manifest.ledger, self._manifest.campaign_names
        return deliveries.text(self._followed, ledger, names)

    def followed_json(self) -> dict[str, Any]:
        """The same for a machine, under a key of its own."""
        from orchestrator.console import deliveries

        return {"followed": deliveries.as_json(self._followed)} if self._followed else {}

    def exit_code(self) -> int | None:
        """The code to end with; None while it is certain that no start has left."""
        return worst(self._code, self._follow_code) if self._may_have_sent() else None

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
        warning = f"the run failed with an unexpected error ({type(error).__name__})"
        try:
            with journals.open_ledger(manifest.ledger) as store:
                result = journals.result(store, manifest.launch, self._run_id, warnings=[warning])
                return self.report(result, store.stream(manifest.launch))
        except Exception as failure:  # noqa: BLE001 - whatever fails here, starts may have left
            if self._result is not None:
                return self._result
            why = failure.message if isinstance(failure, OrchestratorError) else reason(failure)
            message = f"{warning}, and its journal cannot be read ({why}); starts may have left"
            again = command_line("report", manifest.launch, ledger=manifest.ledger)
            raise JournalWriteError(message, next_step=again) from error


def may_promise_too_much(error: OrchestratorError) -> bool:
    """Whether the error's code says that nothing was sent, or nothing about it."""
    return error.exit_code in {ExitCode.INTERNAL, *REFUSAL_CODES}


def _folder_said(path: Path, environment: str | None = None) -> LaunchFolder | None:
    """The folder of the reports that a manifest names which need not be valid."""
    said = launch_and_folder(path, environment)
    return _folder_of(*said) if said is not None else None


def _folder_of(launch: str, chosen: str | None, environment: str | None) -> LaunchFolder | None:
    try:
        return LaunchFolder(report_folder(chosen), launch, environment or "")
    except OSError:  # without a working folder there is no folder of reports, either
        return None


def publish_unusable(arguments: Sequence[str], error: click.UsageError) -> None:
    """Publish a command line that could not be read. The manifest is the first argument that is a file, at a guess."""
    path = next((Path(argument) for argument in arguments if Path(argument).is_file()), None)
    folder = _folder_said(path) if path is not None else None
    write_refusal(UnusableError(error.format_message()), folder, ci.system_of("auto", os.environ))
