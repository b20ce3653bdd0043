"""`diff A B`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli import event_loop
from orchestrator.cli.documented import documented
from orchestrator.cli.options import environment_option, json_option, ledger_option, prints_result
from orchestrator.console.render import CommandResult, Remarks
from orchestrator.core.exit_codes import ExitCode

if TYPE_CHECKING:
    from orchestrator.core.diff import Difference, Snapshot
    from orchestrator.core.plan.proposal import Proposal
    from orchestrator.core.plan.selection import Choice


@documented(
    "diff",
    page="docs/how-to/compare.md",
    examples=(
        "diff plan.json launch.yaml",
        "diff plan.json spring --format markdown",
    ),
    exits={
        "0": "Equal; nothing is printed.",
        "20": "Different.",
    },
)
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@click.option("--format", "form", type=click.Choice(["text", "markdown"]), default="text", show_default=True,
              help="Format of the output; markdown is for a pull request.")  # fmt: skip
@environment_option
@ledger_option
@json_option
@prints_result
def command(before: str, after: str, *, form: str, environment: str | None, ledger: str) -> CommandResult:
    """Compare two plans or runs, or a plan with the live state.

    You see how B differs from A: campaigns that were added, are gone or have changed, outcomes and durations. Each is
    a plan's FILE, a result.json, LAUNCH@RUN, or LAUNCH for its last run. B may also be a manifest: it is planned
    anew, with the selection of plan A.
    """
    from orchestrator.app.diff import is_manifest, read_proposal, read_side
    from orchestrator.core.diff import compare
    from orchestrator.core.plan.selection import Choice

    if is_manifest(before):
        raise click.UsageError("A is a plan or a run: only B may be a manifest")
    one = read_side(before, ledger)
    remarks = Remarks()
    if is_manifest(after):
        proposal = read_proposal(Path(before)) if one.kind == "plan" else None
        other = live_plan(after, environment, Choice(), proposal, remarks)
    else:
        other = read_side(after, ledger)
    return result_of("diff", compare(one, other), form, remarks)


def result_of(command_name: str, found: "Difference", form: str, remarks: Remarks) -> CommandResult:
    """A difference as the result of a command."""
    from orchestrator.console import diff as shown

    text = shown.markdown(found) if form == "markdown" else shown.text(found)
    code = ExitCode.OK if found.is_equal else ExitCode.DIFFERENT
    return CommandResult(
        command_name, lambda: shown.as_json(found), text, exit_code=code, said=tuple(remarks.said), is_paged=True
    )


def plan_difference(
    other: Path, manifest: str, environment: str | None, choice: "Choice", remarks: Remarks
) -> CommandResult:
    """How the plan that would be made now differs from another, for `plan --diff`."""
    from orchestrator.app.diff import read_proposal, read_side
    from orchestrator.core.diff import compare

    now = live_plan(manifest, environment, choice, read_proposal(other), remarks)
    return result_of("plan", compare(read_side(str(other), ""), now), "text", remarks)


def live_plan(
    manifest: str, environment: str | None, choice: "Choice", proposal: "Proposal | None", remarks: Remarks
) -> "Snapshot":
    """The plan that would be made now; where nothing is chosen, as the plan that it is compared with chose."""
    from orchestrator.core.plan.proposal import choice_for
    from orchestrator.loading.manifest_file import load_manifest

    choice = choice_for(choice, proposal)
    loaded = load_manifest(Path(manifest), environment)

    async def planned() -> "Snapshot":
        from orchestrator.app.diff import plan_now
        from orchestrator.console.logs import set_up
        from orchestrator.console.signals import orderly_stop
        from orchestrator.engine.stop_signal import StopSignal
        from orchestrator.redaction import Redactor

        redactor, stop_signal = Redactor(), StopSignal()
        set_up("text", redactor, verbose=False)
        with orderly_stop(stop_signal.set):
            nonce = proposal.nonce if proposal is not None else ""
            return await plan_now(loaded, choice, nonce, observer=remarks, stop_signal=stop_signal, redactor=redactor)

    return event_loop.run(planned())
