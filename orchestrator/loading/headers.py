"""The header of a table: what each column is, in whatever way it is written, and which columns are left out."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import chain, product
from typing import Final, NamedTuple

from orchestrator.core.manifest.models import NOTES, Campaign

KEYS: Final = tuple(field.name for field in fields(Campaign))
MAX_COLUMNS: Final = 1000
"""Columns of a table."""

_IGNORED: Final = re.compile(r"[\s_-]+")
_OTHER_NAMES: Final = {
    "Stream ID": "stream", "Bot ID": "stream",  # the path of a start takes either (kore-api.md 1): they are one value
    "Campaign ID": "campaign", "Campaign Name": "name", "Campaign Type": "type", "Account Name": "account",
}  # fmt: skip
_REFUSED: Final = {
    "accountid": ("is not a column: an account is given by its name in `accounts`", "call it account, and write names"),
    "applicationid": ("is not a column: it may be the stream's id or the iid", "call it stream or iid"),
    "appid": ("is not a column: it may be the stream's id or the iid", "call it stream or iid"),
    "disabled": ("is not a column", "call it enabled, and write FALSE where it is TRUE"),
}
# A lost column of these would start what must wait, or what must never run again.
_WITHIN: Final = ("window", "rerun", "enabled", "disabled")
_WORDS: Final = {"tag": "tags", "tags": "tags", "iid": "iid"}
_MIN_TYPO: Final = 4  # letters: of shorter names, everything is one letter off


def plain(name: str) -> str:
    """A column's name without case, spaces, `_` and `-`, none of which tell columns apart."""
    return _IGNORED.sub("", name.casefold())


_KEY_OF: Final = {key: key for key in KEYS} | {plain(name): key for name, key in _OTHER_NAMES.items()}
_NOTES: Final = {plain(name): name for name in NOTES}

_WRITTEN: Final = frozenset(
    sep.join(words)
    for name in (*KEYS, *_OTHER_NAMES)
    for words in [name.lower().split()]
    for sep in ("", " ", "_", "-")
)
HEADS: Final = {
    key: frozenset(name for name in _WRITTEN if _KEY_OF[plain(name)] == key) for key in ("stream", "campaign")
}
"""The usual ways to write the two columns that every table has, in lower case."""


class Fault(NamedTuple):
    """What is wrong with a header; `column`, from 0, is None if a column is missing."""

    column: int | None
    name: str
    message: str
    hint: str = ""


@dataclass(frozen=True)
class Header:
    """The columns of a table: the names as written, and the key that each is read as; "" for one that is not read."""

    names: tuple[str, ...]
    keys: tuple[str, ...]

    @property
    def is_complete(self) -> bool:
        """Whether it has the two columns that every table needs."""
        return "stream" in self.keys and "campaign" in self.keys

    @cached_property
    def columns(self) -> tuple[tuple[int, str], ...]:
        """Number and key of each column that is read."""
        return tuple((number, key) for number, key in enumerate(self.keys) if key)

    @property
    def known(self) -> tuple[str, ...]:
        """The key or the note that each column holds; "" for one that is neither."""
        return tuple(key or _NOTES.get(plain(name), "") for name, key in zip(self.names, self.keys, strict=True))

    @cached_property
    def nameless(self) -> tuple[int, ...]:
        """The columns without a name."""
        return tuple(number for number, name in enumerate(self.names) if not name)

    @property
    def left_out(self) -> tuple[str, ...]:
        """The columns that are no one's: neither a campaign's nor a note of the platform."""
        pairs = zip(self.names, self.keys, strict=True)
        return tuple(name for name, key in pairs if name and not key and plain(name) not in _NOTES)

    def faults(self) -> Iterator[Fault]:
        """What keeps the table from being read."""
        if len(self.names) > MAX_COLUMNS:
            yield Fault(None, "", f"has more than {MAX_COLUMNS} columns", "delete those that are empty")
            return
        first = dict[str, str]()
        for number, (name, key) in enumerate(zip(self.names, self.keys, strict=True)):
            if key in first:
                same = (
                    "is a duplicate column" if name == first[key] else f"means the same as {first[key]}: both are {key}"
                )
                yield Fault(number, name, same, "remove one of them")
            elif key:
                first[key] = name
            elif name and (why := _refusal(name)) is not None:
                yield Fault(number, name, *why)
        if missing := [key for key in ("stream", "campaign") if key not in first]:
            also = f", and none called {missing[1]}" if missing[1:] else ""
            yield Fault(None, missing[0], f"has no such column{also}", f"the header is {','.join(self.names)[:80]}")


def header_of(cells: Sequence[str]) -> Header:
    """The header in a table's first row."""
    # A megabyte of names takes seconds: one more than allowed shows that there are too many.
    names = tuple(cell.strip() for cell in cells[: MAX_COLUMNS + 1])
    return Header(names, tuple(_KEY_OF.get(plain(name), "") for name in names))


def _refusal(name: str) -> tuple[str, str] | None:
    """Why a column that is not ours must not be left out silently; None if it may be."""
    word = plain(name)
    if word in _REFUSED:
        return _REFUSED[word]
    if word not in _NOTES and (near := _near(name, word)):
        return "unknown column", f"did you mean {near!r}? If not, rename or remove it"
    return None


def _near(name: str, word: str) -> str:
    """The column that a name resembles: it is one letter off, or holds the name of one that must not get lost."""
    held = (key for key in _WITHIN if key in word)
    words = (_WORDS[part] for part in re.split(r"[\W_]+", name.casefold()) if part in _WORDS)
    typos = (key for known, key in _KEY_OF.items() if len(known) >= _MIN_TYPO and _is_one_off(word, known))
    return next(chain(held, words, typos), "").replace("disabled", "enabled")


def _is_one_off(one: str, other: str) -> bool:
    """Whether one letter more, one less, another one, or two that changed places make one word of the other."""
    if abs(len(one) - len(other)) > 1:
        return False
    start = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    one, other = one[start:], other[start:]
    swapped = one[:2] == other[1::-1] and one[2:] == other[2:] and len(one) > 1
    return swapped or any(one[a:] == other[b:] for a, b in product((0, 1), repeat=2))
