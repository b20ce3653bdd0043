import pytest

from orchestrator.core.delivery.readings import Reading, Round, record_of
from orchestrator.core.journal.control import OPEN, ControlCommand, command_record
from orchestrator.core.journal.lease import Holder, Lease
from orchestrator.core.journal.records import PlanRow, RunRecords, header_data, lease_release, resolution
from orchestrator.core.journal.states import Event
from orchestrator.core.result.narrative import _ANSWERS, decisions, history, sent, story
from orchestrator.model import Stop, StopReason
from tests.core.builders import LANE, LAUNCH, key, manifest, moved, record

RECORDS = RunRecords(LAUNCH, "r-1", lambda: 100.0)


def header(run="r-1", **more):
    data = header_data(
        manifest({"campaign": "cd-1"}),
        source="launch.yaml",
        sha256="0" * 64,
        plan_sha256="abcdef0123456789",
        warnings=(),
    )
    return RunRecords(LAUNCH, run, lambda: 100.0).header({**data, **more})


def end(run="r-1", stop=None, held=None):
    return RunRecords(LAUNCH, run, lambda: 100.0).end(stop, [], {}, held, {})


def row(action, message=""):
    return PlanRow("acme", "st-1", "cd-1", "", "rest", action, None, None, message)


def paused():
    return command_record(OPEN, LAUNCH, ControlCommand.PAUSE, "ann", "carrier is down", now=100.0, is_running=True)


def released():
    lease = Lease(Holder("r-9", LAUNCH, "burned-down", 4711), 3, 0.0, ())
    return lease_release(1, LANE, lease, by="ann", reason="it burned down", now=100.0)


def resolved(*, is_started):
    return resolution(LAUNCH, key(), 1, LANE, is_started=is_started, by="ann", reason="seen in it", now=100.0)


@pytest.mark.parametrize(
    ("records", "told"),
    [
        ([header()], [("run r-1 began: plan abcdef012345, manifest launch.yaml, host sandbox", "", "")]),
        ([header(environment="live")],
         [("run r-1 began: plan abcdef012345, manifest launch.yaml, host sandbox in environment live", "", "")]),
        ([header(by="ann", approved="--yes")],
         [("run r-1 began: plan abcdef012345, manifest launch.yaml, host sandbox, approved: --yes", "ann", "")]),
        ([header(by="ann", planned_by="ben", approved="--yes")],
         [("run r-1 began: plan abcdef012345, manifest launch.yaml, host sandbox, planned by ben, approved: --yes",
           "ann", "")]),
        ([RECORDS.planned(1, "abcdef0123456789", {}, ["ben"])],
         [("plan abcdef012345 was made, and may be approved", "ben", "")]),
        ([record("resolve", event="resolved_started", message="ann: seen: in it")],
         [("st-1/cd-1: a person recorded that it was started", "ann", "seen: in it")]),
        ([record("stop_intent")], [("stop-started asked for 1 campaign to stop", "", "")]),
        ([record("pause", campaign="@launch")], [("the launch was paused", "", "")]),
        ([end()], [("run r-1 ended", "", "")]),
        ([end(stop=Stop(StopReason.SIGINT, "Ctrl-C"))], [("run r-1 stopped early: Ctrl-C", "", "")]),
        ([RECORDS.planned(1, "abcdef0123456789", {})],
         [("plan abcdef012345 was made, and may be approved", "", "")]),
        ([paused()], [("the launch was paused", "ann", "carrier is down")]),
        ([resolved(is_started=True)], [("st-1/cd-1: a person recorded that it was started", "ann", "seen in it")]),
        ([released()],
         [("account 67777c was released from run r-9 on burned-down (process 4711)", "ann", "it burned down")]),
        ([RECORDS.stop_intent(key(), 1, LANE, by="ann", reason="wrong list"),
          RECORDS.stop_intent(key("cd-2"), 1, LANE, by="ann", reason="wrong list")],
         [("stop-started asked for 2 campaigns to stop", "ann", "wrong list")]),
        ([header("r-1-lane", part_of="r-1"), end("r-1-lane"), end()], [("run r-1 ended", "", "")]),
        ([moved(Event.ACCEPTED)], []),
    ],
)  # fmt: skip
def test_a_launch_is_told_in_sentences(records, told):
    assert [tuple(one) for one in history(records)] == [(100.0, *words) for words in told]


ACCEPTED = "attempt 1: the platform started it; HTTP 200; sent 00:01:40.500; took 250 ms"


