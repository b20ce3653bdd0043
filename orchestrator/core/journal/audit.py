"""Checks the hash chains of one launch's journal: finds what was changed, dropped, swapped or added since."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from operator import index
from typing import Final

from orchestrator.core.journal.chain import SEEN, Head, Row, Seen, chain_of, hash_of, unsealed
from orchestrator.core.journal.records import END, RUN
from orchestrator.core.journal.states import Event
from orchestrator.core.journal.subruns import PART_OF
from orchestrator.core.json_text import read_json
from orchestrator.model import Home

_BYTES: Final = 32
_NONE: Final = bytes(_BYTES)


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, in words.

    `number` is the row's in the ledger; None if the finding is not about a single record.
    """

    chain: str
    number: int | None
    message: str


@dataclass(slots=True)
class Chain:
    """What is known of one chain so far. `unchained` counts its records without a hash, `head` is its last hash.

    `is_ended`: its run has journaled its end. `is_seen`: a record of another chain names its head.
    """

    name: str
    head: str = ""
    unchained: int = 0
    is_ended: bool = False
    is_seen: bool = False
    _hashes: bytearray = field(default_factory=bytearray, repr=False)

    @property
    def count(self) -> int:
        """How many records it has."""
        return len(self._hashes) // _BYTES

    def add(self, hash_: str) -> None:
        """One more record; an empty hash where it has none."""
        self.head, self.is_seen = hash_, False
        self.unchained += not hash_
        self._hashes += bytes.fromhex(hash_) if hash_ else _NONE

    def had(self, head: Head) -> bool:
        """Whether this was its end once."""
        found = self._hashes[_BYTES * (head.records - 1) : _BYTES * head.records]
        return found == (bytes.fromhex(head.hash) if head.hash else _NONE)


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit found. Without findings, the journal has not been changed. Chains are in the order they began."""

    launch: str
    records: int
    chains: tuple[Chain, ...]
    findings: tuple[Finding, ...]

    @property
    def unchained(self) -> int:
        """Records without a hash: written before journals had chains, so that nothing proves them."""
        return sum(chain.unchained for chain in self.chains)

    @property
    def is_verified(self) -> bool:
        """Whether nothing is wrong. Without one hash that is not known: somebody may have taken them all out."""
        return not self.findings and self.unchained < self.records


def audit(
    launch: str, rows: Iterable[tuple[int, Row]], head: str | None = None, home: Callable[[], str] | None = None
) -> Audit:
    """Check a launch's journal: its rows in order, each with its number.

    `head` is a hash that was noted elsewhere, such as in a report: some record must have it. `home` reads where the
    ledger says that the launch belongs, after the rows: no chain covers that, but the headers of its runs name it.
    """
    auditor = _Auditor(launch, head)
    for number, row in rows:
        auditor.check(number, row)
    if home is not None:
        auditor.check_home(home())
    if not auditor.has_head:
        auditor.find("", None, f"no record has the hash {head}: the journal was cut off or rewritten since it had")
    return Audit(launch, auditor.records, tuple(auditor.chains.values()), tuple(auditor.findings))


class _Auditor:
    def __init__(self, launch: str, head: str | None) -> None:
        self.launch, self.head, self.has_head = launch, head, head is None
        self.records = 0
        self.chains: dict[str, Chain] = {}
        self.findings: list[Finding] = []
        self._is_chained = False
        self._homes: dict[str, str] = {}  # by run, as its header names it
        self._begun: dict[str, None] = {}  # runs that may have sent a start
        self._told: set[str] = set()

    def find(self, chain: str, number: int | None, message: str) -> None:
        self.findings.append(Finding(chain, number, message))

    def check(self, number: int, row: Row) -> None:
        """Check the next record: by itself, as a link of its chain, and by what it saw of the other chains."""
        self.records += 1
        name = chain_of(row)
        chain = self.chains.get(name) or Chain(name)
        text, hash_ = unsealed(row.data)
        what = f"record {chain.count + 1} of {name} ({row.kind} of {row.campaign})"
        # 1. By itself.
        if row.launch != self.launch or any("\0" in str(value) for value in row):
            self.find(name, number, f"{what} does not belong to this launch")
        if hash_:
            self._is_chained = True
            self.has_head = self.has_head or hash_ == self.head
        elif self._is_chained or SEEN in text:
            self.find(name, number, f"{what} has no hash, although records before it have one: it was added or changed")
        # 2. As a link. A broken link is reported once: the next record is compared with the hash that this one has.
        if hash_ and hash_of(chain.head, row[:-1], text) != hash_:
            self.find(name, number, f"{what} does not follow the one before it: one of them was changed, or others "
                      "were dropped, swapped or added between them")  # fmt: skip
        # 3. By the heads that it saw of other chains, and by the run that it is a part of.
        elif hash_:
            self._compare(name, number, what, text)
        self._note_home(name, row.kind, text)
        self.chains[name] = chain
        chain.add(hash_)
        chain.is_ended = chain.is_ended or row.kind == END

    def check_home(self, home: str) -> None:
        """Compare the home of the launch with that of its runs: its first permit binds it for good."""
        for run in self._begun:
            if (own := self._homes.get(run, home)) != home:
                belongs = f"belongs to {home}" if home else "has no host"
                self.find(run, None, f"by the ledger the launch {belongs}, but {run} started campaigns of it on {own}: "
                          "the ledger was changed")  # fmt: skip
                return

    def _note_home(self, name: str, kind: str, text: str) -> None:
        if kind == Event.INTENT:
            self._begun[name] = None
        elif kind == RUN:
            with suppress(ValueError, TypeError, AttributeError, KeyError):  # a header that is damaged names none
                data = read_json(text)
                self._homes[name] = str(Home(data["host"], data.get("environment")))

    def _compare(self, name: str, number: int, what: str, text: str) -> None:
        if f'"{PART_OF}"' not in text and f'"{SEEN}"' not in text:
            return
        try:
            whole, seen = _read(text)
        except (ValueError, TypeError, AttributeError):
            # Anyone who can write to the ledger can also compute a hash.
            self.find(name, number, f"{what} cannot be read: it was added or changed, although its hash is right")
            return
        if whole is not None and whole not in self.chains:
            self.find(whole, number, f"{whole} is missing, of which {what} is a part")
        if seen is None:
            return
        for other, head in seen.items():
            self._compare_chain(other, number, what, head)
        for other in self.chains.keys() - {name, *seen}:
            self._find_once(other, number, f"{other} was added: {what} does not know it, although it begins earlier")

    def _compare_chain(self, name: str, number: int, what: str, head: Head) -> None:
        chain = self.chains.get(name)
        found = chain.count if chain else 0
        if found < head.records:
            lost = f"{name} has only {found} of the {head.records} records that {what} saw"
            self._find_once(name, number, lost)
        elif chain is not None and not chain.had(head):
            self._find_once(name, number, f"record {head.records} of {name} is not the one that {what} saw")
        elif chain is not None:
            chain.is_seen = chain.count == head.records

    def _find_once(self, name: str, number: int, message: str) -> None:
        """A finding about another chain than the record's. It is reported once, not by every later record."""
        if name not in self._told:
            self._told.add(name)
            self.find(name, number, message)


def _read(written: str) -> tuple[str | None, Seen | None]:
    """The run that a record's is a part of, and the heads that it saw; None if its data does not name them.

    Raises ValueError, TypeError and AttributeError for data that this program did not write.
    """
    data = read_json(written)
    whole, seen = data.get(PART_OF), None
    if SEEN in data:
        seen = {name: Head(index(count), bytes.fromhex(hash_).hex()) for name, (count, hash_) in data[SEEN].items()}
    return (None if whole is None else str(whole)), seen
