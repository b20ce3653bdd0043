"""What only the records of a manifest together can get wrong. Works on raw data, so it runs beside other faults."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from orchestrator.core.manifest.values import did_you_mean

Path = tuple[str | int, ...]

MAX_ISSUES: Final = 1000
"""Faults that one check looks for: whoever has more mends those first, and need not wait for the rest."""

_HINTED: Final = 100  # as many as are shown: to look for a near word takes a while


@dataclass(frozen=True, slots=True)
class Issue:
    """A fault at a path of the manifest. `other` is the path that it clashes with, where there is one."""

    path: Path
    message: str
    hint: str = ""
    other: Path | None = None


def gather(raw: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> tuple[list[Any], list[Issue]]:
    """All campaigns, with the defaults filled in, and the fault of a list that is none."""
    inline, issues = raw.get("campaigns", []), []
    if not isinstance(inline, list):
        inline, issues = (
            [],
            [Issue(("campaigns",), "must be a list", "write each campaign as - {stream: …, campaign: …}")],
        )
    defaults = {k: v for k, v in _mapping(raw, "defaults").items() if k in {"account", "type", "window"}}
    if not defaults:
        return [*inline, *rows], issues
    return [{**defaults, **row} if isinstance(row, dict) else row for part in (inline, rows) for row in part], issues


def cross_check(raw: Mapping[str, Any], campaigns: Sequence[Any], *, complete: bool) -> list[Issue]:
    """Every fault between records."""
    mappings = {i: row for i, row in enumerate(campaigns) if isinstance(row, dict)}
    checks = (
        _hosts(raw),
        _accounts(raw),
        _preflight(raw),
        _duplicates(mappings),
        _references(raw, mappings, "account", "accounts"),
        _references(raw, mappings, "window", "windows"),
        _without_account(mappings),
        _waves(raw, mappings, complete=complete),
        [Issue((), "has no campaigns", "add campaigns or campaigns_from")] if complete and not campaigns else [],
    )
    return [issue for check in checks for issue in islice(check, MAX_ISSUES)]


def _mapping(raw: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = raw.get(key)
    return value if isinstance(value, dict) else {}


def _hosts(raw: Mapping[str, Any]) -> Iterator[Issue]:
    host = raw.get("host")
    if not isinstance(host, str) or host == "sandbox":
        return
    if "sandbox" in raw:
        yield Issue(("sandbox",), "is only for host: sandbox", "take it out, or write host: sandbox")
    for name, account in _mapping(raw, "accounts").items():
        missing = [k for k in ("client_id", "client_secret") if isinstance(account, dict) and account.get(k) is None]
        for key in missing:
            yield Issue(("accounts", name, key), "is missing: this host needs it", "write {env: NAME}")


def _accounts(raw: Mapping[str, Any]) -> Iterator[Issue]:
    seen: dict[str, Path] = {}
    for name, account in _mapping(raw, "accounts").items():
        value = account.get("account_id") if isinstance(account, dict) else None
        if not isinstance(value, str):
            continue
        path = ("accounts", name, "account_id")
        first = seen.setdefault(value, path)
        if first is not path:
            yield Issue(path, "is another account's id too: both would spend one budget", "", first)


def _preflight(raw: Mapping[str, Any]) -> Iterator[Issue]:
    preflight = _mapping(raw, "preflight")
    if preflight.get("require_dnc") is True and preflight.get("check", "list") in ("status", "off"):
        yield Issue(("preflight", "require_dnc"), "needs check: list", "only the list names a campaign's DNC lists")


def _duplicates(campaigns: Mapping[int, Mapping[str, Any]]) -> Iterator[Issue]:
    pairs = ((i, (row.get("stream"), row.get("campaign"))) for i, row in campaigns.items())
    whole = {i: pair for i, pair in pairs if isinstance(pair[0], str) and isinstance(pair[1], str)}
    if len(set(whole.values())) == len(whole):
        return
    seen: dict[Any, int] = {}
    for i, pair in whole.items():
        first = seen.setdefault(pair, i)
        if first != i:
            yield Issue(("campaigns", i), f"{pair[0]}/{pair[1]} is listed twice", "", ("campaigns", first))


def _references(
    raw: Mapping[str, Any], campaigns: Mapping[int, Mapping[str, Any]], key: str, section: str
) -> Iterator[Issue]:
    named = {i: row[key] for i, row in campaigns.items() if isinstance(row.get(key), str)}
    known = raw.get(section, None if section == "accounts" else {})  # that accounts are missing is said elsewhere
    default = _mapping(raw, "defaults").get(key)
    if (
        not isinstance(known, dict)
        or {*named.values(), *([default] if isinstance(default, str) else [])} <= known.keys()
    ):
        return
    if isinstance(default, str) and default not in known:
        yield _unknown(("defaults", key), key, default, known)
    unknown = [(i, name) for i, name in named.items() if name not in known and name != default]
    for n, (i, name) in enumerate(unknown):
        yield _unknown(("campaigns", i, key), key, name, known if n < _HINTED else {})


def _unknown(path: Path, key: str, name: str, known: Mapping[str, Any]) -> Issue:
    return Issue(path, f"no {key} is called {name!r}", did_you_mean(name, known))


def _without_account(campaigns: Mapping[int, Mapping[str, Any]]) -> Iterator[Issue]:
    for i, row in campaigns.items():
        if "account" not in row:
            yield Issue(("campaigns", i), "has no account", "write account: NAME, or defaults: {account: NAME}")


def _waves(raw: Mapping[str, Any], campaigns: Mapping[int, Mapping[str, Any]], *, complete: bool) -> Iterator[Issue]:
    written = raw.get("waves")
    waves = {i: w for i, w in enumerate(written) if isinstance(w, dict)} if isinstance(written, list) else {}
    seen: dict[str, int] = {}
    for i, wave in waves.items():
        name = wave.get("name")
        if isinstance(name, str) and seen.setdefault(name, i) != i:
            yield Issue(("waves", i, "name"), f"{name!r} names two waves", "", ("waves", seen[name], "name"))
    if complete and waves:
        yield from _members(waves, campaigns)


def _members(waves: Mapping[int, Mapping[str, Any]], campaigns: Mapping[int, Mapping[str, Any]]) -> Iterator[Issue]:
    keys = {f"{row.get('stream')}/{row.get('campaign')}": i for i, row in campaigns.items()}
    wanted = {i: (_words(wave, "tags"), _words(wave, "campaigns")) for i, wave in waves.items()}
    nowhere = [(i, n, key) for i, (_, named) in wanted.items() for n, key in named.items() if key not in keys]
    for number, (i, n, key) in enumerate(nowhere):
        hint = did_you_mean(key, keys if number < _HINTED else ())
        yield Issue(("waves", i, "campaigns", n), f"no campaign is {key!r}", hint)
    members = _first_waves(wanted, keys, campaigns)
    for i, (tags, named) in wanted.items():
        unknown = named and not any(key in keys for key in named.values())
        if (tags or named) and i not in members and not unknown:
            yield Issue(("waves", i), "nobody is in this wave", "earlier waves take their campaigns first")


def _first_waves(
    wanted: Mapping[int, tuple[Mapping[int, str], Mapping[int, str]]],
    keys: Mapping[str, int],
    campaigns: Mapping[int, Mapping[str, Any]],
) -> set[int]:
    by_tag: dict[str, int] = {}
    by_key: dict[str, int] = {}
    for i, (tags, named) in reversed(list(wanted.items())):  # the first wave is entered last, and stays
        by_tag.update(dict.fromkeys(tags.values(), i))
        by_key.update(dict.fromkeys(named.values(), i))
    rest = [i for i, (tags, named) in wanted.items() if not (tags or named)][:1]
    members: set[int] = set()
    for key, row in keys.items():
        written = campaigns[row].get("tags")
        own = [tag for tag in written if isinstance(tag, str)] if isinstance(written, (list, tuple)) else []
        naming = [*rest, *(by_key[k] for k in (key,) if k in by_key), *(by_tag[tag] for tag in own if tag in by_tag)]
        members.update(sorted(naming)[:1])
    return members


def _words(wave: Mapping[str, Any], key: str) -> dict[int, str]:
    value = wave.get(key)
    return {n: word for n, word in enumerate(value) if isinstance(word, str)} if isinstance(value, list) else {}
