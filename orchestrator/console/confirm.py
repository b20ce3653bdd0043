"""A person's consent: the beginning of a plan's hash, and the answer at a terminal."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import click

from orchestrator.console.question import approval_question, last_question, stop_question
from orchestrator.console.signals import breaking_a_question
from orchestrator.console.terminal import ask, plain
from orchestrator.core.journal.decisions import Decision
from orchestrator.core.journal.lease import Lease, account_of
from orchestrator.core.manifest.models import Manifest
from orchestrator.core.manifest.start_times import StartTime
from orchestrator.core.plan.approvers import Approved
from orchestrator.core.plan.decision import Action
from orchestrator.core.plan.estimate import texting
from orchestrator.core.plan.plan import Plan
from orchestrator.core.plan.proposal import Proposal
from orchestrator.core.plan.stop_plan import StopPlan
from orchestrator.core.result.types import CampaignResult
from orchestrator.errors import Refused
from orchestrator.model import Home, Lane, PosixSeconds


def has_terminal() -> bool:
    """Whether a person can be asked: only one at a terminal can answer, and only a terminal at both ends has one."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def confirm(
    manifest: Manifest,
    plan: Plan,
    *,
    yes: bool,
    ledger: str,
    knows_starts: Callable[[], bool],
    approved: Approved,
    now: Callable[[], PosixSeconds],
    at: StartTime | None,
    reads_stdin: bool = False,
) -> str:
    """At a terminal, let a person type the launch's name before a real host's first start. Raises Refused otherwise.

    Returns how it was confirmed, in words; empty if nobody was asked. `ledger` is where it lies, `knows_starts` finds
    out whether it has one. The run is called `now`, and waits for `at`. `reads_stdin`: standard input was the manifest,
    so a person who sees the question cannot answer it.
    """
    if yes:
        return "--yes"
    if manifest.host == "sandbox" or not plan.count(Action.START):
        return ""
    if reads_stdin and sys.stderr is not None and sys.stderr.isatty():
        message = "the manifest came from standard input, so you cannot be asked whether to start"
        raise Refused(message, next_step="run again with --yes, or with --approve and the hash that plan prints")
    if not has_terminal():
        return ""
    home = Home(manifest.host, plan.facts.get("environment"))
    question = last_question(
        plan,
        home,
        ledger=ledger,
        knows_starts=knows_starts(),
        approved=approved,
        texting=texting(manifest, plan, now(), at),
    )
    for line in question:
        click.echo(line, err=True)
    _ask_for(manifest.launch, "the launch's name")
    return "at a terminal"


def confirm_approval(document: Mapping[str, Any], proposal: Proposal, *, yes: bool) -> None:
    """Show a plan, and let a person at a terminal type its launch's name before it is approved.

    Raises Refused otherwise: an approval is a person's, so that without a terminal it takes `yes`.
    """
    for line in approval_question(document, proposal):
        click.echo(line, err=True)
    if yes:
        return
    if not has_terminal():
        raise Refused(
            "an approval needs a person, and there is no terminal to ask one",
            next_step="run it at a terminal, or with --yes",
        )
    _ask_for(str(proposal.identity["launch"]), "the launch's name")


def confirm_stops(launch: str, plan: StopPlan, accounts: Mapping[str, str], *, yes: bool) -> None:
    """At a terminal, let a person type the launch's name before its campaigns are stopped. Raises Refused otherwise."""
    if yes or not plan.jobs or not has_terminal():
        return
    for line in stop_question(launch, plan, accounts):
        click.echo(line, err=True)
    _ask_for(launch, "the launch's name")


def confirm_release(name: str, held: Mapping[Lane, Lease], *, yes: bool) -> None:
    """At a terminal, let a person type the name once more before its leases are released. Raises Refused otherwise."""
    if yes or not has_terminal():
        return
    for lane, lease in held.items():
        click.echo(f"account {account_of(lane)} is held by {holder_of(lease)}", err=True)
    click.echo("Go on only if you know that this process is dead, or its host cut off for good.", err=True)
    _ask_for(name, "the name")


def holder_of(lease: Lease) -> str:
    """Who holds a lease, in words."""
    holder = lease.holder
    return f"run {holder.run_id} of launch {holder.launch} (pid {holder.pid} on {plain(holder.machine)})"


_DECISIONS = {"s": True, "started": True, "n": False, "not-started": False}


def ask_decisions(campaigns: Sequence[CampaignResult]) -> Iterator[Decision]:
    """Goes through unknown campaigns at a terminal; Ctrl-C, the end of input or `q` ends it."""
    for number, one in enumerate(campaigns, 1):
        name = f" {plain(one.name)}" if one.name else ""
        click.echo(f"\n{number} of {len(campaigns)}: {plain(one.key)}{name} (account {plain(one.account)})", err=True)
        click.echo(f"  {plain(one.message)}", err=True)
        try:
            with breaking_a_question():
                answer = _answer()
                reason = ask("What did you see? ") if answer in _DECISIONS else ""
        except KeyboardInterrupt:
            return
        if answer in {None, "q"}:
            return
        if answer and reason:
            yield Decision(one.key, _DECISIONS[answer], reason)


def _answer() -> str | None:
    """What is to be done with a campaign; a word that means nothing is asked for again, since skipping is silent."""
    question = "Did it start? s started, n not-started, Enter to skip, q to end: "
    while (answer := ask(question)) not in {None, "", "q", *_DECISIONS}:
        click.echo("  please answer with s, n, Enter or q", err=True)
    return answer


def _ask_for(word: str, what: str) -> None:
    try:
        with breaking_a_question():
            answer = ask(f"Type {word} to go on: ")
    except KeyboardInterrupt:
        answer = None
    if answer != word:
        raise Refused("not confirmed", next_step=f"run again and type {what}")
