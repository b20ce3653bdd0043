"""`result.html`: one file that needs nothing from elsewhere, and runs nothing but its own script.

Every text is escaped by Jinja2, and passes `visible` first: a name cannot hide, reorder or end anything.
"""

import hashlib
from base64 import b64encode
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from orchestrator.core.audience import sentence
from orchestrator.core.exit_codes import RUN_MEANINGS
from orchestrator.core.manifest.links import console_link
from orchestrator.core.result.delivered import DeliveryResult, delivered_sentence
from orchestrator.core.result.timeline import StoryEntry, Timeline
from orchestrator.core.result.types import CampaignResult, Result
from orchestrator.core.text import duration, plural
from orchestrator.model import Outcome
from orchestrator.report.html import chart
from orchestrator.report.wording import delivery_words, halted, headline, visible

_TEMPLATES: Final = Path(__file__).parent / "templates"
_MAX_SHOWN: Final = 200  # unknown campaigns with their story; the table has all of them
_UNFOLDED: Final = 6  # of them; the others are behind one click
_REASONS: Final = 8
_OPEN: Final = 4  # accounts whose timeline is unfolded at first, where there are more
_TONES: Final = {0: "started", 10: "failed", 11: "unknown", 13: "failed"}


@dataclass(frozen=True, slots=True)
class Command:
    """A command to copy, and what its button says."""

    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Group:
    """Campaigns that ended the same way for the same reason."""

    outcome: str
    reason: str
    message: str
    count: int
    commands: tuple[Command, ...]


def environment() -> Environment:
    """The templates: the report's page, and under `parts/` what a page about a run is made of."""
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    made.filters["visible"] = visible
    made.globals["moment"] = chart.moment  # for macros, which see no page values
    made.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    return made


def render(result: Result, timeline: Timeline) -> str:
    """The page. A pure function of its arguments and of the templates beside this module."""
    # Inlined, so that the page is one file that loads nothing.
    style, script = (_TEMPLATES.joinpath(name).read_text(encoding="utf-8") for name in ("report.css", "report.js"))
    page = environment().get_template("report.html.j2")
    return page.render(values(result, timeline), style=style, script=script, policy=_policy(style, script))


def values(result: Result, timeline: Timeline) -> dict[str, Any]:
    """What the parts of a page about a run show, by the names that the templates use."""
    return {
        "result": result,
        "run": result.run,
        "code": result.exit_code,
        "meaning": RUN_MEANINGS.get(result.exit_code, ""),
        "tone": tone(result),
        "headline": headline(result),
        "banner": result.banner,
        "conditions": result.conditions,
        "recipients": visible(sentence(result.people)),
        "delivered": lambda sums: visible(delivered_sentence(sums)),
        "delivery_words": delivery_words,
        "seconds": _seconds,
        "halted": halted(result),
        "duration": duration(timeline.end - timeline.begin),
        "unknown": _unknown(result, timeline),
        "unfolded": _UNFOLDED,
        "hidden_unknown": max(0, result.totals[Outcome.UNKNOWN] - _MAX_SHOWN),
        "groups": _groups(result),
        "charts": [chart.draw(timeline, account) for account in timeline.accounts],
        "facts": partial(_facts, result),
        "waves": timeline.waves,
        "begin": timeline.begin,
        "end": timeline.end,
        "waves_named": list(dict.fromkeys(visible(c.wave) for c in result.campaigns)),
        "tags": sorted({tag for c in result.campaigns for tag in c.tags.split()}),
        "console": partial(_console, timeline),
        "opened": _OPEN,
        "table": _table(result, timeline),
    }


def tone(result: Result) -> str:
    """The outcome whose colour stands for the run."""
    return _TONES.get(result.exit_code, "held")


def _facts(result: Result, drawn: chart.Chart) -> str:
    """An account's use of its budget in one line; a run that crashed has journaled none."""
    spent: Mapping[str, Any] = next((b for b in result.budget.values() if visible(b["account"]) == drawn.account), {})
    peaks = zip(spent.get("limits", ()), spent.get("peak_in_window", ()), strict=False)
    peak = ", ".join(f"{highest} of {limit}" for limit, highest in peaks)
    people = next((one for name, one in result.people.items() if visible(name) == drawn.account), None)
    unlimited = "no limit" if "limits" in spent else "limit not journaled"
    parts = [
        plural(drawn.starts, "start request"),
        f"waited {duration(drawn.waited)} for the rate limit" if drawn.waited >= 1 else "",
        f"{plural(spent['calls'], 'request')} in all, reads included" if "calls" in spent else "",
        f"peak {peak}" if peak else "",
        f"recipients: {people}" if people else "",
        f"limited {spent['throttled']}\N{MULTIPLICATION SIGN}" if spent.get("throttled") else "",
        "" if drawn.curves else unlimited,
    ]
    return " \N{MIDDLE DOT} ".join(filter(None, parts))


