"""`audit verify` and `audit export`: whether a launch's journal is as it was written, and a pack of it to keep."""

import re
from pathlib import Path

import click

from orchestrator.cli.documented import Group
from orchestrator.cli.options import (
    UnusableError,
    check_output,
    json_option,
    ledger_option,
    newest_launch_argument,
    prints_result,
)
from orchestrator.console.render import CommandResult
from orchestrator.core.exit_codes import ExitCode
from orchestrator.core.text import command_line, plural, reason


@click.group(
    "audit",
    cls=Group,
    page="docs/how-to/audit.md",
    examples=(
        "audit verify spring",
        "audit export spring -o spring.zip",
    ),
)
def command() -> None:
    """Check a launch's journal for tampering, or export it.

    The commands below read the ledger, and call nobody.
    """


def _head(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is not None and not re.fullmatch("[0-9a-f]{64}", value.lower()):
        raise click.BadParameter("a head has 64 hexadecimal digits: `head` in result.json is one")
    return value.lower() if value is not None else None


@command.command(
    "verify",
    page="docs/how-to/audit.md",
    examples=(
        "audit verify spring",
        "audit verify spring --json",
    ),
    exits={
        "8": "A record was changed, dropped, swapped or added; or no record has a hash.",
    },
)
@newest_launch_argument
@click.option("--head", callback=_head, metavar="HASH",
              help="A hash noted elsewhere, such as the head in a run's report: a record must have it.")  # fmt: skip
@ledger_option
@json_option
@prints_result
def verify(launch: str | None, *, head: str | None, ledger: str) -> CommandResult:
    """Find every record that was changed, dropped, swapped or added.

    Someone who can write to the ledger can also rewrite it, with hashes that fit. Keep a head elsewhere, and name it.
    """
    from orchestrator.app.audit import verify_launch
    from orchestrator.console.audit import audit_json, audit_text

    found = verify_launch(ledger, launch, head)
    code = ExitCode.OK if found.is_verified else ExitCode.LEDGER
    return CommandResult("audit verify", audit_json(found), audit_text(found), exit_code=code)


@command.command(
    "export",
    page="docs/how-to/audit.md",
    examples=(
        "audit export spring -o spring.zip",
        "audit export -o newest.zip",
    ),
)
@newest_launch_argument
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path),
              metavar="FILE", help="The zip file to write.")  # fmt: skip
@ledger_option
@json_option
@prints_result
def export(launch: str | None, *, output: Path, ledger: str) -> CommandResult:
    """Write a launch's journal and reports to a zip file.

    Plans, approvals and a list of sums are in it, too. The source code has a short script, verify.py, that checks such
    a file without this program.
    """
    from orchestrator.app.audit import export_launch

    check_output(output)
    try:
        made = export_launch(ledger, launch, output)
    except OSError as error:
        raise UnusableError(f"cannot write {output}: {reason(error)}") from error
    name, findings = made.found.launch, len(made.found.findings)
    data = {"launch": name, "file": str(output), "files": list(made.files), "findings": findings,
            "complete": made.is_complete}  # fmt: skip
    verify_it = command_line("audit", "verify", name, ledger=ledger)
    warnings = [f"{plural(findings, 'finding')}: the journal is not as it was written"] if findings else []
    if not made.is_complete:
        warnings.append("the journal cannot be read: approvals, plans or reports are missing from the pack")
    return CommandResult(
        "audit export", data, f"{output}\n", messages=(*warnings, f"next: {verify_it}") if warnings else ()
    )
