"""Following a launch in the journal, for progress and for the rules that concern all lanes together."""

from collections import Counter

from orchestrator.core.journal.states import KINDS, CampaignState, Event, IllegalMove, State, apply, event_of
from orchestrator.core.rules.stop_rules import tripped
from orchestrator.fleet.orders import Order
from orchestrator.ledger.store import Store
from orchestrator.model import CampaignKey, Record
from orchestrator.ports import Observer

_DONE = {State.STARTED: "started", State.FAILED: "failed", State.UNKNOWN: "unknown"}


class Tail:
    """Reports each campaign that got its outcome since the order was given to an observer."""

    def __init__(self, store: Store, order: Order, observer: Observer) -> None:
        self._store = store
        self._order = order
        self._observer = observer
        self._after = 0
        self._histories: dict[CampaignKey, CampaignState] = {}
        self._reported: set[CampaignKey] = set()

    def look(self) -> None:
        """Read what is new."""
        lines = self._store.tail(self._order.header.launch, self._after)
        try:
            self._follow(lines)
        except IllegalMove:
            # Of two commits at the same time, the one with the lower numbers became visible later: read it all again.
            self._after, self._histories = 0, {}
            self._follow(self._store.tail(self._order.header.launch, 0))

    def _follow(self, lines: list[tuple[int, Record]]) -> None:
        for number, record in lines:
            if record.kind in KINDS:
                key = CampaignKey(record.campaign)
                history = self._histories.setdefault(key, CampaignState())
                apply(history, record)
                self._report(key, history, record)
            self._after = number

    def _report(self, key: CampaignKey, history: CampaignState, record: Record) -> None:
        if record.at < self._order.header.at or event_of(record) is Event.INTENT or history.state not in _DONE:
            return
        if key not in self._reported:
            self._reported.add(key)
            self._observer.event("campaign_done", campaign=key, outcome=_DONE[history.state], lane=record.lane,
                                 message=history.answer.message)  # fmt: skip

    def broken_rule(self) -> str | None:
        """The sentence of the stop rule that all lanes together break."""
        counts = Counter(_DONE[self._histories[key].state] for key in self._reported if self._is_done(key))
        return tripped(self._order.manifest.stop_when, counts)

    def _is_done(self, key: CampaignKey) -> bool:
        history = self._histories.get(key)
        return history is not None and history.state in _DONE
