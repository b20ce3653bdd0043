from dataclasses import replace

import pytest

from orchestrator.core.journal.states import Answer, State
from orchestrator.core.plan.approval import check_cap
from orchestrator.core.plan.decision import Action
from orchestrator.core.plan.plan import build, lane_of, needs_list, target_of, undecided
from orchestrator.core.plan.repeat_guard import PreviousStart
from orchestrator.core.plan.selection import Selection
from orchestrator.core.rules.describe import sentences
from orchestrator.core.rules.shared_lists import ListUser, ListUsers
from orchestrator.errors import Refused
from orchestrator.model import CallTarget, CampaignType, Lane, Outcome, Reason
from tests.core.builders import history, key, manifest, planned, ready


def decided(live=None, past=None, campaign=None, selection=None, *, retry_failed=False, **changes):
    parsed = manifest({"campaign": "cd-1", **(campaign or {})}, **changes)
    histories = {} if past is None else {key(): past}
    states = {} if live is None else {key(): live}
    return planned(parsed, histories, states, selection, retry_failed=retry_failed).entries[0].decision


def assert_skipped(decision, outcome, reason):
    assert (decision.action, decision.outcome, decision.reason) == (Action.SKIP, outcome, reason)
    assert decision.message


def test_a_ready_campaign_is_started():
    decision = decided(ready())
    assert (decision.action, decision.outcome, decision.reason) == (Action.START, None, None)


@pytest.mark.parametrize("status", ["READY", "ready"])
def test_the_state_is_compared_in_any_case(status):
    assert decided(ready(status=status)).action is Action.START


def test_a_disabled_campaign_is_skipped():
    assert_skipped(decided(ready(), campaign={"enabled": False}), Outcome.SKIPPED, Reason.DISABLED)


def test_a_deselected_campaign_is_skipped():
    selection = Selection(select=(("tag", "canary"),))
    assert_skipped(decided(ready(), selection=selection), Outcome.SKIPPED, Reason.DESELECTED)


def test_disabled_outranks_deselected_and_both_the_journal():
    selection = Selection(select=(("tag", "canary"),))
    assert decided(campaign={"enabled": False}, selection=selection).reason is Reason.DISABLED
    assert decided(past=history(State.STARTED), selection=selection).reason is Reason.DESELECTED


def test_a_campaign_that_the_platform_does_not_know_is_failed():
    assert_skipped(decided(), Outcome.FAILED, Reason.NOT_FOUND)


@pytest.mark.parametrize("status", ["Active", "active"])
def test_an_active_campaign_is_already_started(status):
    assert_skipped(decided(ready(status=status)), Outcome.ALREADY_STARTED, Reason.LIVE_STATE)


@pytest.mark.parametrize("live", [ready(status="Scheduled"), ready(status="ReScheduled"), ready(scheduled=True)])
def test_a_scheduled_campaign_is_skipped(live):
    assert_skipped(decided(live), Outcome.SKIPPED, Reason.SCHEDULED)


@pytest.mark.parametrize("status", ["Completed", "Stopped", "Rerun"])
def test_a_finished_campaign_needs_leave_to_text_everyone_again(status):
    assert_skipped(decided(ready(status=status)), Outcome.SKIPPED, Reason.RERUN)
    assert decided(ready(status=status), campaign={"rerun": True}).action is Action.START


@pytest.mark.parametrize("status", ["Completed", "Stopped", "Rerun", "Ready"])
@pytest.mark.parametrize("last", ["cid-8", "cid-70", None])
def test_leave_for_one_instance_ends_with_it(status, last):
    leave = {"campaign": {"rerun": {"instance": "cid-7"}}}
    assert decided(ready(status=status, instance_id="cid-7"), **leave).action is Action.START
    assert_skipped(decided(ready(status=status, instance_id=last), **leave), Outcome.SKIPPED, Reason.RERUN)


def test_leave_for_an_instance_starts_no_other_state():
    leave, last = {"campaign": {"rerun": {"instance": "cid-7"}}}, {"instance_id": "cid-7"}
    assert decided(ready(status="Active", **last), **leave).outcome is Outcome.ALREADY_STARTED
    assert decided(ready(scheduled=True, **last), **leave).reason is Reason.SCHEDULED
    assert decided(ready(status="Draft", **last), **leave).reason is Reason.NOT_STARTABLE


