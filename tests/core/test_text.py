import pytest

from orchestrator.core.text import REPLACEMENT, called_as, command_line, duration, one_line, reason, spreadsheet_cell


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.04, "0.0 s"),
        (0.26, "0.3 s"),
        (0.6, "1 s"),
        (59.6, "1 min"),
        (61, "1 min 1 s"),
        (600.0012, "10 min"),
        (3599.7, "1 h"),
        (3661, "1 h 1 min"),
        (3601, "1 h 1 s"),
        (11_549.0, "3 h 12 min"),
        (7 * 86_400, "168 h"),
    ],
)
def test_a_duration_is_told_in_its_two_largest_units(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize("bad", ["\n", "\r", "\x00", "\x1b", "\x7f", "\x85", "\u2028", "\u202e", "\u2066", "\ud800"])
def test_what_would_end_or_turn_a_line_is_replaced(bad):
    assert one_line(f"North{bad}{bad}East") == f"North{REPLACEMENT}{REPLACEMENT}East"


def test_letters_of_every_script_are_left_alone():
    assert one_line("Grüße, 東京 🎉\u00a0ok") == "Grüße, 東京 🎉\u00a0ok"


def test_a_command_runs_as_it_is_pasted():
    assert command_line("run", "my launch.yaml") == "python -m orchestrator run 'my launch.yaml'"
    assert command_line("status", "spring", ledger="sqlite:///.orchestrator/ledger.db").endswith("status spring")
    assert command_line("status", "x", ledger="sqlite:///a b.db").endswith("status x --ledger 'sqlite:///a b.db'")


def test_a_text_names_the_program_as_it_was_called():
    text = f"run {command_line('status', 'spring')}"
    assert called_as(text, "orchestrator") == "run orchestrator status spring"
    assert called_as(text, "python -m orchestrator") == text


def test_why_something_failed_is_told_without_foreign_text():
    with pytest.raises(UnicodeEncodeError) as locale:
        "aé".encode("ascii")
    assert reason(locale.value) == r"the locale has no letter '\xe9'; set LC_ALL=C.UTF-8"
    assert reason(OSError(28, "No space left on device")) == "No space left on device"
    assert reason(OSError("a secret")) == "OSError"
    assert reason(ValueError("a secret")) == "ValueError"


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("Spring NE", "Spring NE"),
        ("=1+1", "'=1+1"),
        ("a;=1", "a;'=1"),
        ("a=1", "a=1"),
        ("@x\t-y", "'@x\t'-y"),
    ],
)
def test_no_spreadsheet_takes_a_text_for_a_formula(text, cell):
    assert spreadsheet_cell(text) == cell
