"""How two plans, two runs, or a plan and a run differ: pure, over their documents (`plan -o`, `result.json`)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import index
from typing import Any, Final, NamedTuple

from orchestrator.core import content
from orchestrator.core.plan.plan_hash import canonical
from orchestrator.model import CampaignKey, key_of

_PLAN_FACTS: Final = ("launch", "environment", "host", "manifest_sha256", "tool_version", "selection")
_RUN_FACTS: Final = (
    "launch",
    "environment",
    "host",
    "manifest_sha256",
    "by",
    "approved",
    "version",
    "exit_code",
    "stop",
)
_CAMPAIGN: Final = ("account", "wave", "name", "tags")
_ADDRESS: Final = ("iid", "type")
"""Fields that only a start has."""
_EXPECTED: Final = {"start": "started", "judge": "unknown"}
"""What a plan's action comes to, if all goes well."""


CONTENT: Final = "content: "
"""Begins the fields of what a campaign would send: its name on the platform is another field than the manifest's."""


class Change(NamedTuple):
    """A field, and its value on both sides; None: it has none there."""

    field: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One side: what is compared, as texts. `seconds` is how long a run took; None for a plan, or without an end."""

    title: str
    kind: str  # plan or run
    facts: Mapping[str, str]
    campaigns: Mapping[CampaignKey, Mapping[str, str]]
    seals: Mapping[CampaignKey, Mapping[str, str]] = field(default_factory=dict)
    nonce: str = ""
    seconds: float | None = None
    totals: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """The differences, in the order of the second side; what is gone, in the order of the first."""

    before: Snapshot
    after: Snapshot
    facts: tuple[Change, ...]
    added: tuple[CampaignKey, ...]
    gone: tuple[CampaignKey, ...]
    changed: Mapping[CampaignKey, tuple[Change, ...]]
    is_reordered: bool
    is_content_compared: bool
    """Whether what the campaigns would send could be compared: two plans with one nonce."""

    @property
    def is_equal(self) -> bool:
        """Whether both sides are the same."""
        return not (self.facts or self.added or self.gone or self.changed or self.is_reordered)


def of_plan(title: str, document: Mapping[str, Any]) -> Snapshot:
    """A plan, from the document of `plan -o`; of its keys, `identity` and `campaigns` are read."""
    identity = document["identity"]
    starts = {key_of(start["stream"], start["campaign"]): start for start in identity["starts"]}
    campaigns = {}
    for row in document["campaigns"]:
        key = key_of(row["stream"], row["campaign"])
        told = {name: row.get(name) for name in ("action", "outcome", "reason", "message", *_CAMPAIGN)}
        addressed = {name: starts[key].get(name) for name in _ADDRESS} if key in starts else {}
        campaigns[key] = _texts({**told, **addressed, "expected": _EXPECTED.get(row["action"], row["outcome"])})
    return Snapshot(
        title, "plan", _texts({name: identity.get(name) for name in _PLAN_FACTS}), campaigns,
        {key: start.get("content", {}) for key, start in starts.items()}, str(identity.get("nonce", "")),
        totals=_counted(row["action"] for row in document["campaigns"]),
    )  # fmt: skip


def of_result(title: str, document: Mapping[str, Any]) -> Snapshot:
    """A run, from the document of its result.json."""
    run = document["run"]
    campaigns = {
        key_of(row["stream"], row["campaign"]): _texts(
            {name: row.get(name) for name in ("outcome", "reason", "message", "http_status", *_CAMPAIGN)}
            | {"expected": row["outcome"]}
        )
        for row in document["campaigns"]
    }
    return Snapshot(
        title, "run", _texts({name: run.get(name) for name in _RUN_FACTS}), campaigns,
        seconds=_seconds(run.get("started_at"), run.get("finished_at")),
        totals={name: index(count) for name, count in document["totals"].items() if count},
    )  # fmt: skip


def compare(before: Snapshot, after: Snapshot) -> Difference:
    """How the second differs from the first."""
    # 1. Which fields can differ: a plan's outcome is what it expects.
    is_alike = before.kind == after.kind
    names = {"plan": ("action", "outcome", "reason", *_ADDRESS), "run": ("outcome", "reason", "http_status")}
    compared = (*(names[after.kind] if is_alike else ("expected",)), *_CAMPAIGN)
    facts = _facts(before, after)
    # 2. The campaigns.
    changed = {
        key: changes
        for key, fields in after.campaigns.items()
        if key in before.campaigns and (changes := _changes(before, after, key, compared))
    }
    both = [
        [key for key in one.campaigns if key in other.campaigns] for one, other in ((before, after), (after, before))
    ]
    return Difference(
        before, after, facts,
        added=tuple(key for key in after.campaigns if key not in before.campaigns),
        gone=tuple(key for key in before.campaigns if key not in after.campaigns),
        changed=changed,
        is_reordered=both[0] != both[1],
        is_content_compared=is_alike and bool(after.nonce) and before.nonce == after.nonce,
    )  # fmt: skip


def _facts(before: Snapshot, after: Snapshot) -> tuple[Change, ...]:
    # A plan knows nothing of a run's end, nor a run of a plan's selection.
    is_alike = before.kind == after.kind
    names = [*before.facts, *(name for name in after.facts if name not in before.facts)]
    compared = names if is_alike else [name for name in names if name in _PLAN_FACTS and name in _RUN_FACTS]
    pairs = (Change(name, before.facts.get(name), after.facts.get(name)) for name in compared)
    return tuple(change for change in pairs if change.before != change.after)


def _changes(before: Snapshot, after: Snapshot, key: CampaignKey, names: Sequence[str]) -> tuple[Change, ...]:
    old, new = before.campaigns[key], after.campaigns[key]
    changes = [
        Change("outcome" if name == "expected" else name, old.get(name), new.get(name))
        for name in names
        # How a start is addressed is no change of a campaign that one side does not start.
        if old.get(name) != new.get(name) and (name not in _ADDRESS or (name in old and name in new))
    ]
    is_comparable = before.nonce and before.nonce == after.nonce and key in before.seals and key in after.seals
    return (*changes, *(_contents(before.seals[key], after.seals[key]) if is_comparable else ()))


def _contents(was: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Change]:
    """Which contents of a start differ.

    A field that only one side has read may have been edited: a run is refused for it.
    """
    yield from (Change(f"{CONTENT}{name}", "as planned", "edited") for name in content.changed_seals(was, now))
    yield from (Change(f"{CONTENT}{name}", "as planned", None) for name in was if name not in now)
    # Except for list sizes: the call for them may have failed when the plan was made.
    added = (name for name in now if name not in was and name != content.SIZES)
    yield from (Change(f"{CONTENT}{name}", None, "read") for name in added)


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    """The values as texts; those that are missing are left out."""
    return {
        name: value if isinstance(value, str) else canonical(value)
        for name, value in values.items()
        if value is not None and value != ""
    }


def _counted(words: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    return counts


def _seconds(began: str | None, ended: str | None) -> float | None:
    if not began or not ended:
        return None
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds()
