"""The hash chain of a journal: each record carries a SHA-256 over itself and over the hash before it.

A run's records are one chain, since a run has one writer; what people record about a launch, and what they are told of
it, is one chain, too. Where a chain begins, and where a run ends, the record also carries what was `seen`: how many
records every chain of the launch had by then, and the hash of its last. So a chain that is cut off at its end, dropped
or added as a whole is found by the next one that saw it, or did not.
"""

import json
import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Final, NamedTuple, Protocol

from orchestrator.core.journal.records import END, RUN
from orchestrator.core.journal.subruns import is_subrun
from orchestrator.core.notice import NOTICE
from orchestrator.model import Record

CHAIN: Final = "chain"
"""The last key of a record's data: its hash."""
SEEN: Final = "chain_seen"
"""The key before it, where a chain begins and where a run ends."""
PEOPLE: Final = "people"
"""The name of the chain of what people record, and of the notices to them."""

_encode: Final = json.JSONEncoder(separators=(",", ":")).encode
_KEY: Final = f'"{CHAIN}":"'
_HASH: Final = re.compile(_KEY + '[0-9a-f]{64}"}')
_TAIL: Final = len(_KEY) + 64 + 2


class Row(NamedTuple):
    """A record as it is stored. `data` is its JSON text, byte for byte; `at` is in POSIX seconds."""

    launch: str
    campaign: str
    attempt: int
    kind: str
    run_id: str
    at: float
    lane: str
    data: str


Stored = tuple[str, str, int, str, str, float, str, str]
"""A row that is to be stored: no `Row`, which takes five times as long to make."""


class _Named(Protocol):
    """What names a record's chain."""

    @property
    def kind(self) -> str: ...
    @property
    def run_id(self) -> str: ...


class Head(NamedTuple):
    """The end of a chain: how many records it has, and the hash of the last; empty if that one has none."""

    records: int
    hash: str


Seen = Mapping[str, Head]
"""The heads of a launch's chains, by their names."""


def chain_of(one: _Named) -> str:
    """The name of the chain that a record belongs to."""
    # One chain for all people: if each person had a chain, somebody's only record could be removed without a trace.
    # Notices are in it, too, because processes that watch a run from outside record some of them while the run itself
    # writes.
    return PEOPLE if one.kind == NOTICE or one.run_id.startswith("person:") else one.run_id


def begins_part(record: Record) -> bool:
    """Whether the record is a subrun's first. It carries nothing `seen`: its fleet's run does so for all of them."""
    return record.kind == RUN and is_subrun(record)


def chained(records: Iterable[Record], before: str, seen: Seen | None, *, is_start: bool) -> list[Stored]:
    """The rows of one chain's records, which follow the hash `before`; empty for none.

    `seen` goes into the first record of a chain, and into the end of a run; None: into none of them.
    """
    rows = []
    for r in records:
        data = r.data
        if seen is not None and (is_start or r.kind == END):
            data, is_start = {**data, SEEN: seen}, False
        # The time as a float: what is written as 5 is read as 5.0.
        fields, text = (r.launch, r.campaign, r.attempt, r.kind, r.run_id, float(r.at), r.lane), _encode(data)
        before = hash_of(before, fields, text)
        rows.append((*fields, f'{text[:-1]}{"," if data else ""}{_KEY}{before}"}}'))
    return rows


def hash_of(before: str, fields: tuple[str, str, int, str, str, float, str], text: str) -> str:
    """The hash of a record after the hash `before`: of a row's columns up to its data, whose text has no hash yet."""
    launch, campaign, attempt, kind, run_id, at, lane = fields
    # NUL between them, so that nothing can be moved from one to the next: an audit refuses a record with one in it.
    # This writes the time exactly, and four times as fast as its decimals.
    line = f"{before}\0{launch}\0{campaign}\0{attempt}\0{kind}\0{run_id}\0{at.hex()}\0{lane}\0{text}"
    return sha256(line.encode()).hexdigest()


def unsealed(data: str) -> tuple[str, str]:
    """The text of a record's data without its hash, and the hash; both as they are, and empty, if it has none."""
    body, hash_ = data[:-_TAIL], data[-_TAIL:]
    if not _HASH.fullmatch(hash_) or (body != "{" and not (body.endswith(",") and len(body) > 2)):
        return data, ""
    return f"{body.removesuffix(',')}}}", hash_[len(_KEY) : -2]
