import zlib
from base64 import b64encode
from typing import Any

import pytest

from orchestrator.core.journal.damage import RecordDamaged
from orchestrator.core.journal.packing import unpacked, unpacked_value
from tests.core.builders import record

NAME = r"^the ledger is damaged: plan 0 of @r-1 \(launch spring, run r-1\): "


def holding(text, kind="plan"):
    return record(kind, 0, campaign="@r-1", rows=text)


def packed_text(value: bytes):
    return b64encode(zlib.compress(value)).decode()


@pytest.mark.parametrize("levels", [101, 5000])
def test_a_packed_list_nests_a_hundred_levels_at_most(levels):
    deepest = unpacked_value(holding(packed_text(b"[" * 100 + b"]" * 100)), "rows")

    assert str(deepest) == "[" * 100 + "]" * 100
    with pytest.raises(RecordDamaged, match=f"{NAME}rows is nested too deep$"):
        unpacked_value(holding(packed_text(b"[" * levels + b"]" * levels)), "rows")


@pytest.mark.parametrize("text", ["x", "AAAA", 5, None, packed_text(b"[1"), packed_text(b'"\xff"')])
def test_what_is_no_packed_list_is_a_damaged_record(text):
    with pytest.raises(RecordDamaged, match=f"{NAME}rows cannot be unpacked$"):
        unpacked_value(holding(text), "rows")


@pytest.mark.parametrize(
    ("value", "shape", "fault"),
    [
        (b"7", Any, r"rows: is 7, and should be a valid list"),
        (b'["a", 7]', str, r"rows: \[1\] is 7, and should be a valid string"),
        (b'{"a": "b"}', Any, r"rows: is {'a': 'b'}, and should be a valid list"),
    ],
)
def test_packed_items_of_another_shape_damage_the_record(value, shape, fault):
    with pytest.raises(RecordDamaged, match=f"{NAME}{fault}$"):
        list(unpacked([holding(packed_text(value))], shape))
