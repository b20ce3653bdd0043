"""How plans and runs differ, over the documents that the commands write."""

import pytest

from orchestrator.console.diff import markdown, text
from orchestrator.core.content import digest
from orchestrator.core.diff import Change, compare, of_plan, of_result
from tests.core.builders import key, manifest, planned, ready

NONCE, TWO = "00" * 16, ({"campaign": "cd-1", "name": "One"}, {"campaign": "cd-2", "name": "Two"})


def plan(*campaigns, live=None, nonce=NONCE, title="plan.json", **changes):
    parsed = manifest(*(campaigns or TWO), **changes)
    made = planned(parsed, live=live or {c.key: ready(content=digest({"message": "a"})) for c in parsed.campaigns},
                   nonce=nonce)  # fmt: skip
    return of_plan(title, {"identity": made.identity, "campaigns": [e.as_row()._asdict() for e in made.entries]})


def run(outcomes=("started", "started"), *, seconds=60, **facts):
    rows = [
        {"account": "acme", "stream": "st-1", "campaign": f"cd-{n}", "name": ("One", "Two")[n - 1], "wave": "rest",
         "outcome": outcome, "reason": {"started": "accepted"}.get(outcome, "rejected"), "message": "so it is",
         "http_status": 200 if outcome == "started" else 400, "tags": ""}
        for n, outcome in enumerate(outcomes, 1)
    ]  # fmt: skip
    end = f"2026-01-01T00:{seconds // 60:02}:{seconds % 60:02}.000Z"
    told = {"run_id": "r-1", "launch": "spring", "host": "sandbox", "manifest_sha256": "0" * 64, "exit_code": 0,
            "started_at": "2026-01-01T00:00:00.000Z", "finished_at": end, **facts}  # fmt: skip
    totals = {"started": outcomes.count("started"), "failed": outcomes.count("failed"), "held": 0}
    return of_result("spring@r-1", {"run": told, "totals": totals, "campaigns": rows})


def test_a_plan_that_covers_no_text_is_no_equal_one():
    """A run of it is refused, so `diff` may not say that nothing differs."""
    sized = digest({"message": "a", "list sizes": []})
    bare = plan(live={key("cd-1"): ready(), key("cd-2"): ready(content=digest({"message": "a"}))})
    now = plan(live={key("cd-1"): ready(content=sized), key("cd-2"): ready(content=sized)})
    there, back = compare(bare, now), compare(plan(), bare)

    assert there.changed == {key("cd-1"): (Change("content: message", None, "read"),)}
    assert back.changed == {key("cd-1"): (Change("content: message", "as planned", None),)}
    assert "~ One (st-1/cd-1): message read on one side only\n" in text(there)


def test_foreign_text_in_markdown_stands_in_code_spans():
    """Elsewhere a name could notify people, load a picture or end its cell."""
    evil = "x|y \\| `@team` [l](http://e) <img src=x>"
    before, after = plan(), plan({"campaign": "cd-1", "name": evil}, {"campaign": "cd-2", "name": "n" * 400})
    row_1, row_2 = markdown(compare(before, after)).splitlines()[-4:-2]
    facts = markdown(compare(run(by="ann"), run(by="@team"))).splitlines()[2]

    assert row_1 == (
        "| changed | ``x¦y \\¦ `@team` [l](http://e) <img src=x> (st-1/cd-1)`` "
        "| ``name: One -> x¦y \\¦ `@team` [l](http://e) <img src=x>`` |"
    )
    assert row_2.endswith("…` |")
    assert facts == "- `ran by: ann -> @team`"


def test_a_long_name_hides_no_other_change():
    edited = digest({"message": "b"})
    now = plan({"campaign": "cd-1", "name": "n" * 400}, TWO[1], live={key("cd-1"): ready(content=edited)})

    assert "…`; `message edited on the platform` |" in markdown(compare(plan(), now))


@pytest.mark.parametrize("side", [plan, run])
def test_a_side_is_equal_to_itself(side):
    found = compare(side(), side())
    assert found.is_equal
    assert (found.facts, found.added, found.gone, found.changed) == ((), (), (), {})


def test_campaigns_that_are_new_gone_or_reordered_are_told():
    found = compare(plan(*TWO, {"campaign": "cd-3"}), plan({"campaign": "cd-4"}, *reversed(TWO)))
    assert (found.added, found.gone, found.is_reordered) == ((key("cd-4"),), (key("cd-3"),), True)
    assert not found.is_equal