def test_only_starts_with_rerun_true_are_unconditional():
    campaigns = {"cd-1": True, "cd-2": {"instance": "cid-7"}, "cd-3": False, "cd-4": True}
    parsed = manifest(*({"campaign": name, "rerun": rerun} for name, rerun in campaigns.items()))
    live = {key(name): ready(instance_id="cid-7") for name in campaigns} | {key("cd-4"): ready(status="Active")}

    assert planned(parsed, live=live).unconditional_reruns == 1


@pytest.mark.parametrize("status", ["Completed", "Stopped"])
def test_listing_a_finished_state_as_startable_permits_no_rerun(status):
    preflight = {"startable": ["Ready", status]}
    assert_skipped(decided(ready(status=status), preflight=preflight), Outcome.SKIPPED, Reason.RERUN)


@pytest.mark.parametrize("status", ["Draft", "Preparing", "Failed", "Paused", "", "Something new"])
def test_a_state_that_is_not_startable_is_skipped_and_named(status):
    decision = decided(ready(status=status))
    assert_skipped(decision, Outcome.SKIPPED, Reason.NOT_STARTABLE)
    assert repr(status) in decision.message


def test_the_manifest_says_what_is_startable():
    assert decided(ready(status="draft"), preflight={"startable": ["Draft"]}).action is Action.START
    assert decided(ready(), preflight={"startable": ["Draft"]}).reason is Reason.NOT_STARTABLE


@pytest.mark.parametrize("live", [ready(), ready(status="Completed"), ready(status="Completed", instance_id="cid-7")])
def test_a_required_dnc_list_must_be_there(live):
    required = {"campaign": {"rerun": True}, "preflight": {"require_dnc": True}}
    assert_skipped(decided(live, **required), Outcome.SKIPPED, Reason.NO_DNC_LIST)
    assert decided(ready(status=live.status, dnc_lists=("no",)), **required).action is Action.START


def test_without_preflight_every_unsettled_campaign_is_started():
    assert decided(preflight={"check": "off"}).action is Action.START


def test_without_preflight_the_journal_still_counts():
    assert decided(past=history(State.STARTED), preflight={"check": "off"}).action is Action.SKIP
    assert decided(past=history(State.INTENDED), preflight={"check": "off"}).action is Action.JUDGE


def test_an_earlier_start_is_not_repeated_in_any_platform_state():
    assert_skipped(decided(ready(), history(State.STARTED)), Outcome.ALREADY_STARTED, Reason.JOURNAL)


@pytest.mark.parametrize("state", [State.INTENDED, State.SUSPECT])
@pytest.mark.parametrize("retry_failed", [True, False])
def test_an_open_intent_is_judged_and_never_sent_again(state, retry_failed):
    decision = decided(ready(), history(state), retry_failed=retry_failed)
    assert (decision.action, decision.outcome, decision.reason) == (Action.JUDGE, None, Reason.OPEN_INTENT)


@pytest.mark.parametrize("live", [None, ready(), ready(status="Completed")])
@pytest.mark.parametrize("retry_failed", [True, False])
def test_an_unknown_stays_unknown_without_evidence(live, retry_failed):
    past = history(State.UNKNOWN, intent={"baseline": ready().as_json()})
    assert_skipped(decided(live, past, retry_failed=retry_failed), Outcome.UNKNOWN, Reason.NO_EVIDENCE)


@pytest.mark.parametrize("live", [ready(status="Active"), ready(instance_id="in-1")])
def test_an_unknown_is_judged_when_there_is_evidence_now(live):
    past = history(State.UNKNOWN, intent={"baseline": ready().as_json()})
    assert decided(live, past).action is Action.JUDGE


def test_what_failed_before_is_sent_again_on_request_only():
    past = history(State.FAILED, answer=Answer("HTTP 404: gone"))
    decision = decided(ready(), past)
    assert_skipped(decision, Outcome.FAILED, Reason.FAILED_BEFORE)
    assert "HTTP 404: gone" in decision.message
    assert decided(ready(), past, retry_failed=True).action is Action.START


def test_a_retry_of_a_failure_still_looks_at_the_live_state():
    assert decided(ready(status="Active"), history(State.FAILED), retry_failed=True).reason is Reason.LIVE_STATE


@pytest.mark.parametrize("state", [State.NEW, State.RETRYABLE, State.CLEARED])
def test_what_was_certainly_not_started_is_started(state):
    assert decided(ready(), history(state)).action is Action.START


