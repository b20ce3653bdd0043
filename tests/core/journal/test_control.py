import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.journal.control import (
    CONTROL,
    OPEN,
    Committed,
    ControlCommand,
    ControlState,
    LaunchHeld,
    apply,
    check_not_aborted,
    command_record,
    control_state_of,
)  # fmt: skip
from orchestrator.errors import LeaseLost, Refused
from orchestrator.model import Lane, Record

LANE = Lane("sandbox a1")
COMMANDS = st.lists(st.sampled_from(list(ControlCommand)))


def given_now(control_state=OPEN, command=ControlCommand.PAUSE, reason="lunch", *, is_running=False, **more):
    return command_record(control_state, "spring", command, "ann", reason, now=100.0, is_running=is_running, **more)


def after(*commands):
    control_state = OPEN
    for command in commands:
        control_state = apply(
            control_state, Record("spring", CONTROL, control_state.number + 1, command, "person:ann", 1.0, "", {})
        )
    return control_state


def line(kind="intent", lane=LANE, launch="spring"):
    return Record(launch, "s/c", 1, kind, "r-1", 1.0, lane, {})


def test_a_command_is_recorded_with_its_number_author_and_reason():
    record = given_now()
    assert record == Record("spring", "@launch", 1, "pause", "person:ann", 100.0, "", {"by": "ann", "reason": "lunch"})
    assert apply(OPEN, record) == ControlState(ControlCommand.PAUSE, "ann", "lunch", 100.0, 1)
    assert apply(OPEN, record).sentence == "paused by ann: lunch"


@pytest.mark.parametrize(
    ("commands", "in_force"),
    [
        ((), None),
        ((ControlCommand.PAUSE,), ControlCommand.PAUSE),
        ((ControlCommand.PAUSE, ControlCommand.PAUSE), ControlCommand.PAUSE),
        ((ControlCommand.PAUSE, ControlCommand.UNPAUSE), None),
        ((ControlCommand.PAUSE, ControlCommand.ABORT), ControlCommand.ABORT),
        ((ControlCommand.ABORT, ControlCommand.PAUSE), ControlCommand.ABORT),
        ((ControlCommand.ABORT, ControlCommand.UNPAUSE), None),
        ((ControlCommand.ABORT, ControlCommand.UNPAUSE, ControlCommand.PAUSE), ControlCommand.PAUSE),
    ],
)
def test_which_command_is_in_force(commands, in_force):
    assert after(*commands).command is in_force


def test_other_records_are_no_commands():
    assert control_state_of([line(), line("pause")]) == OPEN


@given(COMMANDS)
def test_commands_count_whatever_records_lie_between_them(commands):
    lines = [Record("spring", CONTROL, n, command, "person:ann", 1.0, "", {}) for n, command in enumerate(commands)]
    assert control_state_of([one for command_line in lines for one in (line(), command_line)]) == after(*commands)


def test_an_abort_keeps_author_and_reason_through_later_pauses():
    aborted = apply(
        OPEN, Record("spring", CONTROL, 1, ControlCommand.ABORT, "", 5.0, "", {"by": "ann", "reason": "wrong list"})
    )
    later = apply(
        aborted, Record("spring", CONTROL, 2, ControlCommand.PAUSE, "", 9.0, "", {"by": "ben", "reason": "lunch"})
    )
    assert later == ControlState(ControlCommand.ABORT, "ann", "wrong list", 5.0, 2)
    assert later.sentence == "aborted by ann: wrong list"


def test_a_command_without_author_and_reason_counts_all_the_same():
    assert after(ControlCommand.PAUSE) == ControlState(ControlCommand.PAUSE, "", "", 1.0, 1)


@given(COMMANDS)
def test_the_last_unpause_decides_and_abort_outweighs_pause(commands):
    since = (
        commands[len(commands) - commands[::-1].index(ControlCommand.UNPAUSE) :]
        if ControlCommand.UNPAUSE in commands
        else commands
    )
    expected = ControlCommand.ABORT if ControlCommand.ABORT in since else (ControlCommand.PAUSE if since else None)
    control_state = after(*commands)
    assert control_state.command is expected
    assert control_state.number == len(commands)


