"""Faults that pydantic finds, in the words of the manifest: what is wrong, and what to write instead."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from orchestrator.core.manifest.checks import Issue, Path
from orchestrator.core.manifest.links import Links
from orchestrator.core.manifest.models import (
    Account,
    AccountRules,
    BreakerRules,
    Campaign,
    Defaults,
    Limits,
    Manifest,
    Notify,
    OpenHours,
    Pass,
    Preflight,
    Probe,
    Report,
    Retry,
    Sandbox,
    Signers,
    StopWhen,
    Timeouts,
    Wave,
)
from orchestrator.core.manifest.values import ENV_PATTERN, ID_PATTERN, KEY_PATTERN, did_you_mean
from orchestrator.core.manifest.zones import ZoneHint
from orchestrator.core.secrecy import is_secret_path
from orchestrator.core.visible import oddity

_SECTIONS: Final[Mapping[str, type[BaseModel]]] = {
    "": Manifest, "accounts": Account, "defaults": Defaults, "preflight": Preflight, "probe": Probe,
    "sandbox": Sandbox, "windows": OpenHours, "waves": Wave, "retry": Retry, "timeouts": Timeouts,
    "stop_when": StopWhen, "per_account": AccountRules, "breaker": BreakerRules, "limits": Limits, "report": Report,
    "links": Links, "notify": Notify, "pass": Pass, "approval": Signers,
}  # fmt: skip
_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    name: tuple(field.alias or key for key, field in section.model_fields.items())
    for name, section in _SECTIONS.items()
} | {"campaigns": tuple(field.name for field in fields(Campaign))}
TOP_LEVEL_KEYS: Final = _KEYS[""]
"""The keys of a manifest besides `environments`."""
ID_WORDS: Final = (
    "can only contain letters, digits, '.', '_' and '-', at most 128 of them",
    "begin with a letter or a digit",
)
"""What is wrong with an id, and what to write."""
_PATTERNS: Final[Mapping[str, tuple[str, str]]] = {
    ID_PATTERN: ID_WORDS,
    ENV_PATTERN: ("must be the name of a variable", "write letters, digits and '_', and no digit first"),
    KEY_PATTERN: ("must name one campaign", "write it as stream/campaign"),
}
_MAX_HINTS: Final = 100  # to look for a near word takes a while
_NESTED: Final = frozenset({"pass", "per_account"})  # sections within others
_UNKNOWN_KEY: Final = frozenset({"extra_forbidden", "unexpected_keyword_argument"})
_TYPES: Final[Mapping[str, tuple[str, str]]] = {
    "missing": ("is missing", ""),
    "string_type": ("must be a string", "quote it"),
    "bool_type": ("must be true or false", ""),
    "int_type": ("must be a whole number", ""),
    "tuple_type": ("must be a list", "write it as [one, two]"),
    "dict_type": ("must be a mapping", "write it as key: value"),
    "model_type": ("must be a mapping", "write it as key: value"),
    "dataclass_type": ("must be a mapping", "write it as key: value"),
    "model_attributes_type": ("must be a mapping", "write it as key: value"),
}


def issues(found: Sequence[ErrorDetails]) -> Iterator[Issue]:
    """All faults, except lists that are too short only because an item is at fault.

    The words never repeat a value, which may be a secret. If it certainly is not, it is a field of the issue.
    """
    # pydantic drops items at fault before it counts: a list with one bad item is "too short", too.
    parents = {details["loc"][:-1] for details in found}
    for number, details in enumerate(found):
        if details["type"] != "too_short" or details["loc"] not in parents:
            yield _issue(details, is_hinted=number < _MAX_HINTS)


def _issue(details: ErrorDetails, *, is_hinted: bool) -> Issue:
    path: Path = details["loc"]
    if path[-1:] == ("[key]",) and details["type"].startswith("string_"):
        # pydantic's mark for a key at fault. In the path of any other fault it is a key that is written "[key]".
        path = path[:-1]
    if details["type"] in _UNKNOWN_KEY:
        return Issue(path, "unknown key", _key_hint(path))
    message, hint = _words(details)
    # Hundreds of zone names are compared for each hint, so only faults that are shown get one.
    if isinstance(hint, ZoneHint):
        hint = hint.read() if is_hinted else ""
    is_secret = is_secret_path(".".join(map(str, path)))
    value = None if details["type"] == "missing" or is_secret else details["input"]
    return Issue(path, message, hint, value=value)


def _key_hint(path: Path) -> str:
    key = path[-1]
    if isinstance(key, str) and (odd := oddity(key)):
        return f"retype it: it contains {odd}"
    known = _known_keys(path[:-1])
    if isinstance(key, str) and key.partition(":")[0] in known:
        return "write a space after the colon"
    return did_you_mean(key, known)


def _known_keys(parents: Path) -> tuple[str, ...]:
    known = _KEYS[_section(parents)]
    return known if parents else (*known, "environments")


def _section(parents: Path) -> str:
    if not parents:
        return ""
    return str(parents[-1] if parents[-1] in _NESTED else parents[0])


def _words(details: ErrorDetails) -> tuple[str, str | ZoneHint]:
    kind, context = details["type"], details.get("ctx", {})
    if kind == "manifest":
        hint = context["hint"]
        return str(context["message"]), hint if isinstance(hint, ZoneHint) else str(hint)
    if kind in _TYPES:
        return _type_words(kind, details["input"])
    if kind == "string_pattern_mismatch":
        message, hint = _PATTERNS.get(str(context["pattern"]), ("has characters that are not allowed here", ""))
        odd = oddity(details["input"])
        return message, f"retype it: it contains {odd}" if odd else hint
    # What is left are pydantic's own sentences: "Input should be greater than 0".
    message = re.sub(r"^\w+ should", "must", details["msg"]).replace(" after validation", "")
    return message[:1].lower() + message[1:], ""


def _type_words(kind: str, value: Any) -> tuple[str, str]:
    message, hint = _TYPES[kind]
    if value is None:
        return f"{message}, but is empty", "write a value, or leave the key out"
    if kind == "string_type" and isinstance(value, (list, Mapping)):
        return message, ""
    return message, hint
