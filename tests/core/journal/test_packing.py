import zlib
from base64 import b64encode

import pytest

from orchestrator.core.journal.packing import unpacked_value
from orchestrator.errors import LedgerError


@pytest.mark.parametrize("levels", [101, 5000])
def test_a_packed_list_nests_a_hundred_levels_at_most(levels):
    def packed_text(levels):
        return b64encode(zlib.compress(b"[" * levels + b"]" * levels)).decode()

    assert str(unpacked_value(packed_text(100))) == "[" * 100 + "]" * 100
    with pytest.raises(LedgerError, match=r"^the ledger is damaged: a packed list is nested too deep$"):
        unpacked_value(packed_text(levels))


@pytest.mark.parametrize("text", ["x", "AAAA", 5, None, b64encode(zlib.compress(b"[1")).decode(),
                                  b64encode(zlib.compress(b'"\xff"')).decode()])  # fmt: skip
def test_what_is_no_packed_list_is_a_damaged_ledger(text):
    with pytest.raises(LedgerError, match=r"^the ledger is damaged: a packed list cannot be read$"):
        unpacked_value(text)
