import pytest

from orchestrator.core.attempt.verdict import ReadKind, classify_stop
from orchestrator.core.journal.states import State
from orchestrator.core.plan.stop_plan import Stopped, StopPlan, plan_stops, stops
from orchestrator.model import Fault, Progress
from tests.core.builders import LANE, history, key, manifest, record, reply

PARSED = manifest(*({"campaign": f"cd-{n}"} for n in range(1, 9)))


def planned(histories, stopped=None):
    return plan_stops(PARSED, {key(name): one for name, one in histories.items()}, stopped or {})


def started(lane=LANE):
    return history(State.STARTED, lane=lane)


def test_exactly_what_was_started_is_stopped():
    states = {f"cd-{n}": history(state, lane=LANE) for n, state in enumerate(State)}
    found = planned(states)
    assert [job.target.key for job in found.jobs] == [f"st-1/cd-{list(State).index(State.STARTED)}"]
    assert len(found.maybe) == 3
    assert found.jobs[0].number == 1


def test_campaigns_the_manifest_cannot_address_are_not_guessed():
    found = planned({"cd-1": started(), "cd-99": started(), "cd-2": started("sandbox other")})
    assert [job.target.key for job in found.jobs] == ["st-1/cd-1"]
    assert found.unaddressed == {
        key("cd-99"): "the manifest no longer names it",
        key("cd-2"): "the manifest has it under another account now",
    }


def test_a_confirmed_stop_is_not_resent_and_the_next_is_numbered():
    before = {key("cd-1"): Stopped(1, is_confirmed=True), key("cd-2"): Stopped(3)}
    found = planned({"cd-1": started(), "cd-2": started()}, before)
    assert found.before == ("st-1/cd-1",)
    assert [(job.target.key, job.number) for job in found.jobs] == [("st-1/cd-2", 4)]


def test_a_launch_that_started_nothing_has_nothing_to_stop():
    assert planned({}) == StopPlan((), {}, (), ())


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([("stop_intent", {})], Stopped(1, message="no answer is known")),
        ([("stop_intent", {}), ("stop_reply", {"event": "stopped", "message": "m"})], Stopped(1, True, "m")),  # noqa: FBT003
        ([("stop_intent", {}), ("stop_reply", {"event": "not_stopped", "message": "m"})], Stopped(1, message="m")),
        (
            [("stop_intent", {}), ("late_stop_reply", {"event": "stopped", "message": ""})],
            Stopped(1, is_confirmed=True),
        ),
        ([("intent", {}), ("verdict", {"event": "accepted"})], None),
    ],
)
def test_the_journal_says_what_became_of_a_stop(lines, expected):
    assert stops(record(kind, **data) for kind, data in lines).get(key()) == expected


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (reply(200, {"status": "Stopped"}), ReadKind.OK),
        (reply(200, {"status": "STOPPED"}), ReadKind.OK),
        (reply(200, {"status": "success"}), ReadKind.REFUSED),
        (reply(200, {"status": "Active"}), ReadKind.REFUSED),
        (reply(200, {}), ReadKind.REFUSED),
        (reply(300, {"status": "Stopped"}), ReadKind.REFUSED),
        (reply(200, text="<html>"), ReadKind.RETRY),
        (reply(400, {"status": "Stopped"}), ReadKind.REFUSED),
        (reply(401), ReadKind.UNAUTHORIZED),
        (reply(429), ReadKind.LIMITED),
        (reply(500), ReadKind.RETRY),
        (Fault(Progress.SENDING, "timeout", 1.0, 1.0), ReadKind.RETRY),
    ],
)
def test_only_a_reply_that_says_stopped_confirms_a_stop(answer, kind):
    assert classify_stop(answer) is kind