@pytest.mark.parametrize(
    ("told_of", "told"),
    [
        (record("stop_intent"), ("stop 1 was about to be sent", "", "")),
        (record("gave_up"), ("attempt 1: ", "", "")),
        (record("intent", deadline=105.25), ("attempt 1 of run r-1 may be sent until 00:01:45.250", "", "")),
        (moved(Event.ACCEPTED, http_status=200, sent_at=100.5, elapsed_ms=250.0, message="Started"),
         (ACCEPTED, "", "Started")),
        (moved(Event.NOT_SENT, message="no connection"), ("attempt 1: the call was not sent", "", "no connection")),
        (moved(Event.NO_EVIDENCE, message="nothing was found"), ("attempt 1: nothing was found", "", "")),
        (resolved(is_started=False),
         ("st-1/cd-1: a person recorded that it was not started", "ann", "seen in it")),
        (record("late_verdict", event="accepted", message="Started"),
         ("attempt 1: the platform started it (recorded late: the run had lost the account)", "", "Started")),
        (RECORDS.stop_intent(key(), 2, LANE, by="ann", reason="x"), ("stop 2 was about to be sent", "ann", "x")),
        (RECORDS.stop_reply(key(), 2, LANE, event="stopped", message="Stopped"), ("stop 2 stopped it", "", "Stopped")),
        (RECORDS.stop_reply(key(), 2, LANE, event="not_stopped", message="no"),
         ("stop 2 is not known to have stopped it", "", "no")),
    ],
)  # fmt: skip
def test_a_campaign_is_told_in_sentences(told_of, told):
    assert [tuple(one) for one in story([told_of])] == [(100.0, *told)]


@pytest.mark.parametrize("event", Event)
def test_every_event_has_a_sentence(event):
    (told,) = story([moved(event, deadline=100.0, message="words")])

    assert event in _ANSWERS or "words" in told.what or event is Event.INTENT
    assert event not in _ANSWERS or _ANSWERS[event] in told.what


def test_what_runs_decided_is_told_of_one_campaign_alone():
    plan = RECORDS.plan([row("skip", "it is already Active"), row("start")._replace(campaign="cd-2")])
    later = RunRecords(LAUNCH, "r-2", lambda: 200.0).plan([row("start")])
    held = end("r-2", held={key(): ("window", "its window is closed")})

    assert [(one.at, one.what) for one in decisions([*plan, *later, held], key())] == [
        (100.0, "the plan of run r-1 leaves it out: it is already Active"),
        (200.0, "the plan of run r-2 is to start it"),
        (100.0, "run r-2 held it back: its window is closed"),
    ]


# What was read after the starts.


def rounds_of(*readings, run="f-1"):
    return [
        record_of(
            Round("acme", at, readings=[Reading("st-1/cd-1", at, *rest)] if rest else []), LAUNCH, run, number, at
        )
        for number, (at, *rest) in enumerate(readings, start=1)
    ]


def test_the_rounds_of_one_follower_are_one_thing_that_happened():
    told = list(history(rounds_of((100.0, "Active", 5, "i1"), (160.0,), (220.0,))))

    assert [(one.at, one.what) for one in told] == [
        (100.0, "run f-1 read what had been sent (3 rounds until 00:03:40)")
    ]


def test_a_story_has_each_new_state_and_the_last_reading():
    states = [("Active", 5), ("Active", 9), ("Paused", 12), ("Active", 12), ("Active", 80)]
    readings = [(float(at), status, count, "i1") for at, (status, count) in enumerate(states)]
    told = [one.what for one in sent(rounds_of(*readings), "st-1/cd-1")]

    assert told == [
        "the platform lists it as Active, with 5 messages sent",
        "the platform lists it as Paused, with 12 messages sent",
        "the platform lists it as Active, with 12 messages sent",
        "the platform lists it as Active, with 80 messages sent",
    ]
    assert [one.what for one in sent(rounds_of((1.0, None, None, None)), "st-1/cd-1")] == [
        "the platform no longer lists it"
    ]
    assert list(sent(rounds_of((1.0, "Active", 5, "i1")), "st-1/cd-2")) == []


def test_a_reading_is_told_with_its_time_and_no_invented_count():
    rows = rounds_of((1.0, "Active", None, None), (2.0, None, None, None))

    assert [(one.at, one.what) for one in sent(rows, "st-1/cd-1")] == [
        (1.0, "the platform lists it as Active"), (2.0, "the platform no longer lists it"),
    ]  # fmt: skip


@pytest.mark.parametrize(("facts", "words"), [({"sent_at": 100.5}, "; sent 00:01:40.500"), ({"elapsed_ms": 250.0}, "")])
def test_how_long_a_call_took_is_told_where_it_was_sent(facts, words):
    (told,) = story([moved(Event.ACCEPTED, **facts)])
    assert told.what == f"attempt 1: the platform started it{words}"
