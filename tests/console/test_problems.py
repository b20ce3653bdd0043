from orchestrator.console.problems import text_of
from orchestrator.errors import Problem


def test_the_caret_counts_wide_letters_and_tabs_right():
    problem = Problem("m", 12, 5, "a", "is wrong", "write x", value='"b"', source="\t日本b", caret=4)
    assert text_of(problem).split("\n") == [
        "m:12:5: a: is wrong; write x",
        "  12 | <tab>日本b",
        '     |          ^ "b"',
    ]


def test_a_value_without_a_line_is_shown_all_the_same():
    assert text_of(Problem("m", 1, 1, "a", "is wrong", value='"b"')) == 'm:1:1: a: is wrong\n  read: "b"'


def test_control_sequences_of_a_line_do_not_reach_the_terminal():
    assert "\x1b" not in text_of(Problem("m\x1b", 1, 1, "\x1b", "\x1b", "\x1b", "", "\x1b", "\x1b[2J", 1))


def test_color_marks_the_place_and_the_caret():
    assert text_of(Problem("m", 1, 1, "", "bad", source="x", caret=1), in_color=True) == (
        "\x1b[1mm:1:1\x1b[0m: bad\n  1 | x\n    | \x1b[31m\x1b[1m^\x1b[0m"
    )
