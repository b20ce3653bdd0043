import json
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.json_text import MAX_DEPTH, MAX_DIGITS, JsonFault, read_json


def nested(depth, opening="[", closing="]"):
    return opening * depth + "1" + closing * depth


def fault_of(text):
    with pytest.raises(JsonFault) as caught:
        read_json(text)
    return str(caught.value), caught.value.at


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[ {"]":', "} ]")])
def test_a_hundred_levels_are_read_and_one_more_is_refused(opening, closing):
    levels = opening.count("[") + opening.count("{")
    whole = nested(MAX_DEPTH // levels, opening, closing)

    assert read_json(whole) == json.loads(whole)
    assert fault_of(f"[{whole}]") == ("it is nested more than 100 levels deep", None)


def test_brackets_beside_each_other_are_not_deep():
    assert read_json(f"[{','.join(['[{}]'] * 1000)}]") == [[{}]] * 1000


@pytest.mark.parametrize("beside", ["", "[" * 20 + "]" * 20])
@pytest.mark.parametrize("size", [0, 2**20])
def test_what_is_deep_is_found_beside_what_is_not(beside, size):
    texts = json.dumps(["]\\", '"[', "x" * size])
    whole = f"[{texts},{','.join(['[]'] * 100)},[{beside or 1}],{nested(98)}]"

    assert read_json(whole) == json.loads(whole)
    assert fault_of(whole.replace(nested(98), nested(100)))[0] == "it is nested more than 100 levels deep"


@pytest.mark.parametrize(
    "text",
    [
        f"[ {nested(100)} ]",
        f'["a",{nested(100)},"]"]',
        f'["\\\\",{nested(100)},"]"]',
        f'["\\"",{nested(100)},"]"]',
        nested(101, '["]",', ',"["]'),
    ],
)
def test_brackets_in_texts_hide_no_depth(text):
    assert fault_of(text) == ("it is nested more than 100 levels deep", None)


@pytest.mark.parametrize("inside", ["[" * 1000, '\\"' + "{" * 1000, "\\\\" + "[" * 1000])
def test_brackets_in_a_text_are_not_deep(inside):
    assert read_json(f'["{inside}"]') == json.loads(f'["{inside}"]')


def test_quotes_without_end_are_refused_at_once():
    assert fault_of("[" * 101 + '"' + '\\"' * 2_000_000)[0] == "it is nested more than 100 levels deep"
    assert fault_of("[" * 100 + '"' + '\\"[' * 500_000) == ("a text begins here and is never closed", 100)


@pytest.mark.parametrize("sign", ["", "-"])
def test_a_hundred_digits_are_read_and_one_more_is_refused(sign):
    digits = sign + "9" * MAX_DIGITS

    assert read_json(f"[{digits}]") == [int(digits)]
    assert fault_of(f"[{digits}0]") == ("a number has more than 100 digits", None)


@pytest.mark.parametrize(
    ("text", "words", "at"),
    [
        ('{"a": 1,}', "there is a comma after the last item", 7),
        ('{"a": 1, \n }', "there is a comma after the last item", 7),
        ("[1,]", "there is a comma after the last item", 2),
        ("[1,,2]", "',' is not expected here", 3),
        ("", "it ends too early", 0),
        ('{"a": ', "it ends too early", 6),
        ('{"a"', "it ends too early", 4),
        ("[1", "it ends too early", 2),
        ('{"a": "b}', "a text begins here and is never closed", 6),
        ("{'a': 1}", "a text needs double quotes", 1),
        ("{a: 1}", "'a' is not expected here", 1),
        ('{"a" 1}', "'1' is not expected here", 5),
        ('{"a": 1 "b": 2}', "'\"' is not expected here", 8),
        ("[1] x", "'x' is not expected here", 4),
        ("[1,2,]", "there is a comma after the last item", 4),
        ("[1, x]", "'x' is not expected here", 4),
        ("[x,]", "'x' is not expected here", 1),
        ('["', "a text begins here and is never closed", 1),
        ('[1 ""]', "'\"' is not expected here", 3),
        ('["a\tb"]', "'\\t' in a text must be written as an escape", 3),
        ('["a\\xb"]', "'\\\\' is not expected here", 3),
        ("[01]", "'1' is not expected here", 2),
        ("[True]", "'T' is not expected here", 1),
        ("\N{ZERO WIDTH SPACE}[]", "'\\u200b' is not expected here", 0),
        ("[NaN]", "NaN is not JSON", None),
        ("[-Infinity]", "-Infinity is not JSON", None),
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "'c' is written twice", None),
    ],
)
def test_a_fault_is_named_the_same_on_every_python(text, words, at):
    assert fault_of(text) == (words, at)


SHORT = ["".join(chars) for chars in product('[]{},:"1a', repeat=4)]


def test_short_texts_are_read_or_refused_as_the_library_does():
    for text in SHORT:
        check(text)


def check(text):
    try:
        expected = json.loads(text)
    except ValueError:
        assert fault_of(text)[1] in range(len(text) + 1)
    else:
        assert read_json(text) == expected


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda of: st.lists(of) | st.dictionaries(st.text(), of)
    )
)
def test_whatever_the_library_writes_is_read_back(value):
    assert read_json(json.dumps(value)) == value
