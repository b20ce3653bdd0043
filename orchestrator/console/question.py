"""What a person reads before a question that cannot be taken back: how many start where, and what is unusual in it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from orchestrator.console.plan import recipients_line
from orchestrator.console.terminal import plain
from orchestrator.core.audience import Audience, sentence
from orchestrator.core.plan.approvers import Approved
from orchestrator.core.plan.decision import Action
from orchestrator.core.plan.plan import Plan
from orchestrator.core.plan.proposal import SHOWN_HASH, Proposal
from orchestrator.core.plan.stop_plan import StopPlan
from orchestrator.core.plan.texting import NO_FORECAST, Forecast
from orchestrator.core.result.build import timestamp
from orchestrator.core.text import plural, titled
from orchestrator.model import Home

_MOST_PLACES: Final = 20
_MOST_RERUNS: Final = 5


class StartShown(NamedTuple):
    """One start, as it is counted: its account and wave, and whether its list gets the message again."""

    title: str
    account: str
    wave: str
    is_rerun: bool


def last_question(
    plan: Plan, home: Home, *, ledger: str, knows_starts: bool, approved: Approved, texting: Forecast = NO_FORECAST
) -> list[str]:
    """The lines before a run's question. `knows_starts`: the ledger has one of an earlier run."""
    starts = [
        StartShown(titled(entry.name, entry.key), entry.account, entry.wave, entry.is_rerun)
        for entry in plan.entries
        if entry.decision.action is Action.START
    ]
    # What nothing keeps from being sent twice is worth a second look: another ledger would know of it.
    new = "" if knows_starts else " (NEW: it knows of no start; campaigns that another ledger started can start again)"
    by = f", planned by {approved.planned_by}" if approved.planned_by else ""
    return [
        f"{plural(len(starts), 'campaign')} will be started on {home}. It cannot be undone.",
        *counted(starts),
        *(f"  {line}" for line in (*recipients_line(plan), *texting.sentences())),
        f"  ledger: {plain(ledger)}{new}",
        f"  approved: {plain(approved.words or 'by nobody yet')}{plain(by)}",
        *(f"  warning: {plain(warning)}" for warning in plan.warnings),
    ]


def approval_question(document: Mapping[str, Any], proposal: Proposal) -> list[str]:
    """The lines before a plan is approved: what its hash covers, and the warnings that the file has besides."""
    identity = proposal.identity
    rows = {_key(row): row for row in document.get("campaigns", ())}
    starts = [
        StartShown(
            titled(str(row.get("name") or ""), _key(one)), titled(str(row.get("account") or ""), one["account_id"]),
            one["wave"], bool(one.get("rerun")),
        )
        for one in identity["starts"]
        for row in [rows.get(_key(one), {})]
    ]  # fmt: skip
    home = Home(str(identity["host"]), identity.get("environment"))
    first, *others = proposal.planned_by or ("nobody that it names",)
    by = f"{first} ({', '.join(others)})" if others else first
    launch, people = plain(str(identity["launch"])), sentence(_audience(document))
    return [
        f"plan {proposal.sha256[:SHOWN_HASH]}, launch {launch} on {plain(str(home))}: {plural(len(starts), 'start')}",
        *counted(starts),
        *([f"  recipients: {plain(people)}"] if people else []),
        f"  made by {plain(by)}, good until {timestamp(proposal.expires_at)}",
        *_uncovered(proposal),
        *(f"  warning: {plain(str(text))}" for text in document.get("warnings", ())),
        *(f"  note: {plain(str(text))}" for text in document.get("notes", ())),
    ]


def _uncovered(proposal: Proposal) -> list[str]:
    if not proposal.uncovered:
        return []
    what = f"{proposal.uncovered:,} of its {plural(len(proposal.identity['starts']), 'start')}"
    return [f"  warning: its hash does not cover what {what} would send, and to whom"]


def stop_question(launch: str, plan: StopPlan, accounts: Mapping[str, str]) -> list[str]:
    """The lines before a launch's campaigns are stopped. `accounts` are the accounts' names by their ids."""
    counts = Counter(job.target.account_id for job in plan.jobs)
    return [
        f"{plural(len(plan.jobs), 'campaign')} that launch {plain(launch)} started will be stopped:",
        *(f"  {count:,}  account {plain(titled(accounts.get(id_, ''), id_))}" for id_, count in counts.items()),
        "  Messages that were already sent stay sent, and a stopped campaign does not go on by itself.",
    ]


def counted(starts: Sequence[StartShown]) -> list[str]:
    """A line for each wave and account, in the plan's order; then the reruns, in capitals."""
    places = Counter((one.wave, one.account) for one in starts)
    width = max((len(f"{count:,}") for count in places.values()), default=1)
    lines = [
        f"  {count:>{width},}  wave {plain(wave)}, account {plain(account)}"
        for (wave, account), count in places.items()
    ]
    if len(lines) > _MOST_PLACES:
        lines[_MOST_PLACES:] = [f"  and more, for {plural(len(lines) - _MOST_PLACES, 'further wave and account')}"]
    return [*lines, *_reruns([one.title for one in starts if one.is_rerun])]


def _reruns(titles: Sequence[str]) -> Iterable[str]:
    if not titles:
        return
    named = ", ".join(titles[:_MOST_RERUNS]) + (", ..." if len(titles) > _MOST_RERUNS else "")
    verb = "RUNS" if len(titles) == 1 else "RUN"
    what = f"{len(titles):,} OF THEM {verb} AGAIN"
    yield f"  {what}: EVERYBODY ON THE WHOLE LIST GETS THE MESSAGE ONCE MORE ({plain(named)})"


def _audience(document: Mapping[str, Any]) -> dict[str, Audience]:
    """The people on the lists of the starts that a plan's file shows, by account."""
    found: dict[str, list[int | None]] = {}
    for row in document.get("campaigns", ()):
        if row.get("action") == Action.START:
            size = row.get("recipients")
            found.setdefault(str(row.get("account")), []).append(size if isinstance(size, int) else None)
    return {account: Audience.of(sizes) for account, sizes in found.items()}


def _key(row: Mapping[str, Any]) -> str:
    return f"{row['stream']}/{row['campaign']}"
