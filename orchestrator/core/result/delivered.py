"""What became of a result's campaigns, by the newest readings of those who followed them."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from typing_extensions import TypedDict  # typing's own says too little for pydantic before Python 3.12

from orchestrator.core.delivery.delivery import Delivery, DeliveryState
from orchestrator.core.text import plural, timestamp
from orchestrator.model import PosixSeconds


class DeliveryResult(TypedDict):
    """What became of one started campaign, by its newest reading. What is unknown is null, and never 0."""

    state: DeliveryState
    """Where it stands on the platform."""
    sent: int | None
    """Messages that the platform counts as sent."""
    recipients: int | None
    """The people on its contact lists."""
    per_minute: float | None
    """Messages a minute over the last ten minutes."""
    stalled_for_s: int | None
    """Seconds of its calling hours for which it has been Active and has sent nothing."""
    is_stalled: bool
    """Whether that is too long."""
    eta: str | None
    """When the rest is sent at this rate."""
    read_at: str
    """When it was last read."""


class DeliverySums(TypedDict):
    """What became of several started campaigns."""

    campaigns: int
    """Campaigns that were read."""
    states: dict[DeliveryState, int]
    """Campaigns by their state; every state is there."""
    stalled: int
    """Campaigns that are stalled."""
    sent: int | None
    """Messages sent; null if no campaign's number is known."""
    sent_unknown: int
    """Campaigns whose messages are not in `sent`."""
    recipients: int | None
    """The people on their contact lists; null if no campaign's number is known."""
    recipients_unknown: int
    """Campaigns whose people are not in `recipients`."""
    read_at: str
    """When the last of them was read."""


class DeliveriesResult(DeliverySums):
    """What became of all campaigns that were followed."""

    accounts: dict[str, DeliverySums]
    """The same by account."""


def delivery_json(delivery: Delivery) -> DeliveryResult:
    """As results have it."""
    return DeliveryResult(
        state=delivery.state, sent=delivery.sent, recipients=delivery.recipients,
        per_minute=None if delivery.per_minute is None else round(delivery.per_minute, 1),
        stalled_for_s=None if delivery.stalled_for is None else round(delivery.stalled_for),
        is_stalled=delivery.is_stalled, eta=timestamp(delivery.eta), read_at=timestamp(delivery.read_at),
    )  # fmt: skip


def deliveries_json(found: Iterable[tuple[str, Delivery]]) -> DeliveriesResult | None:
    """The sums of campaigns, each with its account; None if nobody followed any."""
    accounts: dict[str, _Sums] = {}
    whole = _Sums()
    for account, delivery in found:
        accounts.setdefault(account, _Sums()).add(delivery)
        whole.add(delivery)
    if not accounts:
        return None
    return {**whole.as_json(), "accounts": {account: sums.as_json() for account, sums in accounts.items()}}


@dataclass(slots=True)
class _Number:
    """A sum of numbers of which some are unknown."""

    known: int | None = None
    unknown: int = 0

    def add(self, number: int | None) -> None:
        if number is None:
            self.unknown += 1
        else:
            self.known = (self.known or 0) + number


@dataclass(slots=True)
class _Sums:
    states: Counter[DeliveryState] = field(default_factory=Counter)
    stalled: int = 0
    sent: _Number = field(default_factory=_Number)
    recipients: _Number = field(default_factory=_Number)
    read_at: PosixSeconds = PosixSeconds(0.0)

    def add(self, delivery: Delivery) -> None:
        self.states[delivery.state] += 1
        self.stalled += delivery.is_stalled
        self.sent.add(delivery.sent)
        self.recipients.add(delivery.recipients)
        self.read_at = max(self.read_at, delivery.read_at)

    def as_json(self) -> DeliverySums:
        return DeliverySums(
            campaigns=self.states.total(), states={state: self.states[state] for state in DeliveryState},
            stalled=self.stalled, sent=self.sent.known, sent_unknown=self.sent.unknown,
            recipients=self.recipients.known, recipients_unknown=self.recipients.unknown,
            read_at=timestamp(self.read_at),
        )  # fmt: skip


def delivered_sentence(sums: DeliverySums) -> str:
    """`8,200 messages sent, for 10,000 recipients (1 campaign unknown); 2 active (1 stalled), 3 completed`."""
    sent = "an unknown number of messages" if sums["sent"] is None else plural(sums["sent"], "message")
    sent += _without(sums["sent"], sums["sent_unknown"])
    people = "" if sums["recipients"] is None else f", for {plural(sums['recipients'], 'recipient')}"
    people += _without(sums["recipients"], sums["recipients_unknown"])
    stalled = f" ({sums['stalled']:,} stalled)" if sums["stalled"] else ""
    states = [
        f"{count:,} {state}{stalled if state is DeliveryState.ACTIVE else ''}"
        for state, count in sums["states"].items()
        if count
    ]
    return f"{sent} sent{people}; {', '.join(states)}"


def _without(known: int | None, unknown: int) -> str:
    """How many campaigns a sum is without: it would be taken for that of all."""
    return f" ({plural(unknown, 'campaign')} unknown)" if known is not None and unknown else ""