UNDECIDED = {State.NEW, State.RETRYABLE, State.CLEARED, State.UNKNOWN}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("retry_failed", [True, False])
def test_the_live_state_matters_where_the_journal_is_silent(state, retry_failed):
    parsed = manifest({"campaign": "cd-1"})
    left = undecided(parsed, {key(): history(state)}, Selection(), retry_failed=retry_failed)
    expected = state in UNDECIDED or (state is State.FAILED and retry_failed)
    assert [campaign.key for campaign in left] == ([key()] if expected else [])


NAMED, UNNAMED = {"status": "Ready", "instance": None}, {"status": "Ready"}


@pytest.mark.parametrize(
    ("campaign", "changes", "past", "expected"),
    [
        ({}, {}, None, False),
        ({"rerun": True}, {}, None, True),
        ({"rerun": {"instance": "cid-7"}}, {}, None, True),
        ({}, {"preflight": {"require_dnc": True}}, None, True),
        ({}, {}, history(State.UNKNOWN, intent={"baseline": NAMED}), True),
        ({}, {}, history(State.UNKNOWN, intent={"baseline": UNNAMED}), False),
        ({}, {}, history(State.UNKNOWN, intent={"baseline": None}), False),
        ({}, {}, history(State.RETRYABLE, intent={"baseline": NAMED}), False),
    ],
)
def test_what_only_a_list_names_is_read_from_one(campaign, changes, past, expected):
    parsed = manifest({"campaign": "cd-1", **campaign}, **changes)
    assert needs_list(parsed.campaigns[0], parsed, past) is expected


def test_disabled_and_deselected_campaigns_are_not_looked_at():
    parsed = manifest({"campaign": "cd-1", "enabled": False}, {"campaign": "cd-2"}, {"campaign": "cd-3"})
    selection = Selection(exclude=(("campaign", "cd-2"),))
    left = undecided(parsed, {key("cd-2"): history(State.UNKNOWN)}, selection, retry_failed=False)
    assert [campaign.campaign for campaign in left] == ["cd-3"]


def test_waves_keep_their_order_and_campaigns_the_manifests():
    names = ["cd-4", "cd-1", "cd-3", "cd-2"]
    campaigns = [{"campaign": name, "tags": ["canary"] if name in {"cd-3", "cd-2"} else []} for name in names]
    parsed = manifest(*campaigns, waves=[{"name": "canary", "tags": ["canary"]}])
    assert [(e.target.campaign, e.wave) for e in planned(parsed).entries] == [
        ("cd-3", "canary"), ("cd-2", "canary"), ("cd-4", "rest"), ("cd-1", "rest"),
    ]  # fmt: skip


def test_an_entry_knows_its_target_and_its_live_state():
    campaign = {"campaign": "cd-1", "iid": "st-9", "type": "voice", "name": "North", "account": "umbrella"}
    entry = planned(manifest(campaign), live={key(): ready()}).entries[0]
    assert entry.target == CallTarget(Lane("sandbox 99999d"), "99999d", "st-1", "st-9", CampaignType.VOICE, "cd-1")
    assert (entry.account, entry.name, entry.key, entry.live) == ("umbrella", "North", key(), ready())
    assert entry.as_row() == ("umbrella", "st-1", "cd-1", "North", "rest", "start", None, None, "", "", None)


def test_the_iid_defaults_to_stream_and_lane_is_host_and_account():
    parsed = manifest({"campaign": "cd-1"})
    assert target_of(parsed, parsed.campaigns[0]).iid == "st-1"
    assert lane_of(parsed, "acme") == "sandbox 67777c"


def test_an_account_id_in_capitals_is_the_same_lane():
    capitals = manifest({"campaign": "cd-1"}, accounts={"acme": {"account_id": "67777C"}})
    assert lane_of(capitals, "acme") == "sandbox 67777c"
    assert target_of(capitals, capitals.campaigns[0]).account_id == "67777C"  # the platform gets it as it is written


def test_a_plan_counts_its_actions():
    parsed = manifest(*({"campaign": f"cd-{n}"} for n in range(1, 5)))
    plan = planned(parsed, {key("cd-1"): history(State.SUSPECT)}, {key("cd-2"): ready(), key("cd-3"): ready()})
    assert [plan.count(action) for action in (Action.START, Action.JUDGE, Action.SKIP)] == [2, 1, 1]


