"""Who a plan would text: sizes of contact lists, what is wrong with them, and caps (kore-api.md section 1.7b)."""

from dataclasses import replace

import pytest

from orchestrator.core.audience import Audience
from orchestrator.core.content import digest, merged
from orchestrator.core.manifest.parse import parse
from orchestrator.core.plan import plan as plans
from orchestrator.core.plan import plan_hash, recipients
from orchestrator.core.plan.recipients import ReadLists
from orchestrator.core.plan.selection import Selection
from orchestrator.errors import Refused
from orchestrator.model import ContactList, LiveState, Reason

VIP = ContactList("cl-1", "VIP", 1200, "Ready")
REST = ContactList("cl-2", "Rest", 300, "Validated")
EMPTY = ContactList("cl-3", "Empty", 0, "Ready")
FEED = ContactList("cl-4", "Feed", None, "Ready", source="passiveApi")
BAD = ContactList("cl-5", "Bad", 7, "Invalid")
LATE = ContactList("cl-6", "Late", 7, "Validating")
ODD = ContactList("cl-7", "Odd", 7, "")
ALL = (VIP, REST, EMPTY, FEED, BAD, LATE, ODD)


def manifest_of(count, **changes):
    campaigns = [{"stream": "st", "campaign": f"c{n}", "name": f"Name {n}"} for n in range(count)]
    raw = {
        "version": 1, "launch": "spring", "host": "sandbox", "defaults": {"account": "acme"},
        "accounts": {"acme": {"account_id": "a1"}, "beta": {"account_id": "b1"}}, "campaigns": campaigns, **changes,
    }  # fmt: skip
    manifest, issues = parse(raw)
    assert manifest is not None, issues
    return manifest


def planned(*lists, names=(), read=ALL, failures=None, states=(), nonce="", content=b"", **changes):
    """A plan of one campaign for each tuple of list names in `lists`."""
    manifest = manifest_of(len(lists), **changes)
    live = {
        one.key: LiveState(status, name or one.name, contact_lists=tuple(own), content=content)
        for one, own, name, status in zip(
            manifest.campaigns, lists, [*names, *[""] * len(lists)], [*states, *["Ready"] * len(lists)], strict=False
        )
    }
    plan = plans.build(manifest, {}, live, Selection(), manifest_sha256="0" * 64, nonce=nonce)
    lane = plans.lane_of(manifest, "acme")
    streams = {} if read is None else {(lane, "st"): tuple(read)}
    return recipients.counted(plan, ReadLists(streams, failures or {}), manifest), manifest


def counts(plan):
    return [entry.recipients for entry in plan.entries]


@pytest.mark.parametrize(
    ("names", "count"),
    [
        (["VIP"], 1200), (["VIP", "Rest"], 1500), (["VIP", "VIP"], 1200), (["VIP", "cl-1"], 1200), (["cl-2"], 300),
        (["Empty"], 0), (["VIP", "Empty"], 1200), (["Feed"], None), (["VIP", "Feed"], None), (["Gone"], None),
        (["VIP", "Gone"], None), ([], None),
    ],
)  # fmt: skip
def test_recipients_are_the_sum_over_each_list_once(names, count):
    plan, _ = planned(names)
    assert counts(plan) == [count]


def test_a_campaign_without_names_has_the_lists_that_name_it():
    plan, _ = planned([], [], read=[replace(VIP, used_by=("c0",)), replace(REST, used_by=("c0",))])
    assert counts(plan) == [1500, None]


def test_of_two_lists_of_one_name_the_one_that_names_it_counts():
    twins = [replace(VIP, used_by=("c0",)), replace(VIP, id="cl-9", records=5)]
    assert counts(planned(["VIP"], read=twins)[0]) == [1200]


@pytest.mark.parametrize("used_by", [(), ("c0",)])
def test_of_two_lists_of_one_name_nobody_knows_which(used_by):
    twins = [replace(VIP, used_by=used_by), replace(VIP, id="cl-9", records=5, used_by=used_by)]
    plan, _ = planned(["VIP"], read=twins)
    assert (counts(plan), plan.warnings) == ([None], ())


def test_sizes_are_covered_with_the_rest_of_what_is_sent():
    """Under the plan's nonce; a plan without one keeps its hash."""
    seen = digest({"message": "a"})
    plan, _ = planned(["VIP"], nonce="00" * 16, content=seen)
    before, _ = planned(["VIP"], read=None, nonce="00" * 16, content=seen)

    sizes = digest({"list sizes": [["cl-1", "VIP", 1200]]})
    assert plan.entries[0].live.content == merged(seen, sizes)
    assert plan.sha256 == plan_hash.sha256(plan.identity) != before.sha256
    assert planned(["VIP"])[0].sha256 == planned(["VIP"], read=None)[0].sha256
    assert list(plan.lists.values()) == [ALL]


