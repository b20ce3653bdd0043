"""`notify test MANIFEST`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli import event_loop
from orchestrator.cli.documented import documented
from orchestrator.cli.options import environment_option, json_option, manifest_argument, prints_result
from orchestrator.console.render import CommandResult
from orchestrator.core.exit_codes import ExitCode

if TYPE_CHECKING:
    from orchestrator.app.notice_test import Tested
    from orchestrator.loading.manifest_file import LoadedManifest


@documented(
    "notify",
    page="docs/how-to/notify.md",
    examples=(
        "notify test launch.yaml",
        "notify test launch.yaml --json",
    ),
    exits={
        "4": "A notice did not arrive.",
    },
)
@click.argument("what", type=click.Choice(["test"]))
@manifest_argument
@environment_option
@json_option
@prints_result
def command(what: str, *, manifest: str, environment: str | None) -> CommandResult:  # noqa: ARG001 - there is one thing
    """Send a test notice to everyone whom a manifest names.

    Each entry of `notify` gets one notice for each of its events, marked as a test. You get a line for each entry. It
    starts nothing.
    """
    from orchestrator.loading.manifest_file import load_manifest

    loaded = load_manifest(Path(manifest), environment)
    tested = event_loop.run(_send(loaded))
    text = "".join(f"{'ok' if one.is_told else 'bad':4}  {one.sentence}\n" for one in tested)
    data = {
        "launch": loaded.manifest.launch,
        "entries": [
            {"entry": number, "told": [event for event, why in one.came.items() if not why],
             "not_told": {event: why for event, why in one.came.items() if why}}
            for number, one in enumerate(tested, start=1)
        ],
    }  # fmt: skip
    is_told = all(one.is_told for one in tested)
    return CommandResult("notify", data, text, exit_code=ExitCode.OK if is_told else ExitCode.REFUSED)


async def _send(loaded: "LoadedManifest") -> "list[Tested]":
    from orchestrator.app.notice_test import send_tests
    from orchestrator.console.logs import set_up
    from orchestrator.redaction import Redactor

    redactor = Redactor()
    set_up("text", redactor, verbose=False)
    return await send_tests(loaded, redactor)