@pytest.mark.parametrize(
    ("most", "flag", "refused"),
    [
        (None, None, None),
        (2, None, None),
        (None, 2, None),
        (1, None, "limits.max_starts allows 1"),
        (None, 1, "--max-starts allows 1"),
        (5, 1, "--max-starts allows 1"),
        (0, 1, "limits.max_starts allows 0"),
        (1, 9, "limits.max_starts allows 1"),
    ],
)
def test_a_plan_keeps_to_the_tighter_of_both_caps(most, flag, refused):
    parsed = manifest(*({"campaign": f"cd-{n}"} for n in range(1, 5)))
    plan = planned(parsed, {key("cd-1"): history(State.SUSPECT)}, {key("cd-2"): ready(), key("cd-3"): ready()})
    if refused is None:
        check_cap(plan, most, flag)
        return
    with pytest.raises(Refused) as raised:
        check_cap(plan, most, flag)
    assert raised.value.message == f"the plan has 2 starts, {refused}"
    assert raised.value.next_step == f"raise {refused.partition(' ')[0]}, or use --select"


TWO = ({"campaign": "cd-1"}, {"campaign": "cd-2"})
BOTH_READY = {key("cd-1"): ready(), key("cd-2"): ready()}


def sha(parsed=None, live=None, **options):
    return planned(parsed or manifest(*TWO), options.pop("histories", None), live or BOTH_READY, **options).sha256


def test_the_same_plan_has_the_same_hash():
    assert sha() == sha()
    assert len(sha()) == 64


def test_what_changes_a_send_changes_the_hash():
    different = [
        sha(),
        sha(manifest_sha256="1" * 64),
        sha(live={key("cd-1"): ready()}),
        sha(live={key("cd-2"): ready()}),
        sha(histories={key("cd-1"): history(State.STARTED), key("cd-2"): history(State.STARTED)}),
        sha(manifest(*reversed(TWO))),
        sha(manifest({"campaign": "cd-1", "iid": "st-9"}, {"campaign": "cd-2"})),
        sha(manifest({"campaign": "cd-1", "account": "umbrella"}, {"campaign": "cd-2"})),
        sha(manifest(*TWO, waves=[{"name": "first", "campaigns": ["st-1/cd-1"]}])),
        sha(manifest(*TWO, host="https://platform.kore.ai", accounts=REAL)),
    ]
    assert len(set(different)) == len(different)


REAL = {"acme": {"account_id": "67777c", "client_id": {"env": "ID"}, "client_secret": {"env": "SECRET"}}}


def test_what_does_not_change_a_send_leaves_the_hash():
    assert sha(live={key("cd-1"): ready(name="New"), key("cd-2"): ready(contact_lists=("a",))}) == sha()
    only_first = {key("cd-1"): ready()}
    assert sha(live={**only_first, key("cd-2"): ready(status="Active")}) == sha(live=only_first)


def warned(*live, **changes):
    parsed = manifest(*({"campaign": f"cd-{n}"} for n in range(1, len(live) + 1)), **changes)
    return planned(parsed, live={key(f"cd-{n}"): state for n, state in enumerate(live, 1)}).warnings


def test_the_second_start_on_a_contact_list_is_held():
    parsed = manifest({"campaign": "cd-1", "name": "Spring NE"}, {"campaign": "cd-2"})
    live = {key("cd-1"): ready(contact_lists=("east", "west")), key("cd-2"): ready(contact_lists=("east",))}
    plan = planned(parsed, live=live)

    assert plan.count(Action.START) == 1
    assert_skipped(plan.entries[1].decision, Outcome.HELD, Reason.SHARED_LIST)
    in_use = "contact list 'east' is in use: Spring NE (st-1/cd-1) starts first"
    assert plan.entries[1].decision.message == (
        f"{in_use}; run again when that one is Completed or Stopped (same_list: hold)"
    )
    assert plan.warnings == (
        "1 campaign held because of a contact list in use ('east': Spring NE (st-1/cd-1) starts first)",
    )


def test_a_start_that_is_held_keeps_no_list_from_others():
    lists = [("east",), ("east", "west"), ("west",)]
    parsed = manifest(*({"campaign": f"cd-{n}"} for n in range(3)))
    plan = planned(parsed, live={key(f"cd-{n}"): ready(contact_lists=names) for n, names in enumerate(lists)})

    assert [entry.decision.action for entry in plan.entries] == [Action.START, Action.SKIP, Action.START]


def test_a_running_campaign_outside_of_the_manifest_holds():
    running = ListUsers([ListUser(key("cd-9"), "Winter", ("east",), "is Active")])
    parsed = manifest({"campaign": "cd-1"})
    live = {key("cd-1"): ready(contact_lists=("east",))}
    (entry,) = planned(parsed, live=live, users={lane_of(parsed, "acme"): running}).entries

    assert_skipped(entry.decision, Outcome.HELD, Reason.SHARED_LIST)
    assert "'east' is in use: Winter (st-1/cd-9) is Active" in entry.decision.message


