"""What a campaign would send, and to whom, as digests: enough to name what was changed, and no text.

A message of a few words could be guessed from its hash. So the digests of this module stay in memory; what is written
down are their seals, HMACs with a nonce of the plan (RFC 2104).
"""

import hmac
import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any, Final

SIZES: Final = "list sizes"
"""The field that only the contact lists of a stream show, and no reply about a campaign."""

FIELDS: Final = (
    "message", "template", "experience flow", "contact lists", "DNC lists", "name", "schedule",  # named by a list
    "sender", "calling hours",  # named by a get-by-id reply alone
    SIZES,  # of its contact lists
)  # fmt: skip
"""What a reply can show of a campaign's content (kore-api.md sections 1.6 to 1.7b)."""

_SIZE: Final = 16
"""Bytes of a digest: SHA-256, cut to the half that RFC 2104 section 5 allows."""

_UNNAMED: Final = bytes(_SIZE)
_NONE: Final = sha256(b"null").digest()[:_SIZE]

_encode: Final = json.JSONEncoder(sort_keys=True).encode

NOTHING: Final = b""
"""The content of which nothing is known."""


def digest(fields: Mapping[str, Any]) -> bytes:
    """The digests of the fields that a reply has, one after the other.

    The values are JSON; None means "it has none".
    """
    return b"".join([_digest(fields[name]) if name in fields else _UNNAMED for name in FIELDS])


def _digest(value: Any) -> bytes:
    if value is None:
        return _NONE
    # Most are texts, and need no encoder; a quote keeps them apart from other values.
    text = f'"{value}' if isinstance(value, str) else _encode(value)
    return sha256(text.encode("utf-8", "surrogatepass")).digest()[:_SIZE]


def merged(first: bytes, second: bytes) -> bytes:
    """Both merged: a field that the second does not have is taken from the first."""
    if not first or not second:
        return first or second
    pairs = zip(_parts(first), _parts(second), strict=True)
    return b"".join(one if two == _UNNAMED else two for one, two in pairs)


def changed(before: bytes, now: bytes) -> tuple[str, ...]:
    """The names of the fields that both name, and that differ."""
    if before == now or not before or not now:
        return ()
    pairs = zip(FIELDS, _parts(before), _parts(now), strict=True)
    return tuple(name for name, one, two in pairs if one != two and _UNNAMED not in (one, two))


def sealed(content: bytes, nonce: bytes) -> dict[str, str]:
    """The seals of the fields that are named, in hexadecimal: what may be written down."""
    parts = zip(FIELDS, _parts(content), strict=True) if content else ()
    return {
        name: hmac.digest(nonce, name.encode() + part, "sha256")[:_SIZE].hex()
        for name, part in parts
        if part != _UNNAMED
    }


def changed_seals(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """The names of the fields that both name, and whose seals, made with one nonce, differ."""
    return tuple(name for name in FIELDS if name in before and name in now and before[name] != now[name])


def words(names: Iterable[str]) -> str:
    """`message and contact lists`."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def _parts(content: bytes) -> list[bytes]:
    return [content[at : at + _SIZE] for at in range(0, len(content), _SIZE)]
