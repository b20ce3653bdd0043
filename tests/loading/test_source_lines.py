import pytest

from orchestrator.errors import Problem
from orchestrator.loading.source_lines import Sources


def shown(text, line, column=1, path="", *, is_yaml=True, value=""):
    sources = Sources()
    sources.add("m", text, is_yaml=is_yaml)
    [problem] = sources.shown([Problem("m", line, column, path, "is wrong", value=value)])
    return problem


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\u2028"])
def test_a_line_is_found_whatever_ends_the_lines(end):
    problem = shown(end.join(["a: 1", "b: 2", "c: 3"]), 2, 4)
    assert (problem.source, problem.caret) == ("b: 2", 4)


def test_rows_have_fewer_line_ends_than_yaml():
    assert shown("a,b\nx\u2028y,z\n1,2", 3, is_yaml=False).source == "1,2"


def test_of_a_long_line_the_part_around_the_place_is_kept():
    problem = shown("x" * 500 + "HERE" + "y" * 500, 1, 501)
    assert problem.source[problem.caret - 1 :].startswith("HERE")
    assert len(problem.source) == 162


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("client_secret: hidden", 1),
        ("a:\n  client_secret:\n    hidden", 3),
        ("a:\n  client_secret:\n    - x\n\n    - hidden", 5),
        ("name: " + "5f0c3a" * 7, 1),
    ],
)
def test_a_line_that_may_hold_a_secret_is_not_shown(text, line):
    problem = shown(text, line)
    assert (problem.source, problem.caret) == ("", 0)


def test_a_line_after_a_secret_is_shown():
    assert shown("a:\n  client_secret: hidden\n  rate: 7", 3).source == "  rate: 7"


def test_rows_under_a_header_of_a_secret_are_not_shown():
    assert shown("stream,token\nx,hidden", 2, is_yaml=False).source == ""


def test_a_line_of_two_problems_is_hidden_if_one_is_of_a_secret():
    sources = Sources()
    sources.add("m", "acme: {key: hidden, rate: 7}", is_yaml=True)
    one, other = sources.shown([Problem("m", 1, 8, "accounts.acme.key", "a"), Problem("m", 1, 21, "x", "b")])
    assert (one.source, other.source) == ("", "")


def test_a_value_that_resembles_a_secret_is_not_shown():
    assert shown("a: 1", 1, value='"' + "5f0c3a" * 7 + '"').value == ""
    assert shown("a: 1", 1, path="accounts.a.client_id", value='"x"').value == ""
    assert shown("a: 1", 1, path="accounts.a.rate", value='"x"').value == '"x"'
