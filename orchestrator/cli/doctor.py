"""`doctor [MANIFEST]`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli import event_loop
from orchestrator.cli.documented import documented
from orchestrator.cli.options import environment_option, json_option, ledger_option, prints_result
from orchestrator.console.render import CommandResult
from orchestrator.core.exit_codes import ExitCode

if TYPE_CHECKING:
    from orchestrator.core.diagnosis import Finding


@documented(
    "doctor",
    page="docs/how-to/credentials.md",
    examples=(
        "doctor",
        "doctor launch.yaml",
    ),
    exits={
        "4": "A check found something bad.",
    },
)
@click.argument("manifest", required=False, type=click.Path(path_type=Path))
@environment_option
@ledger_option
@json_option
@prints_result
def command(*, manifest: Path | None, environment: str | None, ledger: str) -> CommandResult:
    """Check the ledger, disk, clock and accounts.

    You get a line for each check, with the fix. With a manifest it checks the clock and the accounts, too, with one
    list call for each account, at its rate. The manifest's own ledger is then checked instead of --ledger.
    """
    from orchestrator.core.diagnosis import Grade

    findings = event_loop.run(_examine(manifest, environment, ledger))
    is_bad = any(one.grade is Grade.BAD for one in findings)
    text = "".join(
        f"{one.grade:4}  {one.subject}: {one.message}" + (f"; {one.fix}\n" if one.fix else "\n") for one in findings
    )
    data = {"healthy": not is_bad, "findings": [{**asdict(one), "mend": one.fix} for one in findings]}
    return CommandResult("doctor", data, text, exit_code=ExitCode.REFUSED if is_bad else ExitCode.OK)


async def _examine(manifest: Path | None, environment: str | None, ledger: str) -> "list[Finding]":
    from orchestrator.app.diagnose import examine
    from orchestrator.console.logs import set_up
    from orchestrator.console.signals import orderly_stop
    from orchestrator.engine.stop_signal import StopSignal
    from orchestrator.loading.manifest_file import load_manifest
    from orchestrator.redaction import Redactor

    loaded = load_manifest(manifest, environment) if manifest is not None else None
    redactor, stop_signal = Redactor(), StopSignal()
    set_up("text", redactor, verbose=False)
    with orderly_stop(stop_signal.set):
        return await examine(loaded, ledger, stop_signal, redactor)
