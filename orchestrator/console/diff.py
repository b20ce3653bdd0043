"""How two plans or runs differ: as text, as Markdown for a pull request, and as JSON."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from orchestrator.console.terminal import plain
from orchestrator.core.content import words
from orchestrator.core.diff import CONTENT, Change, Difference, Snapshot
from orchestrator.core.text import cell, code, duration, plural
from orchestrator.model import CampaignKey

_MOST_SHOWN: Final = 200
"""Campaigns of one kind that a text shows; JSON has all."""

_LABELS: Final = {
    "manifest_sha256": "manifest", "tool_version": "version", "exit_code": "exit code", "by": "ran by",
    "http_status": "HTTP status",
}  # fmt: skip
_NOT_COMPARED: Final = (
    "not compared: what the campaigns would send; each plan seals it with a nonce of its own, "
    "and `plan MANIFEST --diff PLAN.json` compares it"
)


def text(found: Difference) -> str:
    """What differs, a line each, and the counts; empty if nothing does."""
    if found.is_equal:
        return ""
    lines = [f"--- {plain(found.before.title)}{_outline(found.before)}"]
    lines.append(f"+++ {plain(found.after.title)}{_outline(found.after)}")
    lines += [f"  {_change(one)}" for one in found.facts]
    lines += _lines("- {}", found.gone, lambda key: _named(found.before, key))
    lines += _lines("+ {}", found.added, lambda key: _named(found.after, key))
    lines += _lines(
        "~ {}", tuple(found.changed), lambda key: f"{_named(found.after, key)}: {'; '.join(_changes(found, key))}"
    )
    return "\n".join([*lines, *_end(found)]) + "\n"


def markdown(found: Difference) -> str:
    """The same as a comment on a pull request; empty if nothing differs."""
    if found.is_equal:
        return ""
    lines = [f"### {code(found.before.title)} → {code(found.after.title)}", ""]
    lines += [f"- {code(_change(one))}" for one in found.facts]
    rows = [("gone", _named(found.before, key), "") for key in found.gone]
    rows += [("added", _named(found.after, key), "") for key in found.added]
    # A span each: a long one is cut short, and must not take the others with it.
    rows += [("changed", _named(found.after, key), "; ".join(map(cell, _changes(found, key)))) for key in found.changed]
    if rows:
        lines += (
            ["", "| | campaign | what |", "|---|---|---|"]
            if found.facts
            else ["| | campaign | what |", "|---|---|---|"]
        )
        lines += [f"| {kind} | {cell(name)} | {what} |" for kind, name, what in rows[:_MOST_SHOWN]]
        lines += (
            [f"| | … and {plural(len(rows) - _MOST_SHOWN, 'more campaign')} | |"] if len(rows) > _MOST_SHOWN else []
        )
    return "\n".join([*lines, "", *_end(found)]) + "\n"


def as_json(found: Difference) -> dict[str, Any]:
    """All of it. `changed` has the fields by campaign, with the values on both sides."""
    return {
        "equal": found.is_equal,
        "before": _side(found.before),
        "after": _side(found.after),
        "facts": [one._asdict() for one in found.facts],
        "added": list(found.added),
        "gone": list(found.gone),
        "changed": {key: [one._asdict() for one in changes] for key, changes in found.changed.items()},
        "reordered": found.is_reordered,
        "content_compared": found.is_content_compared,
    }


def _side(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "title": snapshot.title, "kind": snapshot.kind, "campaigns": len(snapshot.campaigns),
        "totals": dict(snapshot.totals), "seconds": snapshot.seconds,
    }  # fmt: skip


def _outline(snapshot: Snapshot) -> str:
    """`: 3 started, 1 failed; took 2 min`."""
    counts = ", ".join(f"{count:,} {name}" for name, count in snapshot.totals.items())
    took = f"; took {duration(round(snapshot.seconds))}" if snapshot.seconds is not None else ""
    return f": {counts or 'no campaign'}{took}"


def _lines(form: str, keys: tuple[CampaignKey, ...], words_of: Callable[[CampaignKey], str]) -> Iterator[str]:
    yield from (form.format(words_of(key)) for key in keys[:_MOST_SHOWN])
    if len(keys) > _MOST_SHOWN:
        yield form.format(f"... and {plural(len(keys) - _MOST_SHOWN, 'more campaign')}")


def _named(snapshot: Snapshot, key: CampaignKey) -> str:
    name = snapshot.campaigns[key].get("name")
    return f"{plain(name)} ({plain(key)})" if name else plain(key)


def _changes(found: Difference, key: CampaignKey) -> list[str]:
    changes = found.changed[key]
    contents = [one for one in changes if one.field.startswith(CONTENT)]
    edited = [one.field.removeprefix(CONTENT) for one in contents if one.before and one.after]
    unread = [one.field.removeprefix(CONTENT) for one in contents if not (one.before and one.after)]
    told = [_change(one) for one in changes if not one.field.startswith(CONTENT)]
    told += [f"{words(edited)} edited on the platform"] if edited else []
    told += [f"{words(unread)} read on one side only"] if unread else []
    message = (
        found.after.campaigns[key].get("message") if {"action", "outcome"} & {one.field for one in changes} else ""
    )
    return [*told[:-1], f"{told[-1]} ({plain(message)})"] if message else told


def _told(found: Difference, key: CampaignKey) -> str:
    return "; ".join(_changes(found, key))


def _change(one: Change) -> str:
    return f"{_LABELS.get(one.field, one.field)}: {_value(one.before)} -> {_value(one.after)}"


def _value(value: str | None) -> str:
    if value is None:
        return "none"
    # A hash, of which the beginning is enough to tell two apart.
    return f"{value[:12]}..." if len(value) == 64 and " " not in value else plain(value)


def _end(found: Difference) -> list[str]:
    counts = {"added": len(found.added), "gone": len(found.gone), "changed": len(found.changed)}
    told = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
    lines = [f"{told} of {plural(len(found.after.campaigns), 'campaign')}"] if told else []
    lines += ["the order of the campaigns differs"] if found.is_reordered else []
    is_plans = (found.before.kind, found.after.kind) == ("plan", "plan")
    return [*lines, _NOT_COMPARED] if is_plans and not found.is_content_compared else lines
