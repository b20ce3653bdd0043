"""`--select` and `--exclude`: which campaigns of the manifest a run is about."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Self

from orchestrator.core.journal.states import UNRESOLVED, CampaignState, State
from orchestrator.core.manifest.models import Campaign
from orchestrator.core.manifest.values import did_you_mean

_OUTCOME_STATES: Final[Mapping[str, frozenset[State]]] = MappingProxyType(
    {
        "new": frozenset({State.NEW, State.CLEARED, State.RETRYABLE}),
        "started": frozenset({State.STARTED}),
        "failed": frozenset({State.FAILED}),
        "unknown": UNRESOLVED,
    }
)

_MATCHERS: Final[Mapping[str, Callable[[str, Campaign, State], bool]]] = MappingProxyType(
    {
        "tag": lambda value, campaign, _: value in campaign.tags,
        "account": lambda value, campaign, _: value == campaign.account,
        "stream": lambda value, campaign, _: value == campaign.stream,
        "campaign": lambda value, campaign, _: value in (campaign.campaign, campaign.key),
        "outcome": lambda value, _, state: state in _OUTCOME_STATES[value],
    }
)


_VALUES: Final[Mapping[str, Callable[[Campaign], Iterable[str]]]] = MappingProxyType(
    {
        "tag": lambda campaign: campaign.tags,
        "account": lambda campaign: (campaign.account,),
        "stream": lambda campaign: (campaign.stream,),
        "campaign": lambda campaign: (campaign.campaign,),
    }
)
"""What a term of each kind may name, campaign by campaign."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Terms `kind:value`. Kinds must all match; of several values of one kind, any may."""

    select: tuple[tuple[str, str], ...] = ()
    exclude: tuple[tuple[str, str], ...] = ()

    def as_json(self) -> dict[str, list[str]]:
        """The terms in one order, whatever the order they were given in."""
        named = {"select": self.select, "exclude": self.exclude}
        return {name: sorted({f"{kind}:{value}" for kind, value in terms}) for name, terms in named.items()}

    def matches(self, campaign: Campaign, history: CampaignState | None) -> bool:
        """Whether the campaign is selected and not excluded."""
        # Most runs: a million campaigns need not go through the terms.
        if not (self.select or self.exclude):
            return True
        state = history.state if history else State.NEW
        kinds = {kind for kind, _ in self.select}
        chosen = all(
            any(_MATCHERS[k](value, campaign, state) for k, value in self.select if k == kind) for kind in kinds
        )
        return chosen and not any(_MATCHERS[kind](value, campaign, state) for kind, value in self.exclude)


@dataclass(frozen=True, slots=True)
class Choice:
    """What the command line chose of the manifest. `details`: look at the campaigns' own calling hours, too."""

    selection: Selection = Selection()
    retry_failed: bool = False
    details: bool = False

    @classmethod
    def of(
        cls, select: Iterable[str] = (), exclude: Iterable[str] = (), *, retry_failed: bool = False,
        details: bool = False,
    ) -> Self:  # fmt: skip
        """The choice that terms such as `tag:canary,account:acme` make. Raises ValueError with what may be written."""
        return cls(Selection(parse_terms(tuple(select)), parse_terms(tuple(exclude))), retry_failed, details)


def no_campaign(campaigns: Iterable[Campaign], selection: Selection) -> str:
    """That a selection matches nothing: its terms, and of a value that no campaign has the likeliest ones."""
    hints = [hint for kind, value in selection.select if (hint := _hint(kind, value, campaigns))]
    return "; ".join([f"no campaign matches {' '.join(options(selection.as_json()))}".rstrip(), *hints[:1]])


def _hint(kind: str, value: str, campaigns: Iterable[Campaign]) -> str:
    if kind not in _VALUES:
        return ""
    known = dict.fromkeys(known for campaign in campaigns for known in _VALUES[kind](campaign))
    return "" if value in known else did_you_mean(value, known)


def options(selection: Mapping[str, Iterable[str]]) -> list[str]:
    """The options of a command that make the same selection again; `selection` as by `Selection.as_json`."""
    return [word for name in ("select", "exclude") for term in selection[name] for word in (f"--{name}", term)]


def parse_terms(texts: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Terms from texts such as `tag:canary,account:acme`. Raises ValueError with what may be written instead."""
    return tuple(_parse_term(term.strip()) for text in texts for term in text.split(",") if term.strip())


def _parse_term(term: str) -> tuple[str, str]:
    kind, colon, value = term.partition(":")
    if not colon or kind not in _MATCHERS or not value:
        raise ValueError(f"{term!r} is not a selection; write one of {', '.join(f'{k}:VALUE' for k in _MATCHERS)}")
    if kind == "outcome" and value not in _OUTCOME_STATES:
        raise ValueError(f"{term!r}: the outcomes to select by are {', '.join(_OUTCOME_STATES)}")
    return kind, value
