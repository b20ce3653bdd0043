"""Long lists within journal records: JSON, compressed, a thousand items a record."""

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from orchestrator.model import Record

_CHUNK: Final = 1000


def packed(items: Sequence[Any]) -> Iterator[dict[str, Any]]:
    """The data of the records that hold the items."""
    for start in range(0, len(items), _CHUNK):
        chunk = zlib.compress(json.dumps(items[start : start + _CHUNK]).encode())
        yield {"rows": b64encode(chunk).decode()}


def unpacked(records: Iterable[Record]) -> list[Any]:
    """The items that the records hold, in their order."""
    return [item for record in records for item in json.loads(zlib.decompress(b64decode(record.data["rows"])))]