@given(COMMANDS, st.sampled_from(["intent", "verdict", "evidence", "end"]), st.booleans())
def test_an_intent_is_kept_only_with_lane_held_and_launch_open(commands, kind, is_lost):
    found = Committed(frozenset({LANE} if is_lost else ()), {"spring": after(*commands)})
    is_open = after(*commands).command is None
    kept = found.kept([line(kind)])
    if kind == "intent":
        assert bool(kept) is (is_open and not is_lost)
        assert (found.refusal(line(kind)) is None) is bool(kept)
    else:
        assert [record.kind for record in kept] == [f"late_{kind}" if is_lost else kind]
        assert found.refusal(line(kind)) is None


def test_a_lost_lane_comes_before_a_pause_of_its_own_launch_only():
    found = Committed(frozenset({LANE}), {"spring": after(ControlCommand.PAUSE)})
    lost, held = found.refusal(line()), found.refusal(line(lane="other"))
    assert isinstance(lost, LeaseLost)
    assert str(lost) == "this run's lease has ended, or another run has taken it"
    assert isinstance(held, LaunchHeld)
    assert (held.control_state, str(held)) == (after(ControlCommand.PAUSE), "paused by : ")
    assert found.refusal(line(lane="other", launch="autumn")) is None


STATUS = "python -m orchestrator status spring"
UNPAUSE = "python -m orchestrator unpause spring --reason"
ABORTED = ControlState(ControlCommand.ABORT, "ann", "wrong list", 5.0, 1)


@pytest.mark.parametrize(
    ("control_state", "command", "reason", "message", "next_step"),
    [
        (OPEN, ControlCommand.UNPAUSE, "", "launch spring is not paused", STATUS),
        (ABORTED, ControlCommand.PAUSE, "lunch",
         "launch spring is already aborted by ann: wrong list; it cannot be paused", STATUS),
        (ABORTED, ControlCommand.UNPAUSE, "list fixed",
         "launch spring is aborted by ann: wrong list; its run is still ending", STATUS),
    ],
)  # fmt: skip
def test_a_command_that_changes_nothing_or_is_unsafe_is_refused(control_state, command, reason, message, next_step):
    with pytest.raises(Refused) as refused:
        given_now(control_state, command, reason, is_running=True)
    assert (refused.value.message, refused.value.next_step) == (message, next_step)


def test_an_abort_is_lifted_with_a_reason_once_its_run_ended():
    with pytest.raises(Refused) as refused:
        given_now(ABORTED, ControlCommand.UNPAUSE, " ")
    assert refused.value.message == ("launch spring is aborted by ann: wrong list; lifting an abort needs a reason")
    assert refused.value.next_step == UNPAUSE
    assert given_now(ABORTED, ControlCommand.UNPAUSE, "list fixed").attempt == 2


def test_a_pause_is_lifted_without_a_reason_while_its_run_waits():
    assert given_now(after(ControlCommand.PAUSE), ControlCommand.UNPAUSE, "", is_running=True).kind == "unpause"


def test_a_run_is_refused_after_an_abort_only():
    check_not_aborted(OPEN, "spring")
    check_not_aborted(after(ControlCommand.PAUSE), "spring")
    with pytest.raises(Refused) as refused:
        check_not_aborted(ABORTED, "spring")
    assert refused.value.message == "launch spring is aborted by ann: wrong list"
    assert refused.value.next_step == UNPAUSE


def test_a_record_of_another_kind_commands_nothing():
    paused = after(ControlCommand.PAUSE)

    assert apply(paused, Record("spring", CONTROL, 9, "tomorrow", "person:ann", 1.0, "", {})) == paused


@pytest.mark.parametrize("control_state", [OPEN, ABORTED])
def test_the_next_step_names_the_ledger_that_was_looked_at(control_state):
    with pytest.raises(Refused) as refused:
        given_now(control_state, ControlCommand.UNPAUSE, "x", ledger="sqlite:///x.db", is_running=True)
    assert refused.value.next_step == f"{STATUS} --ledger sqlite:///x.db"


def test_a_pause_of_what_was_aborted_names_the_ledger_too():
    with pytest.raises(Refused) as refused:
        given_now(ABORTED, ControlCommand.PAUSE, ledger="sqlite:///x.db")
    assert refused.value.next_step == f"{STATUS} --ledger sqlite:///x.db"
