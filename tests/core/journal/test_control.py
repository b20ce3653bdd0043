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
    check_not_aborted,
    control_state_of,
    hear,
    say,
)  # fmt: skip
from orchestrator.errors import LeaseLost, Refused
from orchestrator.model import Lane, Record

LANE = Lane("sandbox a1")
WORDS = st.lists(st.sampled_from(list(ControlCommand)))


def said(control_state=OPEN, word=ControlCommand.PAUSE, reason="lunch", *, is_running=False):
    return say(control_state, "spring", word, "ann", reason, now=100.0, is_running=is_running)


def after(*words):
    control_state = OPEN
    for word in words:
        control_state = hear(
            control_state, Record("spring", CONTROL, control_state.said + 1, word, "person:ann", 1.0, "", {})
        )
    return control_state


def line(kind="intent", lane=LANE, launch="spring"):
    return Record(launch, "s/c", 1, kind, "r-1", 1.0, lane, {})


def test_a_word_is_recorded_with_its_number_its_speaker_and_its_reason():
    record = said()
    assert record == Record("spring", "@launch", 1, "pause", "person:ann", 100.0, "", {"by": "ann", "reason": "lunch"})
    assert hear(OPEN, record) == ControlState(ControlCommand.PAUSE, "ann", "lunch", 100.0, 1)
    assert hear(OPEN, record).sentence == "paused by ann: lunch"


@pytest.mark.parametrize(
    ("words", "stands"),
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
def test_where_a_launch_stands(words, stands):
    assert after(*words).word is stands


def test_other_records_say_nothing():
    assert control_state_of([line(), line("pause")]) == OPEN


@given(WORDS)
def test_the_journal_says_where_a_launch_stands_whatever_stands_between_its_words(words):
    lines = [Record("spring", CONTROL, n, word, "person:ann", 1.0, "", {}) for n, word in enumerate(words)]
    assert control_state_of([one for said_now in lines for one in (line(), said_now)]) == after(*words)


def test_an_abort_keeps_its_speaker_and_its_reason_through_later_pauses():
    aborted = hear(
        OPEN, Record("spring", CONTROL, 1, ControlCommand.ABORT, "", 5.0, "", {"by": "ann", "reason": "wrong list"})
    )
    later = hear(
        aborted, Record("spring", CONTROL, 2, ControlCommand.PAUSE, "", 9.0, "", {"by": "ben", "reason": "lunch"})
    )
    assert later == ControlState(ControlCommand.ABORT, "ann", "wrong list", 5.0, 2)
    assert later.sentence == "aborted by ann: wrong list"


def test_a_word_of_which_the_journal_tells_nothing_is_a_word_all_the_same():
    assert after(ControlCommand.PAUSE) == ControlState(ControlCommand.PAUSE, "", "", 1.0, 1)


@given(WORDS)
def test_the_last_unpause_decides_and_an_abort_outweighs_every_pause_after_it(words):
    since = (
        words[len(words) - words[::-1].index(ControlCommand.UNPAUSE) :] if ControlCommand.UNPAUSE in words else words
    )
    expected = ControlCommand.ABORT if ControlCommand.ABORT in since else (ControlCommand.PAUSE if since else None)
    control_state = after(*words)
    assert control_state.word is expected
    assert control_state.said == len(words)


@given(WORDS, st.sampled_from(["intent", "verdict", "evidence", "end"]), st.booleans())
def test_an_intent_is_kept_exactly_while_the_lane_is_held_and_the_launch_open(words, kind, is_lost):
    found = Committed(frozenset({LANE} if is_lost else ()), {"spring": after(*words)})
    is_open = after(*words).word is None
    kept = found.kept([line(kind)])
    if kind == "intent":
        assert bool(kept) is (is_open and not is_lost)
        assert (found.refusal(line(kind)) is None) is bool(kept)
    else:
        assert [record.kind for record in kept] == [f"late_{kind}" if is_lost else kind]
        assert found.refusal(line(kind)) is None


def test_a_lost_lane_weighs_more_than_a_pause_and_another_launch_is_not_meant():
    found = Committed(frozenset({LANE}), {"spring": after(ControlCommand.PAUSE)})
    lost, held = found.refusal(line()), found.refusal(line(lane="other"))
    assert isinstance(lost, LeaseLost)
    assert str(lost) == "this run's lease has ended, or another run has taken it"
    assert isinstance(held, LaunchHeld)
    assert (held.control_state, str(held)) == (after(ControlCommand.PAUSE), "paused by : ")
    assert found.refusal(line(lane="other", launch="autumn")) is None


STATUS = "python -m orchestrator status spring"
UNPAUSE = "python -m orchestrator unpause spring --reason TEXT"
ABORTED = ControlState(ControlCommand.ABORT, "ann", "wrong list", 5.0, 1)


@pytest.mark.parametrize(
    ("control_state", "word", "reason", "message", "next_step"),
    [
        (OPEN, ControlCommand.UNPAUSE, "", "launch spring is not paused", STATUS),
        (ABORTED, ControlCommand.PAUSE, "lunch",
         "launch spring is aborted by ann: wrong list; a pause would say less", STATUS),
        (ABORTED, ControlCommand.UNPAUSE, "list mended",
         "launch spring is aborted by ann: wrong list; its run is still ending", STATUS),
    ],
)  # fmt: skip
def test_a_word_that_changes_nothing_or_too_much_is_refused(control_state, word, reason, message, next_step):
    with pytest.raises(Refused) as refused:
        said(control_state, word, reason, is_running=True)
    assert (refused.value.message, refused.value.next_step) == (message, next_step)


def test_an_abort_is_lifted_with_a_reason_once_its_run_has_ended():
    with pytest.raises(Refused) as refused:
        said(ABORTED, ControlCommand.UNPAUSE, " ")
    assert refused.value.message == (
        "launch spring is aborted by ann: wrong list; an abort is lifted with a reason only"
    )
    assert refused.value.next_step == UNPAUSE
    assert said(ABORTED, ControlCommand.UNPAUSE, "list mended").attempt == 2


def test_a_pause_is_lifted_without_a_reason_while_its_run_waits():
    assert said(after(ControlCommand.PAUSE), ControlCommand.UNPAUSE, "", is_running=True).kind == "unpause"


def test_a_run_is_refused_after_an_abort_only():
    check_not_aborted(OPEN, "spring")
    check_not_aborted(after(ControlCommand.PAUSE), "spring")
    with pytest.raises(Refused) as refused:
        check_not_aborted(ABORTED, "spring")
    assert refused.value.message == "launch spring is aborted by ann: wrong list"
    assert refused.value.next_step == UNPAUSE