def commands(text: str | None) -> tuple[Command, ...]:
    """The commands to copy, a line of the text each."""
    labels = ((" --as started", "Copy: it started"), (" --as not-started", "Copy: it did not start"))
    return tuple(
        Command(next((label for verdict, label in labels if f"{verdict} " in line), "Copy command"), visible(line))
        for line in (text.split("\n") if text else ())
    )


def _unknown(
    result: Result, timeline: Timeline
) -> list[tuple[CampaignResult, tuple[StoryEntry, ...], tuple[Command, ...]]]:
    chosen = [c for c in result.campaigns if c.outcome is Outcome.UNKNOWN][:_MAX_SHOWN]
    return [(c, timeline.stories.get(c.key, ()), commands(c.next)) for c in chosen]


def _groups(result: Result) -> list[Group]:
    """Why campaigns failed, are held or were skipped; the most frequent first, the rest of each in one line."""
    groups = []
    for outcome in (Outcome.FAILED, Outcome.HELD, Outcome.SKIPPED):
        counted = Counter((c.reason, c.message, c.next) for c in result.campaigns if c.outcome is outcome)
        common = counted.most_common()
        groups += [Group(outcome, reason, message, count, commands(text))
                   for (reason, message, text), count in common[:_REASONS]]  # fmt: skip
        rest = common[_REASONS:]
        if rest:
            words = f"{plural(len(rest), 'more reason')}; the table below has all"
            groups.append(Group(outcome, "", words, sum(count for _, count in rest), ()))
    return groups


def _console(timeline: Timeline, campaign: CampaignResult) -> str:
    """The address of the campaign's page in the console; empty if the manifest names none."""
    return console_link(timeline.consoles.get(campaign.account, ""), campaign.stream, campaign.campaign)


def _table(result: Result, timeline: Timeline) -> dict[str, Any]:
    """All campaigns, small enough for ten thousand: a text that occurs often is written once, and named by number."""
    pool: dict[str, int] = {}

    def pooled(text: str | None) -> int | None:
        return None if text is None else pool.setdefault(visible(text), len(pool))

    rows = [
        [
            pooled(c.account), pooled(c.wave), pooled(c.outcome), pooled(c.reason), pooled(c.message), pooled(c.next),
            pooled(c.stream), visible(c.campaign), visible(c.name), c.attempts, _milliseconds(c.sent_at or c.intent_at),
            c.http_status, c.elapsed_ms, pooled(c.tags), c.recipients, *_delivery(c.delivery),
        ]
        for c in result.campaigns
    ]  # fmt: skip
    return {
        "texts": list(pool), "rows": rows, "zones": list(timeline.zones),
        "consoles": {visible(account): address for account, address in timeline.consoles.items()},
        "run": {"launch": result.run["launch"], "run_id": result.run["run_id"]},
        "span": [round(timeline.begin * 1000), round(timeline.end * 1000)],
    }  # fmt: skip


def _delivery(delivery: DeliveryResult | None) -> list[Any]:
    """The end of a campaign's row: nothing if nobody followed it."""
    if delivery is None:
        return []
    return [
        "stalled" if delivery["is_stalled"] else delivery["state"], delivery["sent"], delivery["per_minute"],
        delivery["stalled_for_s"], _milliseconds(delivery["eta"]), _milliseconds(delivery["read_at"]),
    ]  # fmt: skip


def _milliseconds(text: str | None) -> int | None:
    return None if text is None else round(_seconds(text) * 1000)


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _policy(style: str, script: str) -> str:
    # By hash: if a campaign's name ever got past the escaping, its script would still not run.
    allowed = (f"'sha256-{b64encode(hashlib.sha256(t.encode()).digest()).decode()}'" for t in (style, script))
    return "default-src 'none'; style-src {}; script-src {}; img-src data:; base-uri 'none'; form-action 'none'".format(
        *allowed
    )
