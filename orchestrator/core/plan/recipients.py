"""Who a plan would text: its campaigns' contact lists, how many people are on them, and what is wrong with them."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final
from unicodedata import normalize

from orchestrator.core import content
from orchestrator.core.audience import Audience, total
from orchestrator.core.manifest.models import Manifest
from orchestrator.core.plan.decision import Action
from orchestrator.core.plan.plan import Entry, Plan
from orchestrator.core.text import plural
from orchestrator.errors import Refused
from orchestrator.model import CallTarget, ContactList, Lane, LiveState, Reason

_GOOD: Final = frozenset({"ready", "validated"})
_MAX_SHOWN: Final = 3

Stream = tuple[Lane, str]


@dataclass(frozen=True)
class StreamLists:
    """The contact lists of one stream, found by what a campaign calls them."""

    lists: tuple[ContactList, ...]

    @cached_property
    def _by_name(self) -> Mapping[str, list[ContactList]]:
        found: dict[str, list[ContactList]] = defaultdict(list)
        for one in self.lists:
            for name in {one.name, one.id} - {""}:
                found[name].append(one)
        return found

    @cached_property
    def _by_user(self) -> Mapping[str, list[ContactList]]:
        found: dict[str, list[ContactList]] = defaultdict(list)
        for one in self.lists:
            for campaign in one.used_by:
                found[campaign].append(one)
        return found

    def of(self, campaign: str, names: Iterable[str]) -> tuple[tuple[ContactList, ...], tuple[str, ...]]:
        """A campaign's contact lists, each once, and the names of those that the stream does not have."""
        named = {name: self._one(campaign, name) for name in dict.fromkeys(names)}
        found = [one for one in named.values() if one is not None] if named else self._by_user.get(campaign, [])
        return tuple(dict.fromkeys(found)), tuple(name for name, one in named.items() if one is None)

    def _one(self, campaign: str, name: str) -> ContactList | None:
        same = self._by_name.get(name, [])
        # Two lists of one name: the one that names the campaign, else nobody knows which.
        chosen = [one for one in same if campaign in one.used_by] if len(same) > 1 else same
        if len(chosen) == 1:
            return chosen[0]
        return replace(same[0], records=None) if same else None


@dataclass(frozen=True, slots=True)
class ReadLists:
    """What was read of the contact lists: by lane and stream; and by account, why not all of its streams could be."""

    streams: Mapping[Stream, tuple[ContactList, ...]] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)


def lists_needed(entries: Iterable[Entry]) -> dict[Stream, tuple[CallTarget, set[str]]]:
    """The contact lists that starts need, or would if no other campaign used them; with a target of their stream."""
    found: dict[Stream, tuple[CallTarget, set[str]]] = {}
    for one in entries:
        is_meant = one.decision.action is Action.START or one.decision.reason is Reason.SHARED_LIST
        if is_meant and one.live is not None and one.live.contact_lists:
            _, names = found.setdefault((one.lane, one.campaign.stream), (one.target, set()))
            names.update(one.live.contact_lists)
    return found


def counted(plan: Plan, read: ReadLists, manifest: Manifest) -> Plan:
    """The plan with the recipients of each campaign that it starts, and warnings about their lists and names."""
    streams = {stream: StreamLists(lists) for stream, lists in read.streams.items()}
    faults = _Faults(dict)
    entries = tuple(_counted(entry, streams, faults) for entry in plan.entries)
    made = replace(
        plan, entries=entries, lists=read.streams, name_faults=tuple(_other_names(entries)),
        list_faults={what: tuple(cases) for what, cases in faults.items()},
    )  # fmt: skip
    # Sealed with the rest of what each start would send.
    made = made.rehashed() if made.facts.get("nonce") else made
    unread = tuple(_unread(account, why, made) for account, why in read.failures.items())
    listed = _list_sentences(made, _MAX_SHOWN) if manifest.preflight.lists == "warn" else []
    named = _name_sentences(made, _MAX_SHOWN) if manifest.preflight.names == "warn" else []
    return replace(made, warnings=(*plan.warnings, *unread, *listed, *named))


_Faults = defaultdict[str, dict[str, None]]
"""Contact lists by what is wrong with them, each once."""


def _counted(entry: Entry, streams: Mapping[Stream, StreamLists], faults: _Faults) -> Entry:
    stream = streams.get((entry.lane, entry.campaign.stream))
    if entry.decision.action is not Action.START or stream is None or entry.live is None:
        return entry
    lists, missing = stream.of(entry.campaign.campaign, entry.live.contact_lists)
    for name in missing:
        faults["not among the contact lists of its stream"][f"{name!r} of {entry.key}"] = None
    for one in lists:
        if (what := _fault(one)) is not None:
            faults[what][f"{one.name or one.id!r} of {entry.campaign.stream}"] = None
    sizes = [one.records for one in lists]
    if lists:
        entry = replace(entry, live=_with_sizes(entry.live, lists))
    if missing or not lists or None in sizes:
        return entry
    return replace(entry, recipients=sum(size for size in sizes if size is not None))


