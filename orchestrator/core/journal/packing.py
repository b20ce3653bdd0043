"""Long lists within journal records: JSON, compressed, a thousand items a record."""

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

from orchestrator.model import Record

_CHUNK: Final = 1000


def packed(items: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """The data of the records that hold the items."""
    rest = iter(items)
    while some := list(islice(rest, _CHUNK)):
        yield {"rows": packed_value(some)}


def packed_value(value: Any) -> str:
    """One value, as text."""
    return b64encode(zlib.compress(json.dumps(value).encode())).decode()


def unpacked_value(text: str) -> Any:
    """The value in a text of `packed_value`."""
    return json.loads(zlib.decompress(b64decode(text)))


def unpacked(records: Iterable[Record]) -> Iterator[Any]:
    """The items that the records hold, in their order."""
    return (item for record in records for item in unpacked_value(record.data["rows"]))
