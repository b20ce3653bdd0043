"""Checks that the parts of a manifest fit together. It also works if some parts have faults, on what could be read."""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from operator import attrgetter
from typing import Any, Final, Protocol

from pydantic_core import PydanticCustomError

from orchestrator.core.manifest.start_times import start_time
from orchestrator.core.manifest.values import Rerun, did_you_mean
from orchestrator.core.manifest.words import words_of
from orchestrator.core.text import plural

Path = tuple[str | int, ...]
"""Where something stands in a manifest: keys of mappings and, from 0, numbers of list items."""

MAX_ISSUES: Final = 1000
"""Faults that one check looks for. More would only cost time: the first hundred are shown."""

_MAX_HINTS: Final = 100  # of one check: to look for a near word takes a while


@dataclass(frozen=True, slots=True)
class Issue:
    """A fault at a path of the manifest. `other` is the path that it clashes with, where there is one.

    `value` is what was read there; None: nothing, or it says no more than the message.
    """

    path: Path
    message: str
    hint: str = ""
    other: Path | None = None
    value: Any = field(default=None, compare=False)


NO_CAMPAIGNS: Final = Issue((), "has no campaigns", "add campaigns or campaigns_from")
EMPTY_FILES: Final = Issue(("campaigns_from",), "its files list no campaigns yet", "discover lists those of a stream")


class Row(Protocol):
    """What the checks need of a campaign, valid or not. None: not written, or not usable."""

    @property
    def key(self) -> str:
        """Stream and campaign in one."""
        ...

    @property
    def stream(self) -> str | None:
        """The stream's id; None if it is not known."""
        ...

    @property
    def campaign(self) -> str | None:
        """The campaign's id; None if it is not known."""
        ...

    @property
    def account(self) -> str | None:
        """The name of an account, or "" where none is written."""

    @property
    def window(self) -> str | None:
        """The name of its window; None: none."""
        ...

    @property
    def tags(self) -> tuple[str, ...]:
        """Its tags."""
        ...

    @property
    def rerun(self) -> bool | Rerun:
        """Whether it may run again."""
        ...


@dataclass(frozen=True, slots=True)
class FaultyRow:
    """A row that is not a valid campaign, as far as it can be read: it takes part in the checks all the same."""

    key: str = ""
    stream: str | None = None
    campaign: str | None = None
    account: str | None = None
    window: str | None = None
    tags: tuple[str, ...] = ()
    rerun: bool | Rerun = False

    @classmethod
    def of(cls, raw: Any) -> "FaultyRow":
        """The row, from what was written; nothing can be read in one that is not a mapping."""
        if not isinstance(raw, dict):
            return cls()
        stream, campaign, account, window = (
            value if isinstance(value := raw.get(name, missing), str) else None
            for name, missing in (("stream", None), ("campaign", None), ("account", ""), ("window", None))
        )
        # Of tags, those that are texts count: a wave is not empty because its campaign has a fault.
        written = words_of(raw.get("tags"))
        tags = tuple(tag for tag in written if isinstance(tag, str)) if isinstance(written, (list, tuple)) else ()
        return cls(f"{raw.get('stream')}/{raw.get('campaign')}", stream, campaign, account, window, tags)


def check_across(raw: Mapping[str, Any], rows: Sequence[Row], *, complete: bool) -> list[Issue]:
    """Every fault between parts of the manifest; of each kind, the first `MAX_ISSUES`.

    `raw` is the manifest's mapping, of which only sections other than `campaigns` are read; `rows` are all campaigns,
    and row n has the path `("campaigns", n)`. Not `complete`: there may be more of them, so none is missed.
    """
    checks = (
        # Sections with each other.
        _hosts(raw),
        _accounts(raw),
        _preflight(raw),
        _start_times(raw),
        _reruns(raw, rows),
        # Campaigns with each other, and with the sections that they name.
        _duplicates(rows),
        _references(raw, rows, "account", "accounts"),
        _references(raw, rows, "window", "windows"),
        _without_account(raw, rows),
        _waves(raw, rows, complete=complete),
        [_none_yet(raw)] if complete and not rows else (),
    )
    return [issue for check in checks for issue in islice(check, MAX_ISSUES)]


def repeats(rows: Sequence[Row]) -> int:
    """How many of the rows list a campaign that an earlier one of them lists."""
    return len(rows) - len({(row.stream, row.campaign) for row in rows})