def test_what_is_not_started_has_no_recipients():
    plan, _ = planned(["VIP"], ["VIP"], states=["Active", "Ready"])
    assert counts(plan) == [None, 1200]
    assert recipients.audience(plan) == {"acme": Audience(1200, 0)}


def test_the_hash_of_a_plan_does_not_depend_on_them():
    assert planned(["VIP"])[0].sha256 == planned(["VIP"], read=None)[0].sha256


@pytest.mark.parametrize(
    ("now", "is_changed"),
    [
        (ALL, False), (tuple(reversed(ALL)), False), ((VIP, REST), False),
        ((replace(VIP, status="Validated"),), False),
        ((replace(VIP, records=1201),), True), ((replace(VIP, records=None),), True),
        ((replace(VIP, id="cl-9"),), True),
        ((REST,), True), (None, True),
    ],
)  # fmt: skip
def test_a_list_that_grew_is_not_the_one_that_was_approved(now, is_changed):
    """A size that cannot be read again may be any."""
    nonce = "00" * 16
    before, after = planned(["VIP"], nonce=nonce)[0], planned(["VIP"], read=now, nonce=nonce)[0]
    assert before.sha256 == plan_hash.sha256(before.identity)
    assert (before.sha256 != after.sha256) is is_changed
    changes = plan_hash.content_changes(before.identity, after.identity)
    assert changes == ({"st/c0": ("list sizes",)} if is_changed else {})


def test_lists_that_cannot_be_read_are_one_warning():
    plan, manifest = planned(["VIP"], ["Rest"], read=None, failures={"acme": "HTTP 404"})
    assert plan.warnings == (
        "account acme: its contact lists could not be read (HTTP 404), so the recipients of 2 campaigns are unknown",
    )
    recipients.check(plan, manifest)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Empty", "1 contact list is empty: 'Empty' of st"),
        ("Bad", "1 contact list is in state 'Invalid', not Ready or Validated: 'Bad' of st"),
        ("Late", "1 contact list is in state 'Validating', not Ready or Validated: 'Late' of st"),
        ("Odd", "1 contact list is in state '', not Ready or Validated: 'Odd' of st"),
        ("Gone", "1 contact list is not among the contact lists of its stream: 'Gone' of st/c0"),
    ],
)
def test_a_list_that_should_not_be_texted_is_a_warning(name, words):
    plan, manifest = planned([name])
    assert plan.warnings == (words,)
    recipients.check(plan, manifest)


@pytest.mark.parametrize("name", ["VIP", "Rest", "Feed"])
def test_a_good_or_api_fed_list_is_no_warning(name):
    assert planned([name])[0].warnings == ()


def test_lists_refuse_names_every_faulty_list():
    read = [replace(EMPTY, id=f"cl-{n}", name=f"E{n}") for n in range(5)]
    lists = [[f"E{n}"] for n in range(5)]
    plan, manifest = planned(*lists, ["Gone"], read=read, preflight={"lists": "refuse"})
    with pytest.raises(Refused) as refused:
        recipients.check(plan, manifest)
    assert refused.value.message == (
        "5 contact lists are empty: 'E0' of st, 'E1' of st, 'E2' of st, 'E3' of st, 'E4' of st; "
        "1 contact list is not among the contact lists of its stream: 'Gone' of st/c5 (preflight.lists: refuse)"
    )
    assert refused.value.next_step == "correct them, or use --exclude"
    assert plan.warnings == ()


def test_of_many_faulty_lists_a_warning_names_three():
    read = [replace(EMPTY, id=f"cl-{n}", name=f"E{n}") for n in range(5)]
    plan, _ = planned(*[[f"E{n}"] for n in range(5)], read=read)
    assert plan.warnings == ("5 contact lists are empty: 'E0' of st, 'E1' of st, 'E2' of st and 2 more",)


NAMES = ["Name 0", "Spring NE", " Name  2 "]
OTHER = "1 campaign has another name on the platform: st/c1 is 'Spring NE' there, not 'Name 1'"


def test_another_name_on_the_platform_is_one_warning():
    plan, manifest = planned(["VIP"], ["Rest"], ["Feed"], names=NAMES)
    assert OTHER in plan.warnings
    recipients.check(plan, manifest)


