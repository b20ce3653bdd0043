"""A JSON Schema as sections, one for each mapping in it, with a table of its keys."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from docs.generator.tables import table
from orchestrator.core.manifest.values import ID_PATTERN, KEY_PATTERN, spelled_duration

_Schema = Mapping[str, Any]
_MANY: Final = 8
_TEXTS: Final = {ID_PATTERN: "id", KEY_PATTERN: "`STREAM/CAMPAIGN`"}


def schema_sections(schema: _Schema, title: str) -> Iterator[str]:
    """A section for the top level, then for each mapping where it is first used."""
    places = _places(schema)
    yield _section(title, schema, schema, places, [])
    for name, found in places.items():
        yield _section(found[0], schema["$defs"][name], schema, places, found[1:])


def _required(mapping: _Schema) -> set[str]:
    """The keys that are required, also where another key may stand for them."""
    return {*mapping.get("required", ()), *(key for one in mapping.get("anyOf", ())[:1] for key in one["required"])}


def _places(schema: _Schema) -> dict[str, list[str]]:
    """The mappings of the schema by name, each with the paths at which it stands, outermost first."""
    found: dict[str, list[str]] = {}
    waiting = [("", schema)]
    while waiting:
        path, mapping = waiting.pop(0)
        for key, value in mapping.get("properties", {}).items():
            for name, place in _mappings(value, f"{path}.{key}".lstrip("."), schema):
                found.setdefault(name, []).append(place)
                waiting.append((place, schema["$defs"][name]))
    return found


def _mappings(value: _Schema, path: str, schema: _Schema) -> Iterator[tuple[str, str]]:
    name = _name(value)
    if name is not None and "properties" in schema["$defs"][name]:
        yield name, path
    for part in value.get("anyOf", ()):
        yield from _mappings(part, path, schema)
    if "items" in value:
        yield from _mappings(value["items"], f"{path}[]", schema)
    for part in _named(value):
        yield from _mappings(part, f"{path}.NAME", schema)


def _section(title: str, mapping: _Schema, schema: _Schema, places: Mapping[str, list[str]], also: list[str]) -> str:
    head = [f"## {title}"]
    if also:
        head.append(f"Also: {', '.join(f'`{place}`' for place in also)}.")
    if said := mapping.get("description"):
        head.append(" ".join(said.split()))
    required = _required(mapping)
    rows = [
        (f"`{key}`", _words(value, schema, places), _default(value, is_required=key in required),
         value.get("description") or _described(value, schema))
        for key, value in mapping["properties"].items()
    ]  # fmt: skip
    if all(row[2] == "required" for row in rows):  # an artefact: all of it is always there
        always = [(key, _or_null(words, mapping["properties"][key.strip("`")]), said) for key, words, _, said in rows]
        return "\n\n".join([*head, table(("Key", "Value", "Meaning"), always)])
    return "\n\n".join([*head, table(("Key", "Value", "Default", "Meaning"), rows)])


def _words(value: _Schema, schema: _Schema, places: Mapping[str, list[str]]) -> str:
    """What may be written, in words."""
    if (name := _name(value)) is not None:
        return _link(places[name][0]) if name in places else _words(schema["$defs"][name], schema, places)
    if "anyOf" in value:
        return _either(value, schema, places)
    if "const" in value or "enum" in value:
        words = value.get("enum", [value.get("const")])
        return "a word: see below" if len(words) > _MANY else ", ".join(f"`{word}`" for word in words)
    if value["type"] == "array":
        return f"list of {_words(value['items'], schema, places)}"
    if "properties" in value:  # a small mapping without a section of its own
        return "`{" + ", ".join(f"{key}: {key.upper()}" for key in value["properties"]) + "}`"
    named = [f"names with {_words(part, schema, places)} each" for part in _named(value)]
    return " or ".join(named) or _scalar(value)


def _link(place: str) -> str:
    return f"[mapping](#{re.sub(r'[^a-z0-9_ -]', '', place.lower())})"


def _either(value: _Schema, schema: _Schema, places: Mapping[str, list[str]]) -> str:
    if _is_duration(value):
        return "duration from {} to {}".format(
            *(spelled_duration(value["anyOf"][1][end]) for end in ("minimum", "maximum"))
        )
    parts = [part for part in value["anyOf"] if part.get("type") != "null"]
    return " or ".join(dict.fromkeys(_words(part, schema, places) for part in parts))


def _scalar(value: _Schema) -> str:
    if value["type"] == "boolean":
        return "`true`, `false`"
    if value["type"] == "string":
        examples = ", ".join(f"`{example}`" for example in value.get("examples", ()))
        return f"text such as {examples}" if examples else _TEXTS.get(value.get("pattern", ""), "text")
    words = (("minimum", "from"), ("exclusiveMinimum", "above"), ("maximum", "to"))
    ends = [f"{word} {value[end]:g}" for end, word in words if end in value]
    return " ".join(["whole number" if value["type"] == "integer" else "number", *ends])


def _default(value: _Schema, *, is_required: bool) -> str:
    if is_required:
        return "required"
    default = value.get("default")
    if default is None or isinstance(default, dict) or default in ("", []):
        return ""
    if isinstance(default, list):
        return f"`[{', '.join(map(str, default))}]`"
    return f"`{spelled_duration(default) if _is_duration(value) else json.dumps(default).strip(chr(34))}`"


def _is_duration(value: _Schema) -> bool:
    return bool(value.get("anyOf", [{}])[0].get("examples") == ["500ms", "60s", "10m", "1h"])


def _or_null(words: str, value: _Schema) -> str:
    return f"{words}, or `null`" if {"type": "null"} in value.get("anyOf", ()) else words


def _described(value: _Schema, schema: _Schema) -> str:
    name = _name(value)
    return str(schema["$defs"][name].get("description", "")) if name is not None else ""


def _name(value: _Schema) -> str | None:
    return value["$ref"].rsplit("/", 1)[1] if "$ref" in value else None


def _named(value: _Schema) -> Iterator[_Schema]:
    """What stands under names that the author chooses."""
    yield from value.get("patternProperties", {}).values()
    if isinstance(value.get("additionalProperties"), dict):
        yield value["additionalProperties"]
