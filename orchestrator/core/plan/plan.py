"""Manifest + journal + live state -> an ordered plan (design section 3)."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import Any

from orchestrator.core.attempt.evidence import decisive, names_instance
from orchestrator.core.journal.records import PlanRow
from orchestrator.core.journal.states import SENDABLE, CampaignState, State
from orchestrator.core.manifest.models import Campaign, Manifest
from orchestrator.core.manifest.notes import notes
from orchestrator.core.plan import plan_hash, spelling
from orchestrator.core.plan.decision import (
    DESELECTED,
    DISABLED,
    JUDGE,
    RERUN_STATES,
    START,
    STARTED_BEFORE,
    Action,
    Decision,
    by_live_state,
    guarded,
)
from orchestrator.core.plan.repeat_guard import PreviousStart
from orchestrator.core.plan.selection import Selection
from orchestrator.core.rules import describe as rules
from orchestrator.core.rules import shared_lists, waves
from orchestrator.core.rules.shared_lists import Conflict, ListUser, ListUsers
from orchestrator.model import CallTarget, CampaignKey, ContactList, Lane, LiveState, Outcome, Reason


@dataclass(frozen=True, slots=True)
class Place:
    """An account's lane and a wave: one value for all entries that share it."""

    lane: Lane
    account_id: str
    wave: str

    def target_of(self, campaign: Campaign) -> CallTarget:
        """What calls about a campaign are addressed to; `iid` defaults to the stream (kore-api.md section 1.0)."""
        iid = campaign.iid or campaign.stream
        return CallTarget(self.lane, self.account_id, campaign.stream, iid, campaign.type, campaign.campaign)


