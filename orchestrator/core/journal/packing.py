"""Long lists in the journal: compressed JSON, a thousand items a record."""

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

from orchestrator.core.json_text import is_too_deep
from orchestrator.errors import LedgerError
from orchestrator.model import Record

_CHUNK_SIZE: Final = 1000


def packed(items: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """The data of the records that hold the items."""
    rest = iter(items)
    while chunk := list(islice(rest, _CHUNK_SIZE)):
        yield {"rows": packed_value(chunk)}


def packed_value(value: Any) -> str:
    """One JSON value, as text."""
    # Compressed: the rows of a plan repeat the same few words a million times.
    return b64encode(zlib.compress(json.dumps(value).encode())).decode()


def unpacked_value(text: str) -> Any:
    """The value in a text of `packed_value`. Raises LedgerError if there is none, or it is nested too deep."""
    try:
        unpacked_text = zlib.decompress(b64decode(text)).decode("utf-8", "surrogatepass")
        if not is_too_deep(unpacked_text):
            return json.loads(unpacked_text)
    except (TypeError, ValueError, zlib.error) as error:
        raise LedgerError("the ledger is damaged: a packed list cannot be read") from error
    raise LedgerError("the ledger is damaged: a packed list is nested too deep")


def unpacked(records: Iterable[Record]) -> Iterator[Any]:
    """The items that the records hold, in their order."""
    return (item for record in records for item in unpacked_value(record.data["rows"]))
