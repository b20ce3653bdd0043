"""`discover MANIFEST --stream ID...`."""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from orchestrator.cli import event_loop
from orchestrator.cli.documented import documented
from orchestrator.cli.options import UnusableError, environment_option, json_option, manifest_argument, prints_result
from orchestrator.console.render import CommandResult, Remarks
from orchestrator.core.text import reason

if TYPE_CHECKING:
    from orchestrator.app.discover import Request
    from orchestrator.core.discovery import Discovery
    from orchestrator.loading.manifest_file import LoadedManifest

STATUSES: Final = ("Ready", "Active", "Paused", "Stopped", "Completed", "Preparing", "Scheduled", "Rescheduled")
"""The states by which the platform's own list can be filtered (kore-api.md section 2)."""


def _stream_ids(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    from orchestrator.core.manifest.values import ID_PATTERN

    ids = dict.fromkeys(text.strip() for one in given for text in one.split(","))
    for text in ids:
        if not re.fullmatch(ID_PATTERN, text):
            raise click.BadParameter(f"{text!r} is not a stream's id")
    return tuple(ids)


def _file(_: click.Context, __: click.Parameter, path: Path | None) -> Path | None:
    from orchestrator.app.discovered_file import SUFFIXES

    if path is not None and path.suffix.lower() not in SUFFIXES:
        raise click.BadParameter(f"{str(path)!r} is neither CSV nor YAML: name it {' or '.join(SUFFIXES)}")
    return path


@documented(
    "discover",
    page="docs/how-to/from-account.md",
    examples=(
        "discover launch.yaml --stream st-0603182c",
        "discover launch.yaml --stream st-0603182c --name '*renewal*' -o campaigns.csv",
    ),
    exits={
        "6": "A run is using the account. No call was made.",
    },
)
@manifest_argument
@environment_option
@click.option("--stream", "streams", multiple=True, required=True, metavar="ID", callback=_stream_ids,
              help="Id of a stream to list; repeat it, or separate ids by commas.")  # fmt: skip
@click.option(
    "--account", metavar="NAME", help="Name of the account in the manifest; by default the manifest's default account."
)
@click.option(
    "--type",
    "kind",
    type=click.Choice(["sms", "voice"]),
    help="Type of the campaigns; by default the manifest's default type.",
)
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=click.Choice(STATUSES, case_sensitive=False),
    metavar="STATE",
    help=f"Only campaigns in this state; repeat it for several: {', '.join(STATUSES)}.",
)
@click.option(
    "--name",
    default="*",
    metavar="GLOB",
    help="Only campaigns whose name matches, such as '*renewal*'; by default all.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_file,
    metavar="FILE",
    help="Write them to a new file: x.csv, or x.yaml as a copy of the manifest with them.",
)
@click.option(
    "--update",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_file,
    metavar="FILE",
    help="Add new campaigns to this CSV file or manifest, and mark those that are gone.",
)
@json_option
@prints_result
def command(
    manifest: str,
    *,
    environment: str | None,
    streams: tuple[str, ...],
    account: str | None,
    kind: str | None,
    statuses: tuple[str, ...],
    name: str,
    output: Path | None,
    update: Path | None,
) -> CommandResult:
    """List the campaigns of your account, as CSV or into a file.

    It reads the streams that you name from the platform, and starts nothing. One call lists 50 campaigns, at the
    account's rate. The manifest needs no campaigns yet. With --update, your lines, comments and columns stay as they
    are.
    """
    from orchestrator.app.discover import Request
    from orchestrator.app.discovered_file import DiscoveredFile
    from orchestrator.console import discovery as shown
    from orchestrator.core.discovery import Choice
    from orchestrator.loading.manifest_file import load_manifest
    from orchestrator.model import CampaignType

    if output is not None and update is not None:
        raise click.UsageError("-o makes a new file, --update changes one: give one of them")
    # 1. The manifest, and whether the file can be written: before a call is spent.
    loaded = load_manifest(Path(manifest), environment, is_draft=True)
    request = Request(streams, account, CampaignType(kind) if kind else None, Choice(statuses, name))
    file = DiscoveredFile(loaded, path, is_update=update is not None) if (path := output or update) else None
    # 2. The lists.
    remarks = Remarks()
    discovery = event_loop.run(_discover(loaded, request, remarks))
    # 3. The file.
    try:
        written = file.write(discovery) if file else None
    except (OSError, UnicodeError) as error:
        raise UnusableError(f"cannot write {path}: {reason(error)}") from error
    return CommandResult(
        "discover", shown.as_json(discovery, written), shown.text(discovery, written, loaded.manifest.defaults),
        messages=shown.messages(discovery, written, loaded.words), said=tuple(remarks.said),
    )  # fmt: skip


async def _discover(loaded: "LoadedManifest", request: "Request", remarks: Remarks) -> "Discovery":
    from orchestrator.app.discover import discover
    from orchestrator.console.live import shown_pages
    from orchestrator.console.logs import set_up
    from orchestrator.console.signals import orderly_stop
    from orchestrator.engine.stop_signal import StopSignal
    from orchestrator.redaction import Redactor

    redactor, stop_signal = Redactor(), StopSignal()
    set_up("text", redactor, verbose=False)
    with orderly_stop(stop_signal.set), shown_pages(sys.stderr) as on_page:
        return await discover(loaded, request, stop_signal, redactor, observer=remarks, on_page=on_page)
