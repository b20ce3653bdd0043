import math
from enum import StrEnum
from typing import Annotated, Any, Literal, NamedTuple, NotRequired

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import TypedDict

from orchestrator.core.json_shape import COLUMNS, Count, Number, Seconds, first_fault, one_of


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


class Thing(TypedDict):
    name: str
    size: NotRequired[Count | None]


class Columns(NamedTuple):
    name: str
    colour: Annotated[str, one_of(Colour)] | None
    size: Count = 0


Row = Annotated[Columns, COLUMNS]


@pytest.mark.parametrize(
    ("shape", "values"),
    [
        (Any, [None, 5, {"a": []}]),
        (str, ["", "a", "\ud800"]),
        (str | None, [None, "a"]),
        (Count, [0, 2**53]),
        (Count | None, [None, 0, None]),
        (Number, [-1e11, 0, 0.5, 1e11]),
        (Seconds, [0, 0.0, 1e11]),
        (Annotated[str, one_of(Colour)], ["red", "green"]),
        (Literal["a", "b"], ["a", "b"]),
        (dict[str, int], [{}, {"a": 1}]),
        (Thing, [{"name": "a"}, {"name": "a", "size": None}, {"name": "a", "more": 5}]),
        (Row, [["a", None], ["a", "red", 5], ["a", "red", 5, "more"]]),
        (list[Row], [[], [["a", None]]]),
        (str, []),
    ],
)
def test_values_of_a_shape_have_no_fault(shape, values):
    assert first_fault(values, shape) is None


@pytest.mark.parametrize(
    ("shape", "value", "fault"),
    [
        (str, 5, "is 5, and should be a valid string"),
        (str | None, 5, "is 5, and should be a valid string"),
        (bool, 1, "is 1, and should be a valid boolean"),
        (Count, True, "is True, and should be a valid integer"),
        (Count, 1.0, "is 1.0, and should be a valid integer"),
        (Count, 2**53 + 1, "is 9007199254740993, and should be less than or equal to 9007199254740992"),
        (Count, -1, "is -1, and should be greater than or equal to 0"),
        (Number, math.inf, "is inf, and should be less than or equal to 100000000000"),
        (Number, math.nan, "is nan, and should be less than or equal to 100000000000"),
        (Number, True, "is True, and should be a valid number"),
        (Seconds, -0.1, "is -0.1, and should be greater than or equal to 0"),
        (Seconds, "5", "is '5', and should be a valid number"),
        (Seconds, None, "is None, and should be a valid number"),
        (Annotated[str, one_of(Colour)], "blue", "is 'blue', which this version does not know"),
        (Annotated[str, one_of(Colour)], "red\n", r"is 'red\n', which this version does not know"),
        (Literal["a", "b"], "c", "is 'c', and should be 'a' or 'b'"),
        (dict[str, Thing], {"st-1/cd-1": {}}, "'st-1/cd-1'.name is missing"),
        (Thing, [], "is [], and should be a valid dictionary"),
        (Thing, {"name": "a", "size": "b"}, "size is 'b', and should be a valid integer"),
        (Row, ["a"], "[1] is missing"),
        (Row, {"name": "a", "colour": None}, "is {'name': 'a', 'colour': None}, and should be a valid list"),
        (Row, ["a", None, "b"], "[2] is 'b', and should be a valid integer"),
        (list[Thing], [{"name": "a"}, {"name": 5}], "[1].name is 5, and should be a valid string"),
        (str, list(range(50)), "is [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 1…, and should be a valid string"),
        (Count, "\u202e\x1b", "is '\\u202e\\x1b', and should be a valid integer"),
    ],
)
def test_a_fault_is_named_with_its_place(shape, value, fault):
    found = first_fault([value], shape)

    assert (found.place, str(found)) == (0, fault)


SOME = {
    str: "a", Count | None: None, Thing: {"name": "a", "size": None}, Row: ["a", None], list[int]: [1, 2],
    dict[str, int]: {"a": 1}, Seconds: 5.0,
}  # fmt: skip


@given(st.sampled_from(list(SOME)), st.integers(0, 5), st.integers(0, 5))
def test_the_first_of_many_values_is_found(shape, before, after):
    class Wrong:
        pass

    found = first_fault([SOME[shape]] * before + [Wrong()] + [SOME[shape]] * after + [Wrong()], shape)

    assert found.place == before