@pytest.mark.parametrize(
    ("edit", "change"),
    [
        ({"name": "New"}, Change("name", "One", "New")),
        ({"tags": ["canary"]}, Change("tags", None, "canary")),
        ({"account": "umbrella"}, Change("account", "acme", "umbrella")),
        ({"iid": "st-9"}, Change("iid", "st-1", "st-9")),
        ({"type": "voice"}, Change("type", "sms", "voice")),
        ({"enabled": False}, Change("action", "start", "skip")),
    ],
)
def test_each_field_of_a_planned_campaign_is_told(edit, change):
    found = compare(plan(), plan({**TWO[0], **edit}, TWO[1]))
    assert change in found.changed[key("cd-1")]
    assert key("cd-2") not in found.changed


def test_what_would_be_sent_is_compared_under_one_nonce_alone():
    edited = {
        key("cd-1"): ready(content=digest({"message": "b"})),
        key("cd-2"): ready(content=digest({"message": "a"})),
    }
    same, other = compare(plan(), plan(live=edited)), compare(plan(), plan(live=edited, nonce="11" * 16))
    assert same.changed == {key("cd-1"): (Change("content: message", "as planned", "edited"),)}
    assert (same.is_content_compared, other.is_content_compared) == (True, False)
    assert other.is_equal


def test_outcomes_of_two_runs_are_told_and_their_durations():
    found = compare(run(), run(("started", "failed"), seconds=90, exit_code=10))
    assert found.changed == {
        key("cd-2"): (Change("outcome", "started", "failed"), Change("reason", "accepted", "rejected"),
                      Change("http_status", "200", "400"))
    }  # fmt: skip
    assert found.facts == (Change("exit_code", "0", "10"),)
    assert (found.before.seconds, found.after.seconds) == (60.0, 90.0)


def test_how_long_it_took_makes_no_difference_alone():
    assert compare(run(), run(seconds=600)).is_equal


def test_a_plan_is_met_by_the_run_that_started_what_it_names():
    assert compare(plan(), run(exit_code=10, version="0.2")).is_equal
    failed = compare(plan(), run(("failed", "started")))
    assert failed.changed == {key("cd-1"): (Change("outcome", "started", "failed"),)}
    moved = compare(plan(), run(manifest_sha256="1" * 64))
    assert moved.facts == (Change("manifest_sha256", "0" * 64, "1" * 64),)


def test_a_run_that_has_not_ended_has_no_duration():
    assert run(finished_at=None).seconds is None


def test_a_side_has_the_texts_and_counts_of_its_document():
    side = run(("started", "failed"))

    assert (side.title, side.kind, side.totals) == ("spring@r-1", "run", {"started": 1, "failed": 1})
    assert side.campaigns[key("cd-1")]["message"] == "so it is"
    assert (plan().title, plan().kind, plan().totals) == ("plan.json", "plan", {"start": 2})


def test_a_planned_outcome_is_compared_with_its_reason():
    live = {key("cd-1"): ready(status="Draft"), key("cd-2"): ready()}
    found = compare(plan(), plan(live=live, nonce=""))

    assert found.changed == {
        key("cd-1"): (Change("action", "start", "skip"), Change("outcome", None, "skipped"),
                      Change("reason", None, "not_startable"))
    }  # fmt: skip
    assert "Draft" in found.after.campaigns[key("cd-1")]["message"]
    assert found.after.totals == {"skip": 1, "start": 1}
    # A run that skipped it, too, did what the plan said.
    assert compare(found.after, run(("skipped", "started"))).is_equal


def test_only_campaigns_of_both_sides_can_be_reordered():
    three = (*TWO, {"campaign": "cd-3"})
    assert not compare(plan(*TWO), plan({"campaign": "cd-0"}, *TWO)).is_reordered
    assert compare(plan(*three), plan(TWO[1], TWO[0])).is_reordered


def test_a_plan_of_an_earlier_version_has_no_nonce():
    document = {"identity": {"starts": []}, "campaigns": []}
    assert of_plan("old", document).nonce == ""
    assert not compare(of_plan("old", document), of_plan("old", document)).is_content_compared
