import pytest

from orchestrator.core.attempt.verdict import Verdict, VerdictKind
from orchestrator.core.journal.lease import Holder, Lease
from orchestrator.core.journal.packing import unpacked, unpacked_value
from orchestrator.core.journal.records import (
    PlanRow,
    RunRecords,
    header_data,
    held_of,
    lane_stops_of,
    lease_release,
    plan_rows,
    resolution,
)
from orchestrator.core.plan.approvers import Approved, Signature
from orchestrator.model import Reason, Record, Stop, StopReason
from tests.core.builders import key, manifest, reply


@pytest.mark.parametrize(
    ("attempts", "message"),
    [
        (1, "gave up after 1 attempt, which was not carried out: no connection"),
        (2, "gave up after 2 attempts, none of which was carried out: no connection"),
    ],
)
def test_a_campaign_given_up_on_says_after_how_many_attempts(attempts, message):
    record = RunRecords("demo", "r-1", lambda: 0.0).gave_up("st-1/cd-1", attempts, "lane", "no connection")

    assert record.data == {"message": message}


FACTS = ("by", "approved", "planned_by", "approvals", "version", "zones", "consoles")


def test_a_plans_rows_have_tags_only_where_there_are_some():
    made = RunRecords("demo", "r-1", lambda: 0.0)
    plain = PlanRow("acme", "st-1", "cd-1", "", "rest", "start", None, None, "")
    written = list(made.plan([plain, plain._replace(tags="canary east")]))

    assert list(unpacked(written)) == [
        ["acme", "st-1", "cd-1", "", "rest", "start", None, None, ""],
        ["acme", "st-1", "cd-1", "", "rest", "start", None, None, "", "canary east"],
    ]
    assert [row.tags for row in plan_rows(written)] == ["", "canary east"]


def test_a_header_has_what_reports_need_of_windows_and_links():
    written = manifest(
        {"campaign": "cd-1"},
        windows={"day": {"zones": ["America/New_York", "Europe/Berlin"], "hours": "09:00-17:00"},
                 "late": {"zones": ["Europe/Berlin"], "hours": "12:00-20:00"}},
        links={"console": "https://console.example.com/{account_id}/{campaign}"},
    )  # fmt: skip
    facts = {"source": "x.yaml", "sha256": "", "plan_sha256": "", "warnings": ()}
    approved = Approved("--yes", "ben", (Signature("plan.sig", ("cleo", "cl"), "SHA256:x"),), 12.0)
    data = header_data(written, **facts, by="ann", approved=approved, version="1.0")

    assert {key: data[key] for key in FACTS} == {
        "by": "ann", "approved": "--yes", "version": "1.0", "zones": ["America/New_York", "Europe/Berlin"],
        "planned_by": "ben", "approvals": [{"by": "cleo", "key": "SHA256:x", "at": 12.0}],
        "consoles": {"acme": "https://console.example.com/67777c/{campaign}",
                     "umbrella": "https://console.example.com/99999d/{campaign}"},
    }  # fmt: skip
    assert not set(FACTS) & set(header_data(manifest({"campaign": "cd-1"}), **facts))


MADE = RunRecords("demo", "r-1", lambda: 7.0)
LOST = Stop(StopReason.SIGINT, "SIGINT received")


def test_a_fleets_records_stand_under_its_run():
    stop = {"reason": "SIGINT", "detail": "SIGINT received"}

    assert MADE.lane_done(3, "rest", "acme", LOST, alone=True) == Record(
        "demo", "@r-1", 3, "lane", "r-1", 7.0, "", {"wave": "rest", "account": "acme", "stop": stop, "alone": True}
    )
    assert MADE.lane_done(3, "rest", "acme", None, alone=False).data["stop"] is None
    assert MADE.halt(LOST) == Record("demo", "@r-1", 0, "halt", "r-1", 7.0, "", {"stop": stop})


def test_a_fleets_manifest_is_read_back_as_it_was_written():
    rows = [{"version": 1}, {"campaign": "cd-1"}]
    first, *more = MADE.manifest(iter(rows))

    assert list(unpacked([first, *more])) == rows
    assert first == Record("demo", "@r-1", 0, "manifest", "r-1", 7.0, "", first.data)


def test_a_verdict_is_kept_with_what_was_answered():
    answer = reply(202, sent_at=5.5, elapsed=0.12345)
    made = MADE.verdict(key(), 2, "lane", answer, Verdict(VerdictKind.ACCEPTED, "it is so", "T"))
    data = {"event": "accepted", "message": "it is so", "http_status": 202, "sent_at": 5.5, "elapsed_ms": 123.5,
            "updated_at": "T"}  # fmt: skip

    assert made == Record("demo", "st-1/cd-1", 2, "verdict", "r-1", 7.0, "lane", data)


@pytest.mark.parametrize(
    ("evidence", "kind", "message"),
    [
        ("it is Active", "evidence", "it is Active"),
        (None, "no_evidence", "no evidence of a start was found; it may still have been carried out"),
    ],
)
def test_what_a_search_found_is_kept(evidence, kind, message):
    assert MADE.probed(key(), 2, "lane", evidence) == Record(
        "demo", "st-1/cd-1", 2, kind, "r-1", 7.0, "lane", {"message": message}
    )