@dataclass(frozen=True, slots=True)
class Entry:
    """A campaign of the plan, with all that the engine and the reports need to know of it."""

    campaign: Campaign
    place: Place
    decision: Decision
    live: LiveState | None = None
    recipients: int | None = None  # people on its contact lists; None: unknown

    @property
    def lane(self) -> Lane:
        """The lane that starts it."""
        return self.place.lane

    @property
    def wave(self) -> str:
        """The name of its wave."""
        return self.place.wave

    @property
    def target(self) -> CallTarget:
        """What calls about it are addressed to. Made when it is asked for: kept, it would double the memory."""
        return self.place.target_of(self.campaign)

    @property
    def key(self) -> CampaignKey:
        """Stream and campaign in one."""
        return self.campaign.key

    @property
    def account(self) -> str:
        """The account's name in the manifest."""
        return self.campaign.account

    @property
    def name(self) -> str:
        """The campaign's name in the manifest."""
        return self.campaign.name

    @property
    def is_rerun(self) -> bool:
        """Whether a start would text its list again: its `rerun` allows that, and it has run, as far as is known."""
        has_run = self.live is None or self.live.status.casefold() in RERUN_STATES
        return self.decision.action is Action.START and bool(self.campaign.rerun) and has_run

    @property
    def window(self) -> str | None:
        """The name of the window in which it may start; None: at any time."""
        return self.campaign.window

    def as_start(self) -> dict[str, Any]:
        """What a start of it would be addressed to: what an approval is given to."""
        one = self.campaign
        return {"account_id": self.place.account_id, "stream": one.stream, "campaign": one.campaign,
                "iid": one.iid or one.stream, "type": str(one.type), "wave": self.wave,
                **({"rerun": True} if self.is_rerun else {})}  # fmt: skip

    def as_row(self) -> PlanRow:
        """The part that reports need: kept in the journal, so that they can be rebuilt from it alone."""
        c, d = self.campaign, self.decision
        return PlanRow(
            c.account, c.stream, c.campaign, c.name, self.wave, d.action, d.outcome, d.reason, d.message,
            " ".join(c.tags), self.recipients,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plan:
    """An ordered plan. `sha256` is the hash of `identity`, of what would be sent: approval is given to it.

    `facts` is the identity without the starts; `rules` say, in words, when campaigns start and when the run stops.
    `lists` are the contact lists of the streams with starts, by lane and stream, as far as they were read;
    `list_faults` those that should not be texted, by what is wrong with them. `name_faults` are the campaigns to be
    started that the platform calls something else.
    """

    launch: str
    entries: tuple[Entry, ...]
    warnings: tuple[str, ...]
    facts: Mapping[str, Any]
    sha256: str
    rules: tuple[str, ...] = ()
    lists: Mapping[tuple[Lane, str], tuple[ContactList, ...]] = field(default_factory=dict)
    list_faults: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    name_faults: tuple[str, ...] = ()

    @property
    def identity(self) -> dict[str, Any]:
        """What would be sent, and by what: what an approval is given to."""
        return {**self.facts, "starts": list(_starts(self.entries, self.facts))}

    def rehashed(self) -> "Plan":
        """The plan with the hash of its identity, after what it knows of its starts has changed."""
        return replace(self, sha256=plan_hash.streamed_sha256(self.facts, _starts(self.entries, self.facts)))

    @property
    def unconditional_reruns(self) -> int:
        """How many of its starts have `rerun: true`: they are sent again wherever the journal does not know them."""
        return sum(e.decision.action is Action.START and e.campaign.rerun is True for e in self.entries)

    def count(self, action: Action) -> int:
        """How many campaigns have this action."""
        return sum(entry.decision.action is action for entry in self.entries)


def lane_of(manifest: Manifest, account: str) -> Lane:
    """The lane of an account: whose budget its calls spend. Manifests may write the id's letters in either case."""
    account_id = manifest.accounts[account].account_id.lower()
    return Lane(sys.intern(f"{manifest.host} {account_id}"))  # one text, not one a campaign


def target_of(manifest: Manifest, campaign: Campaign) -> CallTarget:
    """What calls about a campaign are addressed to."""
    # Calls are addressed to the same place in every wave.
    return _place(manifest, campaign.account, waves.REST).target_of(campaign)


def _place(manifest: Manifest, account: str, wave: str) -> Place:
    return Place(lane_of(manifest, account), manifest.accounts[account].account_id, wave)


def undecided(
    manifest: Manifest, histories: Mapping[CampaignKey, CampaignState], selection: Selection, *, retry_failed: bool
) -> tuple[Campaign, ...]:
    """The campaigns whose live state matters: all that the manifest and the journal do not decide.

    Unknown ones are among them: their live state may be the evidence that was missing.
    """
    return tuple(
        campaign
        for campaign in manifest.campaigns
        if (settled := _settled(campaign, histories.get(campaign.key), selection, retry_failed=retry_failed)) is None
        or settled.outcome is Outcome.UNKNOWN
    )


def needs_list(campaign: Campaign, manifest: Manifest, history: CampaignState | None) -> bool:
    """Whether it must be read from a list, no matter how long: a read by id may lack its instance and DNC lists."""
    # Only a list shows what would be sent, which an approval covers.
    if campaign.rerun or manifest.preflight.require_dnc or manifest.approval != "none":
        return True
    # An instance that is new since preflight may be the evidence that was missing.
    return history is not None and history.state is State.UNKNOWN and names_instance(history.intent.get("baseline"))


def build(
    manifest: Manifest,
    histories: Mapping[CampaignKey, CampaignState],
    live: Mapping[CampaignKey, LiveState],
    selection: Selection,
    *,
    manifest_sha256: str,
    retry_failed: bool = False,
    tool: str = "",
    earlier: Mapping[tuple[Lane, CampaignKey], PreviousStart] | None = None,
    launches: Iterable[str] = (),
    environment: str | None = None,
    nonce: str = "",
    users: Mapping[Lane, ListUsers] | None = None,
) -> Plan:
    """The plan for now: waves in order, within a wave the manifest's order. `live` is what preflight found.

    `tool` is the version that makes it: another one may decide differently, so an approval does not carry over.
    `earlier` are the starts of other launches within `repeat_guard`. `launches` are the names in the ledger, the
    launch's own among them. `environment` is the one that was chosen, where the manifest has some. With a `nonce`
    (hexadecimal), the identity seals the content of each start: what it would send, and to whom. `users` are the
    campaigns that keep their contact lists to themselves now.
    """
    # 1. Decide each campaign: by manifest and journal, else by its live state, and last by other launches' starts.
    place = lru_cache(maxsize=None)(partial(_place, manifest))
    entries = []
    for campaign in manifest.campaigns:
        key, at = campaign.key, place(campaign.account, waves.assign(campaign, manifest.waves))
        history, state = histories.get(key), live.get(key)
        settled = _settled(campaign, history, selection, retry_failed=retry_failed)
        decision = _decide(settled, campaign, history, state, manifest)
        if earlier and decision.action is Action.START and not campaign.rerun:
            decision = guarded(earlier.get((at.lane, key))) or decision
        entries.append(Entry(campaign, at, decision, state))
    # 2. Order by wave. The sort is stable, which keeps the manifest's order within a wave.
    position = {name: i for i, name in enumerate(waves.order(manifest.waves))}
    entries.sort(key=lambda entry: position[entry.wave])
    conflicts = shared_lists.conflicts(_uses(entries), users or {}, manifest.same_list)
    plan = tuple(_apart(entry, conflicts.get((entry.lane, entry.key)), manifest.same_list) for entry in entries)
    # 3. What an approval is given to, and its hash.
    chosen = {**selection.as_json(), "retry_failed": retry_failed}
    facts = _facts(manifest, chosen, environment=environment, sha256=manifest_sha256, tool=tool, nonce=nonce)
    sha256 = plan_hash.streamed_sha256(facts, _starts(plan, facts))
    alike = spelling.warnings(manifest, histories.keys(), launches)
    warnings = (*notes(manifest), *alike, *shared_lists.warning(manifest.same_list, conflicts.values()))
    return Plan(manifest.launch, plan, warnings, facts, sha256, rules.sentences(manifest))


def _facts(
    manifest: Manifest, selection: dict[str, Any], *, environment: str | None, sha256: str, tool: str, nonce: str
) -> dict[str, Any]:
    """What the identity says beside the starts. What is not there is no key: older hashes stay as they were."""
    times = {"not_before": manifest.not_before, "not_after": manifest.not_after}
    return {
        "launch": manifest.launch,
        **({"environment": environment} if environment else {}),
        "host": manifest.host,
        "manifest_sha256": sha256,
        **{name: time.utc for name, time in times.items() if time is not None},
        "tool_version": tool,
        "selection": selection,
        **({"nonce": nonce} if nonce else {}),
    }


def _decide(
    settled: Decision | None,
    campaign: Campaign,
    history: CampaignState | None,
    state: LiveState | None,
    manifest: Manifest,
) -> Decision:
    """The decision if manifest and journal do not decide, or do not know how an earlier start ended."""
    if settled is None:
        return START if manifest.preflight.check == "off" else by_live_state(campaign, state, manifest)
    # The journal does not know how the start ended, but the live state now shows it: the engine probes, and records it.
    if settled.outcome is Outcome.UNKNOWN and history and decisive(history.intent.get("baseline"), state):
        return JUDGE
    return settled


def _settled(
    campaign: Campaign, history: CampaignState | None, selection: Selection, *, retry_failed: bool
) -> Decision | None:
    if not campaign.enabled:
        return DISABLED
    if not selection.matches(campaign, history):
        return DESELECTED
    return _by_journal(history, retry_failed=retry_failed) if history else None


def _by_journal(history: CampaignState, *, retry_failed: bool) -> Decision | None:
    if history.state is State.STARTED:
        return STARTED_BEFORE
    if history.state in {State.INTENDED, State.SUSPECT}:
        return JUDGE
    if history.state is State.UNKNOWN:
        why = history.answer.message
        message = "still unknown: a person must look" + (f" ({why})" if why else "")
        return Decision(Action.SKIP, Outcome.UNKNOWN, Reason.NO_EVIDENCE, message)
    if history.state is State.FAILED and not retry_failed:
        message = "failed in an earlier run and was not sent again: " + history.answer.message
        return Decision(Action.SKIP, Outcome.FAILED, Reason.FAILED_BEFORE, message)
    # A state that no line above names is probed, and never sent.
    return None if history.state in SENDABLE else JUDGE


def _uses(entries: Iterable[Entry]) -> Iterator[tuple[Lane, ListUser]]:
    """The contact lists that the plan's starts need, in its order."""
    for one in entries:
        if one.decision.action is Action.START and one.live and one.live.contact_lists:
            yield one.lane, ListUser(one.key, one.name or one.live.name, one.live.contact_lists, "starts first")


def _apart(entry: Entry, conflict: Conflict | None, mode: str) -> Entry:
    if conflict is None or mode == "warn":
        return entry
    if mode == "sequence":
        return replace(entry, decision=replace(entry.decision, message=shared_lists.waits_message(conflict)))
    decision = Decision(Action.SKIP, Outcome.HELD, Reason.SHARED_LIST, shared_lists.held_message(conflict))
    return replace(entry, decision=decision)


def _starts(entries: Iterable[Entry], facts: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    starts = ((entry.as_start(), entry.live) for entry in entries if entry.decision.action is Action.START)
    return plan_hash.sealed(starts, facts)
