"""`approve PLAN.json`."""

import sys
from pathlib import Path

import click

from orchestrator.cli.documented import documented
from orchestrator.cli.options import UnusableError, json_option, prints_result
from orchestrator.console.render import CommandResult
from orchestrator.core.text import reason


@documented(
    "approve",
    page="docs/how-to/approve.md",
    examples=(
        "approve plan.json",
        "approve plan.json --key ~/.ssh/id_ed25519 --yes",
    ),
    exits={
        "4": "The plan is too old, or you did not agree.",
    },
)
@click.argument("plan", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--key", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
              help="Your SSH key, private or, with an agent, public; by default git's user.signingkey, the "
              "agent's first key or the first in ~/.ssh.")  # fmt: skip
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Write the signature here; by default beside the plan, as FILE.sig.")  # fmt: skip
@click.option("--yes", is_flag=True, help="Do not ask before signing. Needed without a terminal.")
@json_option
@prints_result
def command(plan: Path, *, key: Path | None, output: Path | None, yes: bool) -> CommandResult:
    """Sign a plan that you have reviewed, with your SSH key.

    It shows you the plan in a file of `plan -o`, asks, and signs that file. It makes no call. Hand the signature to
    `run --plan FILE --approval FILE.sig`, which checks it against the manifest's `approval: {signers: FILE}`.
    """
    from time import time

    from orchestrator.app.approval import read_plan_file
    from orchestrator.app.signing import sign
    from orchestrator.console.confirm import confirm_approval, has_terminal
    from orchestrator.core.plan.approval import check_age
    from orchestrator.core.plan.proposal import check_shown
    from orchestrator.model import PosixSeconds
    from orchestrator.places import put_in_place, put_new

    place = output or plan.with_name(f"{plan.name}.sig")
    # 1. What is to be approved, and is it still worth it?
    document, proposal = read_plan_file(plan)
    check_shown(document, proposal)
    check_age(proposal, PosixSeconds(time()), "make a new plan")
    if place.exists():
        # It may be another person's approval, of which there is no other copy.
        raise UnusableError(f"{place} already exists", next_step="choose another file with -o")
    # 2. A person's word, then the signature.
    confirm_approval(document, proposal, yes=yes)
    made = sign(proposal.file_bytes, key, is_at_terminal=has_terminal() and sys.stderr.isatty())
    try:
        with put_in_place(place, put_new) as file:
            file.write(made.content)
    except OSError as error:
        raise UnusableError(f"cannot write {place}: {reason(error)}") from error
    launch = str(proposal.identity["launch"])
    data = {"launch": launch, "plan_sha256": proposal.sha256, "key": made.key, "signature": str(place)}
    return CommandResult("approve", data, f"{place}: signed with the key {made.key}\n")
