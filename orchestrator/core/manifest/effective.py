"""The manifest that counts, value by value, with the place where each is written: what `explain` prints."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple, get_args, get_origin

from pydantic.fields import FieldInfo

from orchestrator.core.manifest.checks import Path
from orchestrator.core.manifest.models import Campaign, Defaults, Manifest, SecretRef
from orchestrator.core.manifest.rules import Section
from orchestrator.core.manifest.values import spelled_duration
from orchestrator.model import Window

_CAMPAIGN: Final[Mapping[str, FieldInfo]] = Campaign.__pydantic_fields__  # type: ignore[attr-defined]
_INHERITED: Final = frozenset(Defaults.model_fields)


@dataclass(frozen=True, slots=True)
class EffectiveValue:
    """A value at its path in the effective manifest, as it is or would be written.

    `origin` is where the manifest's own mapping has it; None: nobody wrote it, it is the default.
    """

    path: Path
    value: Any
    origin: Path | None


def effective(raw: Mapping[str, Any], rows: Iterable[Mapping[str, Any]] = ()) -> Iterator[EffectiveValue]:
    """Every value of a valid manifest. `rows` are the campaigns of its files, which follow the inline ones."""
    for key, field in _fields(Manifest):
        if key == "campaigns":
            for number, row in enumerate([*raw.get(key, ()), *rows]):
                yield from _campaign(row, raw.get("defaults", {}), (key, number))
        elif key != "sandbox" or raw["host"] == "sandbox":  # elsewhere, the built-in platform has no say
            yield from _field(field, raw, (), key)


def _campaign(row: Mapping[str, Any], defaults: Mapping[str, Any], path: Path) -> Iterator[EffectiveValue]:
    for key, field in _CAMPAIGN.items():
        if key not in row and key in _INHERITED and key in defaults:
            yield EffectiveValue((*path, key), defaults[key], ("defaults", key))
        else:
            yield from _field(field, row, path, key)


def _field(field: FieldInfo, raw: Mapping[str, Any], path: Path, key: str) -> Iterator[EffectiveValue]:
    own = (*path, key)
    if key in raw:
        yield from _written(_sections_of(field.annotation), raw[key], own)
    elif isinstance(default := field.get_default(call_default_factory=True), Section):
        yield from _mapping(type(default), {}, own)
    else:
        extra = field.json_schema_extra
        shown = extra["default"] if isinstance(extra, Mapping) and "default" in extra else _spelled(default)
        yield EffectiveValue(own, shown, None)


def _written(found: "_Sections | None", value: Any, path: Path) -> Iterator[EffectiveValue]:
    """What is written for a key, value by value where it holds sections."""
    # What stands in a section's place, such as null or an empty list, is a value itself.
    if found is None or not isinstance(value, (Mapping, list)) or not (value or found.held is None):
        yield EffectiveValue(path, value, path)
    elif found.held is None:
        yield from _mapping(found.section, value, path)
    else:
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        for step, item in items:
            yield from _mapping(found.section, item, (*path, step))


def _mapping(section: type[Section], raw: Any, path: Path) -> Iterator[EffectiveValue]:
    for key, field in _fields(section):
        yield from _field(field, raw, path, key)


def _fields(section: type[Section]) -> Iterator[tuple[str, FieldInfo]]:
    return ((field.alias or name, field) for name, field in section.model_fields.items())


class _Sections(NamedTuple):
    """What a field holds: a section, or some of them in a `dict` or a `tuple`."""

    section: type[Section]
    held: Any


def _sections_of(annotation: Any) -> _Sections | None:
    if isinstance(annotation, type):
        # A reference to a secret is one value.
        is_section = issubclass(annotation, Section) and annotation is not SecretRef
        return _Sections(annotation, None) if is_section else None
    held = get_origin(annotation)
    found = next(filter(None, map(_sections_of, get_args(annotation))), None)
    return found if found is None or held not in {dict, tuple} else _Sections(found.section, held)


def _spelled(default: Any) -> Any:
    """A default as it would be written. Numbers with a fraction are durations."""
    if isinstance(default, float):
        return spelled_duration(default)
    if isinstance(default, (StrEnum, Window)):
        return str(default)
    return [_spelled(item) for item in default] if isinstance(default, (tuple, list)) else default
