import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.errors import ManifestError
from orchestrator.loading.yaml_reader import load, locate


def test_a_pair_of_surrogates_in_json_is_its_character():
    assert load(r'{"name": "Party \ud83c\udf89 \uD83D\uDE00!"}', "f").value == {"name": "Party 🎉 😀!"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"name: \ud83c\udf89", r"\ud83c\udf89"),
        (r"name: '\ud83c\udf89'", r"\ud83c\udf89"),
        (r'name: "\\ud83c\\udf89"', r"\ud83c\udf89"),
        ('name: "\ue000\\ud83c\\udf89"', "\ue000🎉"),
    ],
)
def test_a_pair_that_is_no_escape_sequence_stays_as_it_is(text, value):
    assert load(text, "f").value == {"name": value}


def test_places_behind_a_pair_are_those_of_the_file():
    text = r'{"a": "\ud83c\udf89", "b": "\ud83c\udf89", "c": 1, "a": 2}'
    assert locate(text, [("b",), ("c",)]) == {("b",): (1, text.index('"b"') + 1), ("c",): (1, text.index('"c"') + 1)}
    [problem] = load(text, "f").problems
    assert (problem.column, problem.hint) == (text.rindex('"a"') + 1, "first at f:1:2")


@pytest.mark.parametrize("lone", [r"\ud83c", r"\udf89", r"\ud83c\ud83c", r"\udf89\ud83c"])
def test_half_a_pair_is_refused_at_its_place(lone):
    text = '{"a": "\\ud83c\\udf89", "b": "' + lone + '"}'
    with pytest.raises(ManifestError) as caught:
        load(text, "f")
    [problem] = caught.value.problems
    assert (problem.line, problem.column, problem.value) == (1, text.index('"b"') + 7, f'"{lone[:6]}"')
    assert "half of a pair" in problem.message


@settings(max_examples=100)
@given(st.dictionaries(st.text(max_size=5), st.text(max_size=9), max_size=3))
def test_json_with_any_characters_reads_as_json_does(value):
    text = json.dumps(value)
    try:
        expected = json.loads(text)
        text.encode()
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half a pair
        return
    assert load(text, "f").value == (expected or {})
