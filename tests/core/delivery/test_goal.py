import pytest

from orchestrator.core.delivery.goal import Followed, Goal
from orchestrator.core.exit_codes import ExitCode, worst
from orchestrator.model import Stop, StopReason
from tests.core.delivery.builders import KEY, delivery, reading, round_at


def found(status="Active", sent=0, recipients=None):
    return delivery(round_at(0, reading(1, status, sent)), recipients={KEY: recipients})


@pytest.mark.parametrize(
    ("text", "share"), [("completed", None), ("sent:95%", 0.95), ("sent:0.5%", 0.005), ("sent:100%", 1.0)]
)
def test_a_goal_is_read_and_written(text, share):
    assert Goal.parse(text).share == pytest.approx(share)
    assert str(Goal.parse(text)) == text


@pytest.mark.parametrize("text", ["", "sent", "sent:95", "sent:0%", "sent:101%", "sent:-5%", "Completed", "sent: 95%"])
def test_anything_else_is_no_goal(text):
    with pytest.raises(ValueError, match="neither completed nor a share"):
        Goal.parse(text)


@pytest.mark.parametrize(
    ("delivered", "completed", "sent"),
    [
        (None, False, False),
        (found(sent=94, recipients=100), False, False),
        (found(sent=95, recipients=100), False, True),
        (found(sent=10_000), False, False),  # of nobody knows how many
        (found(sent=None, recipients=100), False, False),
        (found("Completed", 90, 100), True, True),  # it is at its end: some could not be reached
        (found("Stopped", 94, 100), False, False),
        (found("Stopped", 96, 100), False, True),
    ],
)
def test_who_has_reached_the_goal(delivered, completed, sent):
    assert Goal.parse("completed").is_reached(delivered) is completed
    assert Goal.parse("sent:95%").is_reached(delivered) is sent


@pytest.mark.parametrize("status", ["Completed", "Stopped", "Paused", None])
def test_what_has_ended_is_not_waited_for(status):
    assert Goal().is_over(found(status))
    assert not Goal().is_over(found("Active"))
    assert not Goal().is_over(None)
    assert Goal.parse("sent:95%").is_over(found("Active", 95, 100))


SIGINT = Stop(StopReason.SIGINT, "SIGINT received")


@pytest.mark.parametrize(
    ("status", "unaddressed", "stop", "code"),
    [
        ("Completed", {}, None, 0), ("Completed", {}, SIGINT, 0), ("Paused", {}, None, 14), ("Active", {}, SIGINT, 130),
        ("Completed", {"s/c9": "the manifest no longer names it"}, None, 14),
    ],
)  # fmt: skip
def test_the_exit_code_of_following(status, unaddressed, stop, code):
    followed = Followed("spring", Goal(), [KEY], {KEY: found(status)}, unaddressed, stop)

    assert followed.exit_code == code
    assert followed.missed == ([KEY] if status != "Completed" else []) + list(unaddressed)


def test_of_a_run_and_its_following_the_worse_code_counts():
    order = [13, 11, 130, 12, 10, 14, 0]

    assert all(worst(order[i], code) == order[i] for i in range(len(order)) for code in order[i:])
    assert worst(ExitCode.SIGTERM, ExitCode.STOPPED) == 143
