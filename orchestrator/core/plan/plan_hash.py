"""A plan's hash, and how a plan differs from the approved one, field by field."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

from orchestrator.core import content
from orchestrator.model import CampaignKey, LiveState

_PLAIN: Final = (
    "launch",
    "environment",
    "host",
    "manifest_sha256",
    "not_before",
    "not_after",
    "tool_version",
    "selection",
)
WITHOUT_LIVE_STATE: Final = ("account_id", "stream", "campaign", "iid", "type", "wave")
"""The fields of a start that the manifest alone decides."""

_MAX_SHOWN: Final = 5
_CHUNK_SIZE: Final = 1000


def canonical(value: Any) -> str:
    """JSON in its only spelling: sorted keys, no spaces, no escapes that are not needed."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha256(identity: Mapping[str, Any]) -> str:
    """A plan's hash."""
    # A lone surrogate has no UTF-8. A name with one must not keep a plan from having a hash.
    return hashlib.sha256(canonical(identity).encode("utf-8", "surrogatepass")).hexdigest()


def streamed_sha256(facts: Mapping[str, Any], starts: Iterable[Mapping[str, Any]]) -> str:
    """`sha256` of `{**facts, "starts": [...]}`, without a list of a million starts in memory."""
    # No text within a value looks like the list: its quotes would be escaped.
    head, empty, tail = canonical({**facts, "starts": []}).partition('"starts":[]')
    digest = hashlib.sha256(f"{head}{empty[:-1]}".encode("utf-8", "surrogatepass"))
    rest, comma = iter(starts), ""
    while some := list(islice(rest, _CHUNK_SIZE)):
        digest.update(f"{comma}{canonical(some)[1:-1]}".encode("utf-8", "surrogatepass"))
        comma = ","
    digest.update(f"]{tail}".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def sealed(
    starts: Iterable[tuple[Mapping[str, Any], LiveState | None]], facts: Mapping[str, Any]
) -> Iterator[Mapping[str, Any]]:
    """The starts that an approval is given to; with the plan's nonce, what each would send is sealed."""
    nonce = bytes.fromhex(facts.get("nonce", ""))
    for start, live in starts:
        seals = content.sealed(live.content, nonce) if nonce and live is not None else {}
        yield {**start, "content": seals} if seals else start


def drift(approved: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Each field in which the plan made now differs from the approved one, in words; empty if none does.

    Not what the campaigns would send: that is `content_changes`.
    """
    # 1. Facts about the plan as a whole.
    pairs = [(name, approved.get(name), now.get(name)) for name in _PLAIN]
    changed = [_change(*pair) for pair in pairs if pair[1] != pair[2]]
    # 2. Starts: gone, new, or sent in another way.
    before, after = _by_key(approved.get("starts", [])), _by_key(now["starts"])
    gone = [f"{key} is no longer in the plan" for key in before if key not in after]
    new = [f"{key} is new" for key in after if key not in before]
    other = [f"{key}: {change}" for key, changes in start_changes(approved, now).items() for change in changes]
    # 3. The order has no field of its own, so it is named where nothing else differs.
    if not (changed or gone or new or other) and list(before) != list(after):
        return ["starts: their order"]
    return [*changed, *(f"starts: {line}" for kind in (gone, new, other) for line in shortened(kind))]


def start_changes(approved: Mapping[str, Any], now: Mapping[str, Any]) -> dict[CampaignKey, list[str]]:
    """By campaign, each field in which its start is now another than the approved one; not what it would send."""
    before, after = _by_key(approved.get("starts", [])), _by_key(now["starts"])
    found = {
        CampaignKey(key): [
            _change(name, before[key].get(name), start.get(name))
            for name in {**start, **before[key]}
            if name != "content" and before[key].get(name) != start.get(name)
        ]
        for key, start in after.items()
        if key in before
    }
    return {key: changes for key, changes in found.items() if changes}


def content_changes(
    approved: Mapping[str, Any], now: Mapping[str, Any], *, is_binding: bool = False
) -> dict[CampaignKey, tuple[str, ...]]:
    """By campaign, the names of what would be sent otherwise than approved; both plans have the same nonce.

    What was read for the approved plan, and is not named now, may be anything: it counts as changed. Where the plan
    `is_binding`, so does what it does not name and a reply names now: a plan whose digests were taken out would
    permit any text. The sizes of lists are an exception: the call for them may have failed when the plan was made.
    """
    before = _by_key(approved.get("starts", []))
    pairs = ((key, before[key].get("content", {}), start.get("content", {}))
             for key, start in _by_key(now["starts"]).items() if key in before)  # fmt: skip
    found: dict[CampaignKey, tuple[str, ...]] = {}
    for key, old, new in pairs:
        added = {name: "" for name in new if name != content.SIZES} if is_binding else {}
        if names := content.changed_seals({**added, **old}, {**dict.fromkeys(old, ""), **new}):
            found[CampaignKey(key)] = names
    return found


def _by_key(starts: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {f"{start['stream']}/{start['campaign']}": start for start in starts}


def _change(name: str, before: Any, after: Any) -> str:
    return f"{name}: {_words(before)} -> {_words(after)}"


def _words(value: Any) -> str:
    text = value if isinstance(value, str) else canonical(value)
    # 64 characters: a hash, of which the beginning is enough to tell two apart.
    return f"{text[:12]}..." if len(text) == 64 else text


def shortened(lines: list[str]) -> list[str]:
    """The first five, and how many there are more."""
    more = len(lines) - _MAX_SHOWN
    return lines if more <= 0 else [*lines[:_MAX_SHOWN], f"... and {more} more like this"]
