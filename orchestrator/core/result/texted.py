"""How many people the campaigns of a result text."""

from collections import Counter
from collections.abc import Iterable, Mapping

from typing_extensions import TypedDict  # typing's own says too little for pydantic before Python 3.12

from orchestrator.core.audience import Audience, total
from orchestrator.core.journal.records import PlanRow
from orchestrator.core.journal.states import CampaignState
from orchestrator.model import Outcome, Reason


class AudienceResult(TypedDict):
    """How many people some campaigns text."""

    known: int
    """People on contact lists whose size is known; of two campaigns with one list, twice."""
    unknown_campaigns: int
    """Campaigns whose number of people is unknown, and not in `known`."""


class RecipientsResult(AudienceResult):
    """How many people the campaigns text that the launch started."""

    accounts: dict[str, AudienceResult]
    """The same by account."""


def texts(outcome: Outcome, reason: Reason) -> bool:
    """Whether people are texted because this launch started the campaign, now or in an earlier run."""
    return outcome is Outcome.STARTED or (outcome is Outcome.ALREADY_STARTED and reason is Reason.JOURNAL)


def recipients_of(row: PlanRow, state: CampaignState | None) -> int | None:
    """The people on a campaign's contact lists: as its plan has them, else as they were when it was started."""
    return row.recipients if row.recipients is not None or state is None else state.recipients


def counted(
    campaigns: Iterable[tuple[PlanRow, CampaignState | None, Outcome, Reason]],
) -> tuple[Counter[tuple[str, Outcome, Reason]], dict[str, Audience]]:
    """Campaigns by account, outcome and reason; and by account the people of those that the launch started."""
    tally: Counter[tuple[str, Outcome, Reason]] = Counter()
    people: dict[str, Audience] = {}
    for row, state, outcome, reason in campaigns:
        tally[row.account, outcome, reason] += 1
        if texts(outcome, reason):
            people[row.account] = people.get(row.account, Audience()) + Audience.of([recipients_of(row, state)])
    return tally, people


def recipients_json(people: Mapping[str, Audience]) -> RecipientsResult:
    """People by account, for a machine."""
    accounts = {account: _audience_json(audience) for account, audience in people.items()}
    return {**_audience_json(total(people)), "accounts": accounts}


def _audience_json(audience: Audience) -> AudienceResult:
    return {"known": audience.known, "unknown_campaigns": audience.unknown}