def _with_sizes(live: LiveState, lists: Iterable[ContactList]) -> LiveState:
    """The live state with how many people are on its contact lists, which an approval covers, too."""
    sizes = content.digest({content.SIZES: sorted([one.id, one.name, one.records] for one in lists)})
    return replace(live, content=content.merged(live.content, sizes))


def _fault(one: ContactList) -> str | None:
    """What keeps a list from being texted, in words; None if nothing does."""
    if one.status.casefold() not in _GOOD:
        return f"in state {one.status!r}, not Ready or Validated"
    return "empty" if one.records == 0 else None


def _other_names(entries: Iterable[Entry]) -> Iterator[str]:
    """The campaigns that the platform calls something else than the manifest does."""
    for entry in entries:
        if entry.decision.action is Action.START and entry.live is not None and _differ(entry.name, entry.live.name):
            yield f"{entry.key} is {entry.live.name!r} there, not {entry.name!r}"


def _differ(ours: str, theirs: str) -> bool:
    # Spaces and the ways of writing an accent are not what a person compares.
    one, other = (" ".join(normalize("NFC", name).split()) for name in (ours, theirs))
    return bool(one and other) and one != other


def _unread(account: str, why: str, plan: Plan) -> str:
    unknown = audience(plan).get(account, Audience()).unknown
    return (
        f"account {account}: its contact lists could not be read ({why}), "
        f"so the recipients of {plural(unknown, 'campaign')} are unknown"
    )


def _list_sentences(plan: Plan, most: int | None = None) -> list[str]:
    """A sentence for each thing that is wrong with contact lists, which names `most` of them; None: all."""
    return [
        f"{plural(len(cases), 'contact list')} {'is' if len(cases) == 1 else 'are'} {what}: {_some(cases, most)}"
        for what, cases in plan.list_faults.items()
    ]


def _name_sentences(plan: Plan, most: int | None = None) -> list[str]:
    cases = plan.name_faults
    have = "has" if len(cases) == 1 else "have"
    text = f"{plural(len(cases), 'campaign')} {have} another name on the platform: {_some(cases, most)}"
    return [text] if cases else []


def _some(cases: Sequence[str], most: int | None) -> str:
    shown = cases[:most]
    return ", ".join(shown) + (f" and {len(cases) - len(shown):,} more" if len(cases) > len(shown) else "")


def audience(plan: Plan) -> dict[str, Audience]:
    """The people whom the plan would text, by account, in the plan's order."""
    counts: dict[str, list[int | None]] = defaultdict(list)
    for entry in _starts(plan):
        counts[entry.account].append(entry.recipients)
    return {account: Audience.of(recipients) for account, recipients in counts.items()}


def _starts(plan: Plan) -> Iterator[Entry]:
    return (entry for entry in plan.entries if entry.decision.action is Action.START)


def refusals(plan: Plan, manifest: Manifest, flag: int | None = None) -> Iterator[Callable[[], None]]:
    """The checks of a plan's recipients; each raises Refused. `flag` tightens `limits.max_recipients`."""
    preflight = manifest.preflight
    yield lambda: _check_faults(_list_sentences(plan) if preflight.lists == "refuse" else [], "lists: refuse")
    yield lambda: _check_faults(_name_sentences(plan) if preflight.names == "match" else [], "names: match")
    yield lambda: _check_cap(plan, manifest.limits.max_recipients, flag)


def check(plan: Plan, manifest: Manifest, flag: int | None = None) -> None:
    """Raise Refused if the manifest's rules, or a tighter `--max-recipients`, forbid to text these people."""
    found: list[Refused] = []
    for refusal in refusals(plan, manifest, flag):
        try:
            refusal()
        except Refused as error:
            found.append(error)
    # All at once: a person who corrects one thing should not find the next only by another run.
    if found:
        raise Refused("; ".join(one.message for one in found), next_step=found[0].next_step)


def _check_faults(faults: list[str], rule: str) -> None:
    if faults:
        raise Refused(f"{'; '.join(faults)} (preflight.{rule})", next_step="correct them, or use --exclude")


def _check_cap(plan: Plan, most: int | None, flag: int | None) -> None:
    caps = {"limits.max_recipients": most, "--max-recipients": flag}
    set_caps = [(name, cap) for name, cap in caps.items() if cap is not None]
    if not set_caps:
        return
    # The tighter of the two: a flag cannot raise what the manifest allows.
    name, cap = min(set_caps, key=lambda pair: pair[1])
    people = total(audience(plan))
    if people.known > cap:
        text = f"the plan has {plural(people.known, 'recipient')}, {name} allows {cap:,}"
        raise Refused(text, next_step=f"raise {name}, or use --select")
    if people.unknown:
        # A cap that cannot be checked is no cap.
        unknown = [str(entry.key) for entry in _starts(plan) if entry.recipients is None]
        raise Refused(
            f"the recipients of {plural(people.unknown, 'campaign')} are unknown ({_some(unknown, _MAX_SHOWN)}), "
            f"so {name} cannot be checked",
            next_step=f"leave them out with --exclude, or take {name} out",
        )
