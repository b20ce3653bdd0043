import pytest

from orchestrator.core.visible import shown, visible, width


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("cd-1", '"cd-1"'),
        ("cd-1\u200b", '"cd-1<U+200B zero width space>"'),
        ("cd\u00a01", '"cd<U+00A0 no-break space>1"'),
        ("\ufeffcd", '"<U+FEFF byte order mark>cd"'),
        ("a\tb", '"a<U+0009 tab>b"'),
        ("a\u202eb", '"a<U+202E right-to-left override>b"'),
        ("\u0441d-1", '"\u0441<U+0441 cyrillic small letter es>d-1"'),
        ("\u201ccd\u201d", '"\u201c<U+201C left double quotation mark>cd\u201d<U+201D right double quotation mark>"'),
        ("cd\u20131", '"cd\u2013<U+2013 en dash>1"'),
        ("Весна", '"Весна"'),
        ("\ud800", '"<U+D800>"'),
        ("x" * 2000, '"' + "x" * 2000 + '"'),
        ("x" * 2001, '"' + "x" * 2000 + '…"'),
        ([1, 2, 3], "[1, 2, 3]"),
        ([1, 2, 3, 4], "a list of 4"),
        (True, "true"),
        (7, "7"),
        pytest.param(10**5000, "a number of more than 90 digits", id="huge"),
        (None, ""),
        (["a\tb", 2], '["a<U+0009 tab>b", 2]'),
        ([[1], 2], "a list of 2"),
        ({"a": 1}, "a mapping"),
    ],
)
def test_a_value_is_shown_with_what_deceives_the_eye(value, text):
    assert shown(value) == text


def test_invisible_characters_of_a_line_are_named_in_short():
    assert visible("a\tb\u200bc\rd \u2013 \u0441") == "a<tab>b<U+200B>c<carriage return>d \u2013 \u0441"


@pytest.mark.parametrize(
    ("text", "columns"), [("abc", 3), ("日本x", 5), ("\uff38x", 3), ("é", 1), ("e\u0301", 1), ("🎉", 2)]
)
def test_wide_letters_take_two_columns_and_marks_none(text, columns):
    assert width(text) == columns
