"""What `follow` prints: a live view, the result for a person, and the same as JSON."""

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TextIO

from orchestrator.console.terminal import console_for, has_bars, plain
from orchestrator.core.delivery.delivery import Delivery, DeliveryState
from orchestrator.core.delivery.goal import Followed
from orchestrator.core.text import clock_time, command_line, duration, plural, titled
from orchestrator.model import CampaignKey

_WORST: Final = 5
_MOST_SHOWN: Final = 10
_DRAWS_PER_SECOND: Final = 1.0
_TROUBLE: Final = (DeliveryState.GONE, DeliveryState.STOPPED, DeliveryState.PAUSED)

_Found = Mapping[CampaignKey, Delivery]
Standing = Mapping[str, _Found]
"""By account, the deliveries of its campaigns that were read."""


def as_json(followed: Followed) -> dict[str, Any]:
    """For a machine."""
    read = _read(followed)
    states = Counter(str(one.state) for one in read if one is not None)
    return {
        "launch": followed.launch,
        "until": str(followed.goal),
        "timed_out": followed.timed_out,
        "stop": followed.stop.as_json() if followed.stop else None,
        "totals": {state: states[state] for state in DeliveryState},
        "sent": _total(None if one is None else one.sent for one in read),
        "recipients": _total(None if one is None else one.recipients for one in read),
        "campaigns": {key: one.as_json for key, one in followed.deliveries.items()},
        "missed": followed.missed,
        "not_followed": dict(followed.unaddressed),
    }


Names = Mapping[CampaignKey, str]
"""The names of campaigns that have one."""


def text(followed: Followed, ledger: str, names: Names) -> str:
    """For a person: the counts, and what has not arrived."""
    found = followed.deliveries
    lines = [f"launch {plain(followed.launch)}: {_counts(_read(followed))}"]
    missed = [key for key in followed.missed if key not in followed.unaddressed]
    lines += [f"  {line_of(_title(key, names), found.get(key))}" for key in _worst_first(missed, found)[:_MOST_SHOWN]]
    if len(missed) > _MOST_SHOWN:
        lines.append(f"  and {plural(len(missed) - _MOST_SHOWN, 'more campaign')}")
    lines += [
        f"  {plain(_title(key, names))}: not followed, because {why}" for key, why in followed.unaddressed.items()
    ]
    if followed.timed_out:
        lines.append("the time was up")
    if followed.stop is not None:
        lines.append(f"stopped early: {plain(followed.stop.detail)}")
    if any(_may_go_on(found.get(key)) for key in missed):
        lines.append(f"next: {command_line('follow', followed.launch, ledger=ledger)}")
    return "\n".join(lines) + "\n"


def _may_go_on(delivery: Delivery | None) -> bool:
    """Whether there may be more to follow: what was stopped, or is gone, stays as it is."""
    return delivery is None or delivery.state not in {DeliveryState.STOPPED, DeliveryState.GONE}


def _read(followed: Followed) -> list[Delivery | None]:
    """What each campaign's reading is; None for those that were not read."""
    return [followed.deliveries.get(key) for key in followed.campaigns]


def line_of(title: str, delivery: Delivery | None) -> str:
    """One campaign in a line, after its `title`: state, what was sent of what, how fast, for how long it stalls."""
    if delivery is None:
        return f"{plain(title)}: not read yet"
    return f"{plain(title)}: {', '.join(_parts(delivery))}"


def _title(key: CampaignKey, names: Names) -> str:
    return titled(names.get(key, ""), key)


def _parts(delivery: Delivery) -> Iterator[str]:
    state = delivery.state
    yield f"is {plain(delivery.status)}" if state is DeliveryState.OTHER else str(state)
    if delivery.sent is not None:
        yield f"{delivery.sent:,}{_of(delivery.recipients)} sent"
    if delivery.is_stalled:
        yield f"STALLED for {duration(delivery.stalled_for or 0.0)}"
    elif delivery.per_minute is not None:
        yield f"{delivery.per_minute:,.1f} a minute"
    if delivery.eta is not None:
        yield f"ends about {clock_time(delivery.eta, since=delivery.read_at)} UTC"
    if delivery.ran_again:
        yield "was run again in the meantime"


def _of(recipients: int | None) -> str:
    return "" if recipients is None else f" of {recipients:,}"


def _counts(found: Collection[Delivery | None]) -> str:
    read = [one for one in found if one is not None]
    states = Counter(one.state for one in read)
    stalled, unread = sum(one.is_stalled for one in read), len(found) - len(read)
    aside = {DeliveryState.ACTIVE: f" ({stalled:,} stalled)"} if stalled else {}
    said = [f"{states[state]:,} {state}{aside.get(state, '')}" for state in DeliveryState if states[state]]
    sent = _total(None if one is None else one.sent for one in found)
    people = _total(None if one is None else one.recipients for one in found)
    others = [f"{unread:,} not read yet"] if unread and read else []
    messages = "" if sent is None else f"; {plural(sent, 'message')} sent"
    recipients = "" if people is None else f", for {plural(people, 'recipient')}"
    return ", ".join([*(said or ["nothing was read"]), *others]) + messages + recipients


def _total(numbers: Iterable[int | None]) -> int | None:
    """The sum; None if one is unknown: a sum of some would be taken for that of all."""
    known = list(numbers)
    return sum(one or 0 for one in known) if known and None not in known else None


def _worst_first(keys: Iterable[CampaignKey], found: _Found) -> list[CampaignKey]:
    return sorted(keys, key=lambda key: (_rank(found.get(key)), key))


def _rank(delivery: Delivery | None) -> tuple[int, float]:
    if delivery is None:
        return 3, 0.0
    if delivery.state in _TROUBLE:
        return 0, float(_TROUBLE.index(delivery.state))
    return (1 if delivery.is_stalled else 2), -(delivery.stalled_for or 0.0)


@contextmanager
def shown(standing: Callable[[], Standing], names: Names, stream: TextIO) -> Iterator[None]:
    """Show how accounts stand on a terminal while the block runs: a line for each, and the worst campaigns."""
    from rich.live import Live
    from rich.text import Text

    def view() -> Text:
        return Text("\n".join(screen(standing(), names)), no_wrap=True, overflow="ellipsis")

    console = console_for(stream, os.environ)
    with Live(console=console, refresh_per_second=_DRAWS_PER_SECOND, transient=True, get_renderable=view):
        yield


def wants_view(stream: TextIO) -> bool:
    """Whether the stream is a terminal that can be drawn on."""
    return has_bars(stream, os.environ)


def screen(standing: Standing, names: Names) -> list[str]:
    """The lines of the live view."""
    lines = [f"account {plain(account)}: {_counts(own.values())}" for account, own in standing.items()]
    found = {key: one for own in standing.values() for key, one in own.items()}
    unwell = [key for key, one in found.items() if one.is_stalled or one.state in _TROUBLE]
    # By the name alone: with the ids of the platform, a terminal of 80 columns has no room for the state.
    return [
        *lines,
        *(f"  {line_of(names.get(key) or key, found[key])}" for key in _worst_first(unwell, found)[:_WORST]),
    ]
