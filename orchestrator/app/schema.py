"""The JSON Schemas of a manifest and of `result.json`, made from the types that the two are made of."""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

from pydantic import TypeAdapter

from orchestrator.core.manifest import models
from orchestrator.core.result import types

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def manifest_schema() -> dict[str, Any]:
    """What an editor completes and checks in a manifest file."""
    return {"$schema": _DIALECT, **_described(models.Manifest.model_json_schema(), models.Manifest, vars(models))}


def result_schema() -> dict[str, Any]:
    """What a reader of `result.json` can rely on within version 1: fields are added, and none is taken away."""
    made = _described(TypeAdapter(types.Result).json_schema(mode="serialization"), types.Result, vars(types))
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
    for one in reversed(kind.__mro__):
        if not one.__module__.startswith("orchestrator."):
            continue
        body = ast.parse(textwrap.dedent(inspect.getsource(one))).body[0]
        for field, text in pairwise(body.body if isinstance(body, ast.ClassDef) else []):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
                yield field.target.id, inspect.cleandoc(ast.literal_eval(text.value))
