import math
import re
from enum import StrEnum
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.json_shape import Count, first_fault
from orchestrator.model import PosixSeconds


class Colour(StrEnum):
    RED = "red"


class Thing(TypedDict):
    name: str
    size: NotRequired[int | None]


class Row(NamedTuple):
    name: str
    colour: Annotated[str, Colour] | None
    size: int = 0


LIMIT = Annotated[str, re.compile(r"\d+/\d+s")]


@pytest.mark.parametrize(
    ("shape", "values"),
    [
        (Any, [None, 5, {"a": []}]),
        (str, ["", "a"]),
        (str | None, [None, "a"]),
        (bool, [True, False]),
        (int, [-(2**53), 0, 2**53]),
        (Count, [0, 2**53]),
        (Count | None, [None, 0, None]),
        (float, [-1e11, 0, 0.5, 1e11]),
        (PosixSeconds, [0, 0.0, 1e11]),
        (Annotated[str, Colour], ["red"]),
        (Literal["a", "b"], ["a", "b"]),
        (LIMIT, ["50/60s"]),
        (list[int], [[], [1, 2]]),
        (dict[str, int], [{}, {"a": 1}]),
        (tuple[str, int], [["a", 1], ["a", 1, "more"]]),
        (Thing, [{"name": "a"}, {"name": "a", "size": None}, {"name": "a", "more": 5}]),
        (Row, [["a", None], ["a", "red", 5], ["a", "red", 5, "more"]]),
        (list[Thing], [[], [{"name": "a"}]]),
        (str, []),
        (PosixSeconds, []),
    ],
)
def test_values_of_a_shape_have_no_fault(shape, values):
    assert first_fault(values, shape) is None


@pytest.mark.parametrize(
    ("shape", "value", "fault"),
    [
        (str, 5, "is 5, and not a text"),
        (str | None, 5, "is 5, and not a text"),
        (bool, 1, "is 1, and not true or false"),
        (int, True, "is True, and not a whole number up to 2**53"),
        (int, 2**53 + 1, "is 9007199254740993, and not a whole number up to 2**53"),
        (int, -(2**53) - 1, "is -9007199254740993, and not a whole number up to 2**53"),
        (Count, -1, "is -1, and not a whole number from 0 to 2**53"),
        (Count | None, 0.5, "is 0.5, and not a whole number from 0 to 2**53"),
        (float, math.inf, "is inf, and not a number up to 1e11"),
        (float, math.nan, "is nan, and not a number up to 1e11"),
        (PosixSeconds, -0.1, "is -0.1, and not a time in POSIX seconds"),
        (PosixSeconds, "noon", "is 'noon', and not a time in POSIX seconds"),
        (PosixSeconds, None, "is None, and not a time in POSIX seconds"),
        (Annotated[str, Colour], "blue", "is 'blue', and not a word that this version knows"),
        (Annotated[str, Colour], ["red"], "is ['red'], and not a word that this version knows"),
        (Literal["a", "b"], "c", "is 'c', and not a word that this version knows"),
        (LIMIT, "50/60", r"is '50/60', and not like \d+/\d+s"),
        (list[int], {}, "is {}, and not a list"),
        (list[int], [1, "a"], "[1] is 'a', and not a whole number up to 2**53"),
        (dict[str, int], [], "is [], and not an object"),
        (dict[str, int], {"a": 1, "b": None}, "'b' is None, and not a whole number up to 2**53"),
        (tuple[str, int], ["a"], "[1] is missing"),
        (tuple[str, int], [1, 2], "[0] is 1, and not a text"),
        (Thing, [], "is [], and not an object"),
        (Thing, {}, "name is missing"),
        (Thing, {"name": "a", "size": "b"}, "size is 'b', and not a whole number up to 2**53"),
        (Row, ["a"], "[1] is missing"),
        (Row, {}, "is {}, and not a list"),
        (Row, ["a", "blue"], "[1] is 'blue', and not a word that this version knows"),
        (Row, ["a", None, "b"], "[2] is 'b', and not a whole number up to 2**53"),
        (list[Thing], [{"name": "a"}, {"name": 5}], "[1].name is 5, and not a text"),
        (dict[str, list[Thing]], {"x": [{}]}, "'x'[0].name is missing"),
        (str, list(range(50)), "is [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 1…, and not a text"),
        (bool, "\u202e\x1b", "is '\\u202e\\x1b', and not true or false"),
    ],
)
def test_a_fault_is_named_with_its_place(shape, value, fault):
    found = first_fault([value], shape)

    assert (found.place, str(found)) == (0, fault)


SOME = {
    str: "a", int: 1, Count | None: None, Thing: {"name": "a", "size": None}, Row: ["a", None], list[int]: [1, 2],
    dict[str, int]: {"a": 1}, PosixSeconds: 5.0,
}  # fmt: skip


@given(st.sampled_from(list(SOME)), st.integers(0, 5), st.integers(0, 5))
def test_the_first_of_many_values_is_found(shape, before, after):
    class Wrong:
        pass

    found = first_fault([SOME[shape]] * before + [Wrong()] + [SOME[shape]] * after + [Wrong()], shape)

    assert found.place == before


def test_a_key_that_some_values_lack_is_checked_in_the_others():
    found = first_fault([{"name": "a"}, {"name": "b", "size": None}, {"name": "c", "size": "x"}], Thing)

    assert found == (2, ".size", "is 'x', and not a whole number up to 2**53")
    assert first_fault([{"name": "a", "size": 5}, {"size": 5}], Thing) == (1, ".name", "is missing")
