"""The JSON Schemas of a manifest and of `result.json`, made from the types that the two are made of."""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

from pydantic import TypeAdapter

from orchestrator.core.manifest import models
from orchestrator.core.manifest.values import ID_PATTERN
from orchestrator.core.result import delivered, texted, types

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def manifest_schema() -> dict[str, Any]:
    """What an editor completes and checks in a manifest file."""
    schema = _described(models.Manifest.model_json_schema(), models.Manifest, vars(models))
    _add_environments(schema)
    return {"$schema": _DIALECT, **schema}


def _add_environments(schema: dict[str, Any]) -> None:
    """Environments are no field of the model: a manifest is parsed as it counts in one of them."""
    account, properties = schema["$defs"]["Account"], schema["properties"]
    accounts = {**properties["accounts"], "patternProperties": {ID_PATTERN: {"$ref": "#/$defs/EnvironmentAccount"}}}
    keys = {key: properties[key] for key in models.ENVIRONMENT_KEYS} | {"accounts": accounts}
    schema["$defs"] |= {
        "Environment": _changes(keys, "What one environment changes: mappings key by key, anything else as a whole."),
        "EnvironmentAccount": _changes(account["properties"], "What one environment changes in an account."),
    }
    properties["environments"] = {
        "additionalProperties": False,
        "description": "What differs between environments, by names of your choice. `--env` chooses one.",
        "minProperties": 1,
        "patternProperties": {ID_PATTERN: {"anyOf": [{"$ref": "#/$defs/Environment"}, {"type": "null"}]}},
        "type": "object",
    }
    # Each environment may have a host and accounts of its own.
    own = ["host", "accounts"]
    schema["required"] = [key for key in schema["required"] if key not in own]
    schema["anyOf"] = [{"required": own}, {"required": ["environments"]}]


def _changes(properties: dict[str, dict[str, Any]], description: str) -> dict[str, Any]:
    """A mapping of which no key is required or has a default: what is left out stays as it is."""
    kept = {key: {name: part for name, part in value.items() if name != "default"} for key, value in properties.items()}
    return {"additionalProperties": False, "description": description, "properties": kept, "type": "object"}


def result_schema() -> dict[str, Any]:
    """What a reader of `result.json` can rely on within version 1: fields are added, and none is taken away."""
    made = _described(
        TypeAdapter(types.Result).json_schema(mode="serialization"),
        types.Result,
        vars(delivered) | vars(texted) | vars(types),
    )
    version = {
        "const": types.SCHEMA_VERSION,
        "description": "Raised when something is removed or means something else.",
    }
    made["properties"] = {"schema_version": version, **made["properties"]}
    made["required"] = ["schema_version", *made["required"]]
    return {"$schema": _DIALECT, **made}


def _described(schema: dict[str, Any], whole: type, kinds: dict[str, Any]) -> dict[str, Any]:
    """The schema with the texts under the fields as descriptions.

    pydantic can do it as well (`use_attribute_docstrings`), but then every command reads and parses the sources of all
    models when it imports them.
    """
    for name, part in [(whole.__name__, schema), *schema["$defs"].items()]:
        texts = dict(_field_texts(kinds[name]))
        for field, found in part.get("properties", {}).items():
            # A Python keyword has a mark behind it: `pass_`, `except_`.
            if text := texts.get(field, texts.get(f"{field}_")):
                part["properties"][field] = dict(sorted({**found, "description": text}.items()))  # in pydantic's order
    return schema


def _field_texts(kind: type) -> Iterator[tuple[str, str]]:
    """The fields of a class that have a text under them, those of its bases too."""
    # Not by `__mro__` alone: a TypedDict has its bases nowhere else.
    bases = [base for base in getattr(kind, "__orig_bases__", ()) if isinstance(base, type)]
    for one in [*bases, *reversed(kind.__mro__)]:
        if not one.__module__.startswith("orchestrator."):
            continue
        body = ast.parse(textwrap.dedent(inspect.getsource(one))).body[0]
        for field, text in pairwise(body.body if isinstance(body, ast.ClassDef) else []):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
                yield field.target.id, inspect.cleandoc(ast.literal_eval(text.value))