def _mapping(raw: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = raw.get(key)
    return value if isinstance(value, dict) else {}


def _hosts(raw: Mapping[str, Any]) -> Iterator[Issue]:
    host = raw.get("host")
    if not isinstance(host, str) or host == "sandbox":
        return
    if "sandbox" in raw:
        yield Issue(("sandbox",), "is only for host: sandbox", "remove it, or write host: sandbox")
    for name, account in _mapping(raw, "accounts").items():
        missing = [k for k in ("client_id", "client_secret") if isinstance(account, dict) and account.get(k) is None]
        for key in missing:
            yield Issue(("accounts", name, key), "is missing: this host needs it", "write {env: NAME}")


def _accounts(raw: Mapping[str, Any]) -> Iterator[Issue]:
    seen: dict[str, tuple[str, Path]] = {}
    for name, account in _mapping(raw, "accounts").items():
        value = account.get("account_id") if isinstance(account, dict) else None
        if not isinstance(value, str):
            continue
        path = ("accounts", name, "account_id")
        same, first = seen.setdefault(value.lower(), (value, path))
        if first is not path:
            by_case = "" if same == value else ", except for upper and lower case"
            yield Issue(path, f"is the id of another account, too{by_case}: both would use one rate limit", "", first)


def _preflight(raw: Mapping[str, Any]) -> Iterator[Issue]:
    preflight = _mapping(raw, "preflight")
    if preflight.get("require_dnc") is True and preflight.get("check", "list") in ("status", "off"):
        yield Issue(("preflight", "require_dnc"), "needs check: list", "only the list shows a campaign's DNC lists")


def _reruns(raw: Mapping[str, Any], rows: Sequence[Row]) -> Iterator[Issue]:
    if _mapping(raw, "preflight").get("check", "list") not in ("status", "off"):
        return
    # One mistake, no matter how many rows it touches.
    first = next((i for i, row in enumerate(rows) if isinstance(row.rerun, Rerun)), None)
    if first is not None:
        yield Issue(("campaigns", first, "rerun"), "needs preflight.check: list", "only the list shows an instance")


def _start_times(raw: Mapping[str, Any]) -> Iterator[Issue]:
    if raw.get("not_before") is None or raw.get("not_after") is None:
        return
    try:
        opens, closes = start_time(raw["not_before"]), start_time(raw["not_after"])
    except PydanticCustomError:
        return  # a fault of its own
    if closes.at <= opens.at:
        message = f"must be later than not_before, which is {opens.words()}"
        yield Issue(("not_after",), message, "", ("not_before",), value=raw["not_after"])


def _none_yet(raw: Mapping[str, Any]) -> Issue:
    return EMPTY_FILES if raw.get("campaigns_from") else NO_CAMPAIGNS


def _duplicates(rows: Sequence[Row]) -> Iterator[Issue]:
    # Eight bytes a row: a dictionary of the pairs would take as much memory as all the campaigns.
    hashes = array("q", (hash((row.stream, row.campaign)) for row in rows))
    shared = {one for one, other in pairwise(sorted(hashes)) if one == other}
    # Equal hashes are only a suspicion: then the pairs themselves are compared.
    seen: dict[tuple[str, str], int] = {}
    for i, row in enumerate(rows) if shared else ():
        if hashes[i] in shared and row.stream is not None and row.campaign is not None:
            first = seen.setdefault((row.stream, row.campaign), i)
            if first != i:
                yield Issue(("campaigns", i), f"{row.stream}/{row.campaign} is listed twice", "", ("campaigns", first))


def _references(raw: Mapping[str, Any], rows: Sequence[Row], key: str, section: str) -> Iterator[Issue]:
    # Without `accounts` no row can name one: the models report the missing section, once.
    known = raw.get(section, None if section == "accounts" else {})
    if not isinstance(known, dict):
        return
    default = _mapping(raw, "defaults").get(key)
    if isinstance(default, str) and default not in known:
        yield _unknown(("defaults", key), key, default, known)
    # A wrong default is reported at the default, and not at each row that takes it from there.
    name_of = attrgetter(key)
    unknown = {name for name in set(map(name_of, rows)) if name and name not in known and name != default}
    misnamed = ((i, name) for i, name in enumerate(map(name_of, rows)) if name in unknown) if unknown else ()
    for n, (i, name) in enumerate(misnamed):
        yield _unknown(("campaigns", i, key), key, name, known if n < _MAX_HINTS else {})


def _unknown(path: Path, key: str, name: str, known: Mapping[str, Any]) -> Issue:
    return Issue(path, f"no {key} is called {name!r}", did_you_mean(name, known), value=name)


def _without_account(raw: Mapping[str, Any], rows: Sequence[Row]) -> Iterator[Issue]:
    defaults = raw.get("defaults", {})
    # Defaults that are no mapping, misspell the account or give it a wrong value have a fault of their own.
    if not isinstance(defaults, dict) or not defaults.keys() <= {"type", "window"}:
        return
    first = next((i for i, row in enumerate(rows) if row.account == ""), None)
    if first is not None:
        others = sum(row.account == "" for row in rows) - 1
        too = f"; the same goes for {plural(others, 'other campaign')}" if others else ""
        hint = "write account: NAME, or defaults: {account: NAME}"
        yield Issue(("campaigns", first), f"has no account{too}", hint)


def _waves(raw: Mapping[str, Any], rows: Sequence[Row], *, complete: bool) -> Iterator[Issue]:
    written = raw.get("waves")
    waves = {i: w for i, w in enumerate(written) if isinstance(w, dict)} if isinstance(written, list) else {}
    seen: dict[str, int] = {}
    for i, wave in waves.items():
        name = wave.get("name")
        if isinstance(name, str) and seen.setdefault(name, i) != i:
            yield Issue(("waves", i, "name"), f"{name!r} names two waves", "", ("waves", seen[name], "name"))
    if complete and waves:
        yield from _wave_members(waves, rows)


def _wave_members(waves: Mapping[int, Mapping[str, Any]], rows: Sequence[Row]) -> Iterator[Issue]:
    wanted = {i: (_texts(wave, "tags"), _texts(wave, "campaigns")) for i, wave in waves.items()}
    listed, filled = _fill_waves(wanted, rows)
    missing = [(i, n, key) for i, (_, named) in wanted.items() for n, key in named.items() if key not in listed]
    known = dict.fromkeys(row.key for row in rows if row.key) if missing else {}
    for number, (i, n, key) in enumerate(missing):
        yield Issue(
            ("waves", i, "campaigns", n),
            f"no campaign is {key!r}",
            did_you_mean(key, known if number < _MAX_HINTS else ()),
            value=key,
        )
    empty = [i for i, (tags, named) in wanted.items() if (tags or named) and i not in filled]
    used = dict.fromkeys(tag for row in rows for tag in row.tags) if empty else {}
    unused = [(i, tag) for i in empty for tag in dict.fromkeys(wanted[i][0].values()) if tag not in used]
    for number, (i, tag) in enumerate(unused):
        hint = did_you_mean(tag, used if number < _MAX_HINTS else ())
        yield Issue(("waves", i, "tags"), f"no campaign has the tag {tag!r}", hint, value=tag)
    misnamed = {i for i, _ in unused} | {
        i for i in empty if (named := wanted[i][1]) and listed.isdisjoint(named.values())
    }
    for i in empty:
        if i not in misnamed:
            yield Issue(("waves", i), "has no campaigns", "earlier waves take their campaigns first")


def _fill_waves(
    wanted: Mapping[int, tuple[Mapping[int, str], Mapping[int, str]]], rows: Iterable[Row]
) -> tuple[set[str], set[int]]:
    """The campaigns that are both named by a wave and listed, and the waves that get a campaign.

    A campaign goes to the first wave that names it or one of its tags, or that names neither and so takes the rest.
    """
    by_tag: dict[str, int] = {}
    by_key: dict[str, int] = {}
    # Backwards, so that the first wave with a tag or a key is entered last, and wins.
    for i, (tags, named) in reversed(list(wanted.items())):
        by_tag.update(dict.fromkeys(tags.values(), i))
        by_key.update(dict.fromkeys(named.values(), i))
    rest = [i for i, (tags, named) in wanted.items() if not (tags or named)][:1]
    listed, filled = set[str](), set[int]()
    for row in rows:
        waves = [*rest, *(by_tag[tag] for tag in row.tags if tag in by_tag)]
        # A key is a new text: of a million rows, none is made unless a wave names campaigns.
        if by_key and (key := row.key) in by_key:
            listed.add(key)
            waves.append(by_key[key])
        filled.update(sorted(waves)[:1])
    return listed, filled


def _texts(wave: Mapping[str, Any], key: str) -> dict[int, str]:
    value = words_of(wave.get(key)) if key == "tags" else wave.get(key)
    return {n: word for n, word in enumerate(value) if isinstance(word, str)} if isinstance(value, list) else {}