def test_which_start_is_first_is_the_order_of_waves_and_rows():
    waves = [{"name": "canary", "campaigns": ["st-1/cd-2"]}, {"name": "rest"}]
    parsed = manifest({"campaign": "cd-1"}, {"campaign": "cd-2"}, waves=waves)
    plan = planned(parsed, live=dict.fromkeys((key("cd-1"), key("cd-2")), ready(contact_lists=("east",))))

    assert [(one.key, one.decision.action) for one in plan.entries] == [
        (key("cd-2"), Action.START), (key("cd-1"), Action.SKIP),
    ]  # fmt: skip


def test_in_sequence_a_start_says_what_it_waits_for():
    parsed = manifest({"campaign": "cd-1"}, {"campaign": "cd-2"}, same_list="sequence")
    plan = planned(parsed, live=dict.fromkeys((key("cd-1"), key("cd-2")), ready(contact_lists=("east",))))

    assert plan.count(Action.START) == 2
    assert plan.entries[1].decision.message == (
        "waits: contact list 'east' is in use: st-1/cd-1 starts first (same_list: sequence)"
    )
    assert plan.warnings == ("1 campaign to wait for a contact list in use ('east': st-1/cd-1 starts first)",)


def test_with_warn_all_start_and_one_warning_names_the_lists():
    (warning,) = warned(*[ready(contact_lists=("east",))] * 3, ready(contact_lists=("east",)), same_list="warn")
    assert warning == (
        "3 campaigns to start although a contact list is in use: the platform cannot run them at the same time "
        "('east': st-1/cd-1 starts first)"
    )


@pytest.mark.parametrize("check", ["status", "off"])
def test_contact_lists_that_are_not_read_are_warned_of_once(check):
    (warning,) = warned(ready(), ready(), preflight={"check": check})
    assert warning == (
        f"contact lists are not read (preflight.check: {check}): campaigns that share one are started together, "
        "which the platform cannot run at the same time"
    )


def test_a_list_of_a_campaign_not_to_be_started_gives_no_warning():
    assert warned(ready(contact_lists=("east",)), ready(status="Active", contact_lists=("east",))) == ()
    assert warned(ready(contact_lists=("east",)), ready(contact_lists=("west",))) == ()


def test_lists_of_the_same_name_in_two_accounts_are_two_lists():
    parsed = manifest({"campaign": "cd-1"}, {"campaign": "cd-2", "account": "umbrella"})
    live = dict.fromkeys((key("cd-1"), key("cd-2")), ready(contact_lists=("east",)))
    assert planned(parsed, live=live).warnings == ()


def test_a_list_named_twice_by_one_campaign_is_no_clash():
    assert warned(ready(contact_lists=("east", "east"))) == ()


GUARDED = (("sandbox 67777c", "st-1/cd-1"), PreviousStart("autumn", 86400.0 * 365, is_certain=True))


def guarded(*, certain=True, live=None, **campaign):
    parsed = manifest({"campaign": "cd-1", **campaign}, {"campaign": "cd-2"})
    place, earlier = GUARDED
    live = live or {key("cd-1"): ready(), key("cd-2"): ready()}
    return planned(parsed, live=live, earlier={place: replace(earlier, is_certain=certain)}).entries


def test_another_launchs_recent_start_skips_that_campaign_alone():
    first, second = guarded()
    assert (first.decision.outcome, first.decision.reason) == (Outcome.SKIPPED, Reason.REPEAT)
    assert first.decision.message.startswith("launch autumn started it at 1971-01-01 00:00 UTC: ")
    assert second.decision.action is Action.START


def test_what_another_launch_may_have_started_is_skipped_too():
    assert "launch autumn may have started it" in guarded(certain=False)[0].decision.message


@pytest.mark.usefixtures("in_tokyo")
def test_another_launchs_start_is_reported_in_utc_everywhere():
    assert "it at 1971-01-01 00:00 UTC" in guarded()[0].decision.message


@pytest.mark.parametrize("rerun", [True, {"instance": "cid-7"}])
def test_a_rerun_that_the_manifest_allows_passes_the_guard(rerun):
    live = {key(name): ready(instance_id="cid-7") for name in ("cd-1", "cd-2")}
    assert guarded(rerun=rerun, live=live)[0].decision.action is Action.START


