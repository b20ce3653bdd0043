"""`result.md`: for a step summary or a pull request.

All foreign text stands in code spans.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import Final

from orchestrator.core.audience import sentence
from orchestrator.core.delivery.delivery import DeliveryState
from orchestrator.core.result.conclude import UNASKED
from orchestrator.core.result.delivered import DeliverySums, delivered_sentence
from orchestrator.core.result.types import CampaignResult, Result
from orchestrator.core.text import cell, code, plural
from orchestrator.errors import OrchestratorError
from orchestrator.model import Outcome
from orchestrator.report.wording import by_reason, delivery_words, halted, outcome_word, verdict

LIMIT: Final = 900 * 1024
"""Bytes. GitHub drops a step summary of more than 1 MiB as a whole, and others may have written to it, too."""

_HEADINGS: Final = 4096
"""Bytes kept for the headings and the counts of what is left out: there are at most as many as reasons."""

_PER_GROUP: Final = 100
_ROWS: Final = 100
_TITLES: Final = {
    Outcome.UNKNOWN: "Needs a person",
    Outcome.FAILED: "Failed",
    Outcome.HELD: "Not attempted",
    Outcome.SKIPPED: "Skipped",
}


def as_markdown(result: Result, limit: int = LIMIT) -> str:
    """`result.md`: the verdict, totals, what needs a person, why others failed, the budget, the next commands."""
    head, tail = "\n".join(_head(result)), "\n".join(_tail(result))
    room = limit - _size(head) - _size(tail) - _HEADINGS
    middle = []
    for outcome in _TITLES:
        section = _section(result, outcome, room)
        middle.append(section)
        room -= _size(section)
    return head + "\n" + "".join(middle) + tail + "\n"


def refusal(error: OrchestratorError) -> str:
    """The step's summary of a run that ended without a result."""
    lines = [f"## Launch: {outcome_word(error.exit_code)}, exit code {error.exit_code}", "", code(error.sentence)]
    return "\n".join([*lines, *(["", f"Next: {code(error.next_step)}"] if error.next_step else [])]) + "\n"


def _size(text: str) -> int:
    return len(text.encode())


def _head(result: Result) -> Iterator[str]:
    run, stop = result.run, result.run["stop"]
    yield f"## {result.banner}. Launch {code(run['launch'])}: {verdict(result)}".replace("## . ", "## ")
    yield ""
    if result.conditions:
        yield f"Rehearsed with {result.conditions}."
    where = f"{code(run['host'])}" + (f" in environment {code(result.environment)}" if result.environment else "")
    yield f"Run {code(run['run_id'])} of {code(run['manifest'])} on {where}, exit code {run['exit_code']}."
    yield from _ran(result)
    if result.people:
        yield f"Recipients of the started campaigns: {code(sentence(result.people))}."
    if stop:
        yield f"Stopped early ({stop['reason']}): {code(stop['detail'])}"
    yield ""
    yield "| outcome | campaigns |"
    yield "|---|---:|"
    for word, number in result.totals.items():
        yield f"| {word} | {number} |"
    yield ""


def _ran(result: Result) -> Iterator[str]:
    """Who ran it, how it was approved, and the version: what the journal has of them."""
    run = result.run
    facts = (("planned by", run.get("planned_by")), ("ran by", run.get("by")), ("approved", run.get("approved")),
             ("version", run.get("version")), ("journal head", run.get("head")))  # fmt: skip
    if words := ", ".join(f"{name} {code(value)}" for name, value in facts if value):
        yield f"{words[0].upper()}{words[1:]}."


def _section(result: Result, outcome: Outcome, room: int) -> str:
    groups = {why: group for why, group in by_reason(result.campaigns, outcome).items() if why not in UNASKED}
    if not groups:
        return ""
    parts = [f"### {_TITLES[outcome]}: {sum(len(group) for group in groups.values())} {outcome}\n\n"]
    # An unknown must be looked at one by one; of the others a hundred say enough.
    most = None if outcome is Outcome.UNKNOWN else _PER_GROUP
    for reason, group in groups.items():
        parts.append(_group(f"**{reason}**: {plural(len(group), 'campaign')}\n\n", group, room, most))
        room -= _size(parts[-1])
    return "".join(parts)