def test_many_other_names_are_shortened():
    lists = [[f"L{n}"] for n in range(5)]
    plan, _ = planned(*lists, names=["x y", *[f"N{n}" for n in range(1, 5)]], read=None)
    shown = ", ".join(f"st/c{n} is {name!r} there, not 'Name {n}'" for n, name in enumerate(["x y", "N1", "N2"]))
    assert plan.warnings == (f"5 campaigns have another name on the platform: {shown} and 2 more",)


def test_a_name_that_only_one_side_has_is_no_other_name():
    campaigns = [{"stream": "st", "campaign": "c0"}]
    assert planned(["VIP"], names=["Spring NE"], campaigns=campaigns)[0].warnings == ()


def test_names_match_refuses_another_name():
    plan, manifest = planned(["VIP"], ["Rest"], ["Feed"], names=NAMES, preflight={"names": "match"})
    assert OTHER not in plan.warnings
    with pytest.raises(Refused, match=r"preflight\.names: match") as refused:
        recipients.check(plan, manifest)
    assert refused.value.message == f"{OTHER} (preflight.names: match)"


def test_all_that_refuses_a_plan_is_named_at_once():
    rules = {"preflight": {"lists": "refuse", "names": "match"}, "limits": {"max_recipients": 1}}
    plan, manifest = planned(["Gone"], ["Rest"], ["Feed"], names=NAMES, **rules)
    with pytest.raises(Refused) as refused:
        recipients.check(plan, manifest)
    message = refused.value.message
    assert all(part in message for part in ("preflight.lists: refuse", "preflight.names: match", "max_recipients"))


def test_an_account_that_starts_nothing_may_have_unread_lists():
    plan, _ = planned(["VIP"], failures={"beta": "HTTP 500"})
    assert plan.warnings == (
        "account beta: its contact lists could not be read (HTTP 500), so the recipients of 0 campaigns are unknown",
    )


def test_accents_written_in_two_ways_are_one_name():
    campaigns = [{"stream": "st", "campaign": "c0", "name": "Fr\u00fchling"}]
    plan, _ = planned(["VIP"], names=["Fru\u0308hling"], campaigns=campaigns)
    assert plan.warnings == ()


@pytest.mark.parametrize(
    ("cap", "flag", "name"),
    [
        (1499, None, "limits.max_recipients"), (None, 1499, "--max-recipients"), (1500, 100, "--max-recipients"),
        (1499, 9999, "limits.max_recipients"),
    ],
)  # fmt: skip
def test_more_recipients_than_the_tighter_cap_are_refused(cap, flag, name):
    plan, manifest = planned(["VIP"], ["Rest"], limits={} if cap is None else {"max_recipients": cap})
    with pytest.raises(Refused) as refused:
        recipients.check(plan, manifest, flag)
    least = min(one for one in (cap, flag) if one is not None)
    assert refused.value.message == f"the plan has 1,500 recipients, {name} allows {least:,}"
    assert refused.value.next_step == f"raise {name}, or use --select"


@pytest.mark.parametrize(("cap", "flag"), [(1500, None), (None, 1500), (1500, 1500), (None, None)])
def test_as_many_recipients_as_the_cap_are_fine(cap, flag):
    plan, manifest = planned(["VIP"], ["Rest"], limits={} if cap is None else {"max_recipients": cap})
    recipients.check(plan, manifest, flag)


def test_a_cap_that_cannot_be_checked_refuses():
    plan, manifest = planned(["VIP"], ["Feed"], [], limits={"max_recipients": 10_000})
    with pytest.raises(Refused) as refused:
        recipients.check(plan, manifest)
    assert refused.value.message == (
        "the recipients of 2 campaigns are unknown (st/c1, st/c2), so limits.max_recipients cannot be checked"
    )
    assert refused.value.next_step == "leave them out with --exclude, or take limits.max_recipients out"


def test_the_lists_that_starts_need_are_asked_for_by_stream():
    parsed = manifest_of(4)
    live = {one.key: LiveState(status, contact_lists=lists) for one, status, lists in zip(
        parsed.campaigns, ["Ready", "Ready", "Active", "Ready"], [("VIP",), ("Rest", "VIP"), ("Late",), ()], strict=True
    )}  # fmt: skip
    made = plans.build(parsed, {}, live, Selection(), manifest_sha256="")
    target = made.entries[0].target

    assert recipients.lists_needed(made.entries) == {(target.lane, "st"): (target, {"VIP", "Rest"})}
    # One that waits for a list may start later, and needs it then.
    met = replace(made.entries[2], decision=replace(made.entries[2].decision, reason=Reason.SHARED_LIST))
    assert recipients.lists_needed([met]) == {(target.lane, "st"): (met.target, {"Late"})}
    assert recipients.lists_needed([replace(made.entries[0], live=None)]) == {}