def test_the_guard_changes_no_other_decision():
    live = {key("cd-1"): ready(status="Active"), key("cd-2"): ready()}
    assert guarded(live=live)[0].decision.reason is Reason.LIVE_STATE


def test_the_same_campaign_under_another_account_is_another_one():
    assert guarded(account="umbrella")[0].decision.action is Action.START


@pytest.mark.parametrize(
    ("situation", "message"),
    [
        ({"campaign": {"enabled": False}}, "enabled: false in the manifest"),
        ({"selection": Selection(select=(("tag", "canary"),))}, "not in the selection"),
        ({"past": history(State.STARTED)}, "started by an earlier run"),
        ({"past": history(State.INTENDED)}, "an earlier run may have started it"),
        ({"past": history(State.UNKNOWN)}, "still unknown: a person must look"),
        (
            {"past": history(State.UNKNOWN, answer=Answer("HTTP 409: in use"))},
            "still unknown: a person must look (HTTP 409: in use)",
        ),
        (
            {"past": history(State.FAILED, answer=Answer("HTTP 404"))},
            "failed in an earlier run and was not sent again: HTTP 404",
        ),
        ({"past": history(State.FAILED)}, "failed in an earlier run and was not sent again: "),
        ({}, "the platform has no such campaign"),
        ({"live": ready(status="Active")}, "it is already Active"),
        ({"live": ready(scheduled=True)}, "it has a schedule and starts by itself"),
        (
            {"live": ready(status="Stopped")},
            "it is Stopped: a start would text its whole list again (rerun: true allows it)",
        ),
        (
            {"live": ready(status="Stopped", instance_id="cid-7")},
            "it is Stopped: a start would text its whole list again (rerun: {instance: cid-7} allows it)",
        ),
        (
            {"live": ready(status="Stopped", instance_id="cid-7"), "campaign": {"rerun": True}},
            "again, whatever has run since: rerun: {instance: cid-7} allows it once",
        ),
        (
            {"live": ready(instance_id="cid-8"), "campaign": {"rerun": {"instance": "cid-7"}}},
            "rerun is for instance cid-7, and its last instance is cid-8: a start could text its whole list once more",
        ),
        (
            {"live": ready(), "campaign": {"rerun": {"instance": "cid-7"}}},
            "rerun is for instance cid-7, and it has none: a start could text its whole list once more",
        ),
        ({"live": ready(status="Draft")}, "its state is 'Draft', which preflight.startable does not list"),
        (
            {"live": ready(), "preflight": {"require_dnc": True}},
            "it has no DNC list, and preflight.require_dnc is set",
        ),
    ],
)
def test_a_plan_says_why_in_these_words(situation, message):
    assert decided(**situation).message == message


def test_a_selection_by_outcome_looks_at_the_journal():
    failed, fresh = Selection(select=(("outcome", "failed"),)), Selection(exclude=(("outcome", "failed"),))
    assert decided(past=history(State.FAILED), selection=failed).reason is Reason.FAILED_BEFORE
    assert decided(past=history(State.FAILED), selection=fresh).reason is Reason.DESELECTED


def test_a_plan_is_of_its_launch_and_an_entry_knows_its_window():
    hours = {"day": {"zones": ["UTC"], "hours": "09:00-20:00"}}
    plan = planned(manifest({"campaign": "cd-1", "window": "day"}, windows=hours))
    assert plan.launch == "spring"
    assert plan.entries[0].window == "day"


def test_a_plan_says_its_manifests_rules_and_which_tool_made_it():
    parsed = manifest(*TWO, stop_when={"failed": 3})
    plan = planned(parsed, tool="1.2.0")
    assert plan.rules == sentences(parsed)
    assert plan.identity["tool_version"] == "1.2.0"
    assert planned(parsed).identity["tool_version"] == ""


def test_failures_are_not_retried_unless_somebody_says_so():
    parsed = manifest({"campaign": "cd-1"})
    plan = build(parsed, {key(): history(State.FAILED)}, {key(): ready()}, Selection(), manifest_sha256="0" * 64)
    assert plan.count(Action.START) == 0


def test_a_warning_names_three_contact_lists_at_most():
    def lists(count):
        return [ready(contact_lists=(f"l{n}",)) for n in range(count)] * 2

    (three,), (four,) = warned(*lists(3)), warned(*lists(4))
    assert three.endswith("'l2': st-1/cd-3 starts first)")
    assert four.endswith("'l2': st-1/cd-3 starts first; ...)")
