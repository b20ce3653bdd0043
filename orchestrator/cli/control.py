"""`pause`, `unpause`, `abort` and `release`: what people record in a launch's journal."""

import click

from orchestrator.cli.options import json_option, launch_argument, ledger_option, prints_result, reason_option
from orchestrator.console.render import CommandResult
from orchestrator.core.text import command_line


@click.command("pause")
@launch_argument
@reason_option("Shown with the launch's status, and journaled with your name.")
@ledger_option
@json_option
@prints_result
def pause(launch: str, *, reason: str, ledger: str) -> CommandResult:
    """Hold a launch's starts until it is unpaused: no permit is given from now on, on any host.

    A run that is going on waits, and starts nothing twice. Calls in flight end as they would.
    """
    return _record(
        "pause", launch, reason, ledger,
        f"launch {launch} is paused: no start leaves until\n  {command_line('unpause', launch, ledger=ledger)}",
    )  # fmt: skip


@click.command("unpause")
@launch_argument
@reason_option("Needed to lift an abort; it is journaled with your name.", is_needed=False)
@ledger_option
@json_option
@prints_result
def unpause(launch: str, *, reason: str, ledger: str) -> CommandResult:
    """Let a paused launch go on. With --reason, an aborted launch may be run again after its run has ended."""
    return _record("unpause", launch, reason, ledger, f"launch {launch} may go on: a run that waits does so by itself")


@click.command("abort")
@launch_argument
@reason_option("Shown to anyone who runs it later, and journaled with your name.")
@ledger_option
@json_option
@prints_result
def abort(launch: str, *, reason: str, ledger: str) -> CommandResult:
    """End a launch's runs: no permit is given from now on, the rest is held, and later runs are refused.

    What was started stays started, and goes on texting; stop-started stops it.
    """
    return _record(
        "abort", launch, reason, ledger,
        f"launch {launch} is aborted: no further start leaves, and runs are refused\n"
        f"what it started goes on texting; to stop that\n"
        f"  {command_line('stop-started', launch, ledger=ledger)} --reason",
    )  # fmt: skip


@click.command("release")
@click.argument("name", metavar="LAUNCH-OR-ACCOUNT")
@reason_option("How you know that the process is dead; it is journaled with your name.")
@click.option("--yes", is_flag=True, help="Do not ask at a terminal.")
@ledger_option
@json_option
@prints_result
def release(name: str, *, reason: str, yes: bool, ledger: str) -> CommandResult:
    """Release the accounts that a dead run still holds: all of a launch, or one by its account id.

    Seldom needed: a lease ends 30 s after its holder's last commit. A run that is alive on this machine is refused; one
    that is alive elsewhere loses the account and cannot start anything more. The next run looks for starts in flight.
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
    from orchestrator.console.summary import control_state_json
    from orchestrator.core.journal.control import ControlCommand

    state = record_command(ledger, launch, ControlCommand(name), reason)
    return CommandResult(name, {"launch": launch, "control": control_state_json(state)}, f"{text}\n")
