from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.journal.states import CampaignState, State
from orchestrator.core.manifest.parse import parse
from orchestrator.core.plan.decision import Action
from orchestrator.core.plan.plan import build, lane_of, undecided
from orchestrator.core.plan.selection import Selection
from orchestrator.model import LiveState, Outcome
from tests.property.values import TAGS, manifests

NEVER_AGAIN = {State.STARTED, State.INTENDED, State.SUSPECT, State.UNKNOWN}
histories_of = st.builds(
    CampaignState,
    st.sampled_from(State),
    st.integers(0, 3),
    intent=st.sampled_from([{}, {"baseline": LiveState("Ready").as_json()}]),
)
live_states = st.builds(
    LiveState,
    st.sampled_from(["Ready", "READY", "Active", "Preparing", "Scheduled", "Completed", "Stopped", "Draft", ""]),
    instance_id=st.none() | st.just("in-1"),
    scheduled=st.booleans(),
    contact_lists=st.sampled_from([(), ("a",), ("a", "b")]),
    dnc_lists=st.sampled_from([(), ("no",)]),
)
terms = st.lists(
    st.tuples(st.just("tag"), st.sampled_from(TAGS))
    | st.tuples(st.just("campaign"), st.sampled_from(["cd-0", "cd-1"]))
    | st.tuples(st.just("outcome"), st.sampled_from(["new", "started", "failed", "unknown"])),
    max_size=3,
).map(tuple)
selections = st.builds(Selection, terms, terms)


@st.composite
def situations(draw):
    """A manifest, and what journal and platform say of some of its campaigns."""
    manifest, _ = parse(draw(manifests(plain=True)))
    keys = [campaign.key for campaign in manifest.campaigns]
    histories = draw(st.dictionaries(st.sampled_from(keys), histories_of))
    live = draw(st.dictionaries(st.sampled_from(keys), live_states))
    return manifest, histories, live


def plan_of(situation, selection=None, *, retry_failed=False, sha="0" * 64):
    manifest, histories, live = situation
    chosen = selection or Selection()
    return build(manifest, histories, live, chosen, manifest_sha256=sha, retry_failed=retry_failed)


def sent(plan):
    """What the engine would send for a plan, in its order."""
    starts = [entry for entry in plan.entries if entry.decision.action is Action.START]
    return [(e.target.lane, e.target.stream, e.target.campaign, e.target.iid, e.wave) for e in starts]


def started(plan):
    return {entry.key for entry in plan.entries if entry.decision.action is Action.START}


@settings(max_examples=40)
@given(situations(), selections, st.booleans())
def test_a_plan_has_each_campaign_once_by_wave_then_by_manifest(situation, selection, retry_failed):
    manifest = situation[0]
    plan = plan_of(situation, selection, retry_failed=retry_failed)
    assert Counter(e.key for e in plan.entries) == Counter(c.key for c in manifest.campaigns)
    order = [wave.name for wave in manifest.waves]
    placed = {c.key: n for n, c in enumerate(manifest.campaigns)}
    position = [(order.index(e.wave) if e.wave in order else len(order), placed[e.key]) for e in plan.entries]
    assert position == sorted(position)


@settings(max_examples=40)
@given(situations(), selections, st.booleans())
def test_nothing_possibly_started_is_ever_planned_as_a_start(situation, selection, retry_failed):
    manifest, histories, live = situation
    for entry in plan_of(situation, selection, retry_failed=retry_failed).entries:
        if entry.decision.action is Action.START:
            history, state = histories.get(entry.key), live.get(entry.key)
            assert history is None or history.state not in NEVER_AGAIN
            assert retry_failed or history is None or history.state is not State.FAILED
            assert manifest.preflight.check == "off" or state.status.casefold() not in {"active", "preparing"}
        assert (entry.decision.outcome is None) is (entry.decision.action is not Action.SKIP)
        assert entry.target.lane == lane_of(manifest, entry.account)


@settings(max_examples=40)
@given(situations(), selections, st.booleans())
def test_the_live_state_of_a_settled_campaign_changes_nothing(situation, selection, retry_failed):
    manifest, histories, live = situation
    asked = {c.key for c in undecided(manifest, histories, selection, retry_failed=retry_failed)}
    less = {name: state for name, state in live.items() if name in asked}
    whole = plan_of(situation, selection, retry_failed=retry_failed)
    bare = plan_of((manifest, histories, less), selection, retry_failed=retry_failed)
    assert [e.decision for e in whole.entries] == [e.decision for e in bare.entries]
    assert whole.sha256 == bare.sha256


@settings(max_examples=40)
@given(situations(), selections, selections, st.booleans(), st.booleans())
def test_the_hash_changes_exactly_with_the_choice_or_requests(situation, one, other, first, second):
    plans = [plan_of(situation, one, retry_failed=first), plan_of(situation, other, retry_failed=second)]
    is_same_choice = (one.as_json(), first) == (other.as_json(), second)
    assert (plans[0].sha256 == plans[1].sha256) is (is_same_choice and sent(plans[0]) == sent(plans[1]))
    assert plan_of(situation, one, retry_failed=first) == plans[0]
    assert plan_of(situation, one, retry_failed=first, sha="1" * 64).sha256 != plans[0].sha256


@settings(max_examples=25)
@given(situations(), situations())
def test_manifests_share_a_plan_hash_only_if_they_send_the_same(one, other):
    ours, theirs = plan_of(one), plan_of(other)
    is_same = (ours.launch, one[0].host, sent(ours)) == (theirs.launch, other[0].host, sent(theirs))
    assert (ours.sha256 == theirs.sha256) is is_same


@settings(max_examples=40)
@given(situations(), selections)
def test_a_selection_only_takes_away(situation, selection):
    everything = {e.key: e.decision for e in plan_of(situation).entries}
    for entry in plan_of(situation, selection).entries:
        chosen = selection.matches(*campaign_and_history(situation, entry.key))
        assert chosen or entry.decision.outcome is Outcome.SKIPPED
        assert not chosen or entry.decision == everything[entry.key]


def campaign_and_history(situation, name):
    campaign = next(c for c in situation[0].campaigns if c.key == name)
    return campaign, situation[1].get(name)


def chosen(situation, select=(), exclude=()):
    selection = Selection(tuple(select), tuple(exclude))
    return {c.key for c in situation[0].campaigns if selection.matches(c, situation[1].get(c.key))}


@settings(max_examples=40)
@given(situations(), terms, terms)
def test_selecting_and_excluding_are_set_algebra(situation, select, exclude):
    everybody = chosen(situation)
    by_kind = [set().union(*(chosen(situation, [term]) for term in select if term[0] == kind)) for kind, _ in select]
    taken_away = set().union(*(chosen(situation, [term]) for term in exclude))
    assert everybody == {c.key for c in situation[0].campaigns}
    assert chosen(situation, select, exclude) == everybody.intersection(*by_kind) - taken_away


@settings(max_examples=25)
@given(situations())
def test_the_outcomes_to_select_by_divide_the_campaigns(situation):
    parts = [chosen(situation, [("outcome", name)]) for name in ("new", "started", "failed", "unknown")]
    assert sum(map(len, parts)) == len(situation[0].campaigns)
    assert set().union(*parts) == chosen(situation)


@settings(max_examples=25)
@given(situations())
def test_a_retry_of_failures_adds_failures_and_nothing_else(situation):
    more = started(plan_of(situation, retry_failed=True)) - started(plan_of(situation))
    assert started(plan_of(situation)) <= started(plan_of(situation, retry_failed=True))
    assert all(situation[1][name].state is State.FAILED for name in more)
