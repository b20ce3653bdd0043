"""`doctor [MANIFEST]`."""

import sys
from dataclasses import asdict
from pathlib import Path

import click

from orchestrator.cli import event_loop as loops
from orchestrator.cli.options import echo_json, exits_on_error, json_option, ledger_option

_BAD = 4


@click.command("doctor")
@click.argument("manifest", required=False, type=click.Path(path_type=Path))
@ledger_option
@json_option
@exits_on_error
def command(*, manifest: Path | None, ledger: str, as_json: bool) -> None:
    """Look at ledger, disk and time zones; with a manifest, whose ledger counts, also at clock and accounts.

    One line each, with the mend. Spends one list call per account, at its rate. Ends with 4 where something is bad.
    """
    from orchestrator.app.diagnose import examine
    from orchestrator.core.diagnosis import Grade

    found = loops.run(examine(manifest, ledger))
    is_bad = any(one.grade is Grade.BAD for one in found)
    if as_json:
        echo_json({"schema_version": "1", "healthy": not is_bad, "findings": [asdict(one) for one in found]})
    else:
        for one in found:
            click.echo(f"{one.grade:4}  {one.subject}: {one.message}" + (f"; {one.mend}" if one.mend else ""))
    sys.exit(_BAD if is_bad else 0)
