"""Long lists in the journal: compressed JSON, a thousand items a record."""

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

from orchestrator.core.journal.damage import RecordDamaged, check_shape
from orchestrator.core.json_text import is_too_deep
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


def unpacked_value(record: Record, key: str, shape: Any = Any) -> Any:
    """The value that a record holds packed under a key of its data. Raises RecordDamaged if it has another shape."""
    try:
        text = zlib.decompress(b64decode(record.data[key])).decode("utf-8", "surrogatepass")
        value = None if (is_deep := is_too_deep(text)) else json.loads(text)
    except (TypeError, ValueError, zlib.error) as error:
        raise RecordDamaged(record, f"{key} cannot be unpacked") from error
    if is_deep:
        raise RecordDamaged(record, f"{key} is nested too deep")
    check_shape([record], [value], shape, f"{key}: ")
    return value


def unpacked(records: Iterable[Record], shape: Any = Any) -> Iterator[Any]:
    """The items that the records hold, in their order. Raises RecordDamaged if one has another shape."""
    return (item for record in records for item in unpacked_value(record, "rows", list[shape]))
