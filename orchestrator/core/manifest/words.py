"""Lists of words, which people write in several ways: days of the week, tags, types of campaigns."""

import re
from typing import Any, Final

from pydantic import BeforeValidator, WithJsonSchema

from orchestrator.core.manifest.values import ID_PATTERN, TextForm, fault
from orchestrator.model import CampaignType

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_WHOLE_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY_NUMBERS: Final = {name: number for names in (DAYS, _WHOLE_DAYS) for number, name in enumerate(names)}
_MAX_DAYS: Final = 100
_HINT: Final = "write them as [mon, tue], or mon-fri"
_SEPARATOR: Final = re.compile(r"[\s;,]+")


def words_of(value: Any) -> Any:
    """A text as the list of its words, which white space, semicolons or commas separate; any other value as it is."""
    return [word for word in _SEPARATOR.split(value) if word] if isinstance(value, str) else value


def _days(value: Any) -> tuple[str, ...]:
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, (list, tuple)) or not 1 <= len(items) <= _MAX_DAYS:
        raise fault("must be days of the week", _HINT)
    # Each day once, in the order in which they are written.
    return tuple(dict.fromkeys(day for item in items for day in _span(item)))


def _span(item: Any) -> tuple[str, ...]:
    """A day, or from one day to another, over the weekend where that comes between: `fri-mon`."""
    names = item.lower().split("-") if isinstance(item, str) else []
    if not 1 <= len(names) <= 2 or not all(name in _DAY_NUMBERS for name in names):
        raise fault("must be days of the week", _HINT)
    first, last = _DAY_NUMBERS[names[0]], _DAY_NUMBERS[names[-1]]
    return tuple(DAYS[(first + n) % 7] for n in range((last - first) % 7 + 1))


def _any_case(*words: str) -> str:
    """A pattern for one of the words in any case; without flags, which JSON Schema lacks."""
    return "(?:{})".format("|".join("".join(f"[{char.upper()}{char}]" for char in word) for word in words))


_DAY: Final = _any_case(*DAYS, *_WHOLE_DAYS)
_DAY_SCHEMA: Final = {"type": "string", "pattern": f"^{_DAY}(?:-{_DAY})?$", "examples": ["mon", "mon-fri"]}
_TYPES: Final = [str(one) for one in CampaignType]
_TAG_SCHEMA: Final = {"type": "string", "pattern": ID_PATTERN}

WEEKDAYS: Final = TextForm(
    _days, {"anyOf": [{"type": "array", "items": _DAY_SCHEMA, "minItems": 1, "maxItems": _MAX_DAYS}, _DAY_SCHEMA]}
)
"""Annotates days of the week: as `mon` or `Monday`, as a range, and as a list of both."""

TAGS: Final = BeforeValidator(words_of)
"""Annotates tags: a list of them, or one text."""
TAGS_SCHEMA: Final = WithJsonSchema(
    {"anyOf": [{"type": "array", "items": _TAG_SCHEMA}, {"type": "string", "examples": ["canary", "canary east"]}]}
)
"""The same in the schema."""

TYPE_SCHEMA: Final = WithJsonSchema(
    {"anyOf": [{"type": "string", "enum": _TYPES}, {"type": "string", "pattern": f"^{_any_case(*_TYPES)}$"}]}
)
"""Annotates a campaign's type, whose case does not matter."""
