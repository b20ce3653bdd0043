"""`audit verify` and `audit export`: whether a launch's journal is as it was written, and a pack of it to keep."""

import re
from pathlib import Path

import click

from orchestrator.cli.options import (
    UnusableError,
    json_option,
    ledger_option,
    newest_launch_argument,
    prints_result,
)
from orchestrator.console.render import CommandResult
from orchestrator.core.exit_codes import ExitCode
from orchestrator.core.text import command_line, plural, reason


@click.group("audit")
def command() -> None:
    """Check a launch's journal for tampering, or export it for an auditor."""


def _head(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is not None and not re.fullmatch("[0-9a-f]{64}", value.lower()):
        raise click.BadParameter("a head has 64 hexadecimal digits: `head` in result.json is one")
    return value.lower() if value is not None else None


@command.command("verify")
@newest_launch_argument
@click.option("--head", callback=_head, help="A hash noted elsewhere, such as the head that a run's report prints: "
              "some record must have it.")  # fmt: skip
@ledger_option
@json_option
@prints_result
def verify(launch: str | None, *, head: str | None, ledger: str) -> CommandResult:
    """Find every record that was changed, dropped, swapped or added. Ends with 8 where one was.

    Who can write to the ledger can also write it anew, with hashes that are right: keep a head elsewhere, and name it.
    """
    from orchestrator.app.audit import verify_launch
    from orchestrator.console.audit import audit_json, audit_text

    found = verify_launch(ledger, launch, head)
    code = ExitCode.LEDGER if found.findings else ExitCode.OK
    return CommandResult("audit verify", audit_json(found), audit_text(found), exit_code=code)


@command.command("export")
@newest_launch_argument
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path),
              help="The zip file to write.")  # fmt: skip
@ledger_option
@json_option
@prints_result
def export(launch: str | None, *, output: Path, ledger: str) -> CommandResult:
    """Write a launch's journal, plans, approvals and reports to a zip file with a list of sums.

    docs/examples/verify.py checks such a file without this program.
    """
    from orchestrator.app.audit import export_launch

    try:
        made = export_launch(ledger, launch, output)
    except OSError as error:
        raise UnusableError(f"cannot write {output}: {reason(error)}") from error
    name, findings = made.found.launch, len(made.found.findings)
    data = {"launch": name, "file": str(output), "files": list(made.files), "findings": findings}
    verify_it = command_line("audit", "verify", name, ledger=ledger)
    warning = (f"{plural(findings, 'finding')}: the journal is not as it was written\nnext: {verify_it}",)
    return CommandResult("audit export", data, f"{output}\n", messages=warning if findings else ())