def test_a_runs_header_and_its_end():
    waves = [{"name": "rest"}]
    held = {key(): (Reason.CHANGED, "it was edited")}
    ended = MADE.end(LOST, iter(waves), {"lane": {"calls": 3}}, held, {"acme": LOST})
    stop = {"reason": "SIGINT", "detail": "SIGINT received"}
    data = {"stop": stop, "lane_stops": {"acme": stop}, "budget": {"lane": {"calls": 3}}, "waves": waves}

    assert MADE.header({"host": "sandbox"}) == Record("demo", "@r-1", 0, "run", "r-1", 7.0, "", {"host": "sandbox"})
    assert ended == Record("demo", "@r-1", 0, "end", "r-1", 7.0, "", {**data, "held": ended.data["held"]})
    assert (held_of(ended), lane_stops_of(ended)) == ({key(): ("changed", "it was edited")}, {"acme": LOST})


def test_the_end_of_a_fleets_run_holds_nothing():
    ended = MADE.end(None, [], {}, None, {})

    assert ended.data == {"stop": None, "lane_stops": {}, "budget": {}, "waves": []}
    assert (held_of(ended), lane_stops_of(ended)) == ({}, {})


@pytest.mark.parametrize(("is_started", "event"), [(True, "resolved_started"), (False, "resolved_not_started")])
def test_what_a_person_found_out_is_kept_in_their_name(is_started, event):
    made = resolution("demo", key(), 2, "lane", is_started=is_started, by="ann", reason="seen", now=8.0)

    assert made == Record(
        "demo", "st-1/cd-1", 2, "resolve", "person:ann", 8.0, "lane",
        {"event": event, "message": "ann: seen", "by": "ann"},
    )  # fmt: skip


def test_a_released_lane_is_kept_with_its_holder():
    lease = Lease(Holder("r-9", "demo", "tower", 41), 3, 1.0, 2.0)
    holder = {"run_id": "r-9", "launch": "demo", "machine": "tower", "pid": 41}
    data = {"by": "ann", "reason": "it burned down", "holder": holder, "fence": 3}

    assert lease_release(4, "lane", lease, by="ann", reason="it burned down", now=8.0) == Record(
        "demo", "@lease", 4, "release", "person:ann", 8.0, "lane", data
    )


def test_a_campaign_given_up_on_is_kept_under_its_name():
    made = MADE.gave_up(key(), 2, "lane", "no connection")
    assert made == Record("demo", "st-1/cd-1", 2, "gave_up", "r-1", 7.0, "lane", made.data)


def test_a_header_has_the_facts_of_its_run():
    written = manifest({"campaign": "cd-1"}, accounts={"acme": {"account_id": "1", "rate": ["50/60s", "10/10s"]}})
    facts = {"source": "x.yaml", "sha256": "m", "plan_sha256": "p", "warnings": iter(["w"])}

    assert header_data(written, **facts, options=iter(["--select", "tag:x"]), environment="live") == {
        "manifest": "x.yaml", "environment": "live", "manifest_sha256": "m", "plan_sha256": "p", "host": "sandbox",
        "ledger": written.ledger, "warnings": ["w"], "options": ["--select", "tag:x"],
        "limits": {"acme": ["50/60s", "10/10s"]},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("by", "names"), [((), {}), (("ann@x", "ann"), {"by": "ann@x", "planned_by": ["ann@x", "ann"]})]
)
def test_a_plan_is_kept_with_who_made_it(by, names):
    made = MADE.planned(3, "p", {"host": "sandbox"}, by)

    assert unpacked_value(made, "identity") == {"host": "sandbox"}
    assert made == Record(
        "demo", "@plan", 3, "planned", "r-1", 7.0, "",
        {"plan_sha256": "p", "identity": made.data["identity"], **names},
    )  # fmt: skip


@pytest.mark.parametrize(("recipients", "known"), [(None, {}), (0, {"recipients": 0}), (90, {"recipients": 90})])
def test_an_intent_is_kept_with_what_was_seen_before(recipients, known):
    seen = {"status": "Ready"}
    made = MADE.intent(key(), 2, "lane", deadline=37.0, baseline=seen, recipients=recipients)

    assert made == Record(
        "demo", "st-1/cd-1", 2, "intent", "r-1", 7.0, "lane", {"deadline": 37.0, "baseline": seen, **known}
    )


def test_a_long_plan_is_kept_in_numbered_records():
    row = PlanRow("acme", "st-1", "", "", "rest", "start", None, None, "")
    made = list(MADE.plan(row._replace(campaign=f"cd-{n}") for n in range(1001)))

    assert made == [Record("demo", "@r-1", n, "plan", "r-1", 7.0, "", one.data) for n, one in enumerate(made)]
    assert len(made) == 2
    assert [row.campaign for row in plan_rows(made)] == [f"cd-{n}" for n in range(1001)]


def test_a_stop_is_kept_with_who_asked_and_what_came_of_it():
    asked = MADE.stop_intent(key(), 2, "lane", by="ann", reason="wrong list")
    came = MADE.stop_reply(key(), 2, "lane", event="stopped", message="Stopped")

    assert asked == Record(
        "demo", "st-1/cd-1", 2, "stop_intent", "r-1", 7.0, "lane", {"by": "ann", "reason": "wrong list"}
    )
    assert came == Record(
        "demo", "st-1/cd-1", 2, "stop_reply", "r-1", 7.0, "lane", {"event": "stopped", "message": "Stopped"}
    )
