"""`pause`, `unpause`, `abort` and `release`: what people record in a launch's journal."""

from typing import Final

import click

from orchestrator.cli.documented import documented
from orchestrator.cli.options import json_option, launch_argument, ledger_option, prints_result, reason_option
from orchestrator.console.render import CommandResult
from orchestrator.core.text import command_line

_OF_WAITING: Final = {
    "pause": "it keeps waiting, and starts nothing until the launch is unpaused",
    "abort": "it ends within a few seconds, with nothing sent",
}
"""What a command means for a run that waits for its time."""


@documented(
    "pause",
    page="docs/how-to/runbook.md",
    examples=(
        "pause spring --reason 'wrong list'",
        "pause spring --reason 'held by legal' --json",
    ),
)
@launch_argument
@reason_option("Shown with the launch's status, and journaled with your name.")
@ledger_option
@json_option
@prints_result
def pause(launch: str, *, reason: str, ledger: str) -> CommandResult:
    """Pause a launch on every host, until you unpause it.

    No start leaves from now on; calls in flight end as usual. A run that is going on waits, and starts nothing twice.
    """
    return _record(
        "pause", launch, reason, ledger,
        f"launch {launch} is paused: no start leaves until\n  {command_line('unpause', launch, ledger=ledger)}",
    )  # fmt: skip


@documented(
    "unpause",
    page="docs/how-to/runbook.md",
    examples=(
        "unpause spring",
        "unpause spring --reason 'the list is fixed'",
    ),
)
@launch_argument
@reason_option("Needed to lift an abort; it is journaled with your name.", is_needed=False)
@ledger_option
@json_option
@prints_result
def unpause(launch: str, *, reason: str, ledger: str) -> CommandResult:
    """Continue a paused launch, or lift an abort.

    A run that waits continues by itself. With --reason you lift an abort: after its run has ended, you can run the
    launch again.
    """
    return _record("unpause", launch, reason, ledger, f"launch {launch} can continue: a waiting run goes on by itself")


@documented(
    "abort",
    page="docs/how-to/runbook.md",
    examples=(
        "abort spring --reason 'wrong text'",
        "abort spring --reason 'held by legal' --json",
    ),
)
@launch_argument
@reason_option("Shown to anyone who runs it later, and journaled with your name.")
@ledger_option
@json_option
@prints_result
def abort(launch: str, *, reason: str, ledger: str) -> CommandResult:
    """End a launch's runs, and refuse later ones.

    No start leaves from now on, and the rest is held. Campaigns that have started go on texting; stop them with
    `stop-started`. To allow runs again, use `unpause --reason`.
    """
    return _record(
        "abort", launch, reason, ledger,
        f"launch {launch} is aborted: no further start leaves, and runs are refused\n"
        f"campaigns that it started keep texting; to stop them\n"
        f"  {command_line('stop-started', launch, ledger=ledger)} --reason",
    )  # fmt: skip


@documented(
    "release",
    page="docs/how-to/ledger.md",
    examples=(
        "release spring --reason 'the host is gone'",
        "release 67777ce93e25326494e90001 --reason 'the host is gone' --yes",
    ),
    exits={
        "4": "The run is alive on this machine, or you did not agree.",
    },
)
@click.argument("name", metavar="LAUNCH|ID")
@reason_option("How you know that the process is dead; it is journaled with your name.")
@click.option("--yes", is_flag=True, help="Do not ask before the release.")
@ledger_option
@json_option
@prints_result
def release(name: str, *, reason: str, yes: bool, ledger: str) -> CommandResult:
    """Release the accounts that a dead run still holds.

    You seldom need it: a lease ends 30 seconds after its holder's last commit. Name a launch for all its accounts, or
    one account by its id. A run that is alive on this machine is refused; one that is alive elsewhere loses the
    account and cannot start anything else.
    """
    from orchestrator.app.journal_reader import release_lanes
    from orchestrator.console.confirm import confirm_release, holder_of
    from orchestrator.core.journal.lease import account_of

    held = release_lanes(ledger, name, reason, lambda held: confirm_release(name, held, yes=yes))
    text = "".join(f"account {account_of(lane)} is released from {holder_of(lease)}\n" for lane, lease in held.items())
    data = {"reason": reason, "released": [{"account": account_of(lane), "run_id": lease.holder.run_id,
            "launch": lease.holder.launch, "machine": lease.holder.machine, "pid": lease.holder.pid,
            "fence": lease.fence} for lane, lease in held.items()]}  # fmt: skip
    return CommandResult("release", data, text)


def _record(name: str, launch: str, reason: str, ledger: str, text: str) -> CommandResult:
    from orchestrator.app.journal_reader import record_command
    from orchestrator.console.summary import control_state_json, waiting_lines
    from orchestrator.core.journal.control import ControlCommand

    state, waits = record_command(ledger, launch, ControlCommand(name), reason)
    said = [text, *waiting_lines(waits)]
    said += [_OF_WAITING[name]] if waits and name in _OF_WAITING else []
    data = {"launch": launch, "control": control_state_json(state), "waits": [wait.as_json() for wait in waits]}
    return CommandResult(name, data, "".join(f"{line}\n" for line in said))