def _group(title: str, group: Sequence[CampaignResult], room: int, most: int | None) -> str:
    items: list[str] = []
    for item in map(_item, group[:most]):
        room -= _size(item)
        if room < 0:
            break
        items.append(item)
    left = len(group) - len(items)
    more = f"- and {left} more, left out here; the JSON and CSV reports name them all\n" if left else ""
    return title + "".join(items) + more + "\n"


def _item(campaign: CampaignResult) -> str:
    words = [code(campaign.key), code(campaign.name), code(campaign.account)]
    text = "- " + " ".join(filter(None, words)) + (f": {code(campaign.message)}" if campaign.message else "")
    if campaign.outcome is Outcome.UNKNOWN and campaign.next:
        text += "".join(f"\n  - {code(line)}" for line in campaign.next.split("\n"))
    return text + "\n"


def _tail(result: Result) -> Iterator[str]:
    yield from _waves(result)
    yield from _delivery(result)
    yield from _budget(result)
    if result.warnings:
        yield from ("### Warnings", "")
        yield from (f"- {code(text)}" for text in result.warnings[:_ROWS])
        yield from _left_out(len(result.warnings))
    commands = dict.fromkeys(c.next for c in result.campaigns if c.next and c.outcome is not Outcome.UNKNOWN)
    if result.totals[Outcome.UNKNOWN] or commands:
        yield from ("### Next", "")
    if result.totals[Outcome.UNKNOWN]:
        yield "- look at every campaign that needs a person, then run the command below it that matches"
    yield from (f"- {code(command)}" for command in itertools.islice(commands, _ROWS))
    yield from _left_out(len(commands))


def _waves(result: Result) -> Iterator[str]:
    waves = result.named_waves
    if not waves:
        return
    yield from ("### Waves", "", "| wave | campaigns | verdict | why |", "|---|---:|---|---|")
    for wave in waves[:_ROWS]:
        cells = (cell(wave["name"]), str(wave["campaigns"]), wave["verdict"].words, cell(wave["message"]))
        yield f"| {' | '.join(cells)} |"
    yield from _left_out(len(waves))


def _delivery(result: Result) -> Iterator[str]:
    """What became of what was started: by account, then the campaigns that need somebody, what is stalled first."""
    if result.delivery is None:
        return
    accounts = list(result.delivery["accounts"].items())
    read_at = result.delivery["read_at"]
    yield from ("### Delivery", "", f"{delivered_sentence(result.delivery)}, as of {read_at}.", "")
    yield from ("| account | campaigns | completed | stalled | sent | recipients |", "|---|---:|---:|---:|---:|---:|")
    yield from (f"| {cell(account)} | {_sums(sums)} |" for account, sums in accounts[:_ROWS])
    yield from _left_out(len(accounts))
    stuck = halted(result)
    yield from (_halted(campaign) for campaign in stuck[:_ROWS])
    if stuck:
        yield from _left_out(len(stuck))


def _sums(sums: DeliverySums) -> str:
    sent, people = _number(sums["sent"], sums["sent_unknown"]), _number(sums["recipients"], sums["recipients_unknown"])
    return f"{sums['campaigns']} | {sums['states'][DeliveryState.COMPLETED]} | {sums['stalled']} | {sent} | {people}"


def _number(known: int | None, unknown: int) -> str:
    if known is None:
        return "unknown"
    return f"{known}, {plural(unknown, 'campaign')} unknown" if unknown else str(known)


def _halted(campaign: CampaignResult) -> str:
    return f"- {' '.join(filter(None, [code(campaign.key), code(campaign.name)]))}: {delivery_words(campaign.delivery)}"


def _budget(result: Result) -> Iterator[str]:
    if not result.budget:
        return
    yield from ("### Budget", "", "| account | calls | throttled | fullest windows |", "|---|---:|---:|---|")
    for budget in list(result.budget.values())[:_ROWS]:
        windows = zip(budget["peak_in_window"], budget["limits"], strict=True)
        peaks = ", ".join(f"{peak} of {limit}" for peak, limit in windows) or "unlimited"
        yield f"| {cell(budget['account'])} | {budget['calls']} | {budget['throttled']} | {peaks} |"
    yield from _left_out(len(result.budget))


def _left_out(number: int) -> Iterator[str]:
    if number > _ROWS:
        yield from ("", f"- and {number - _ROWS} more, left out here")
    yield ""
