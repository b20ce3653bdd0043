import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from orchestrator.app.schema import result_schema
from orchestrator.core.result.build import build
from orchestrator.report.files import as_json
from tests.core.result.test_delivered import followed
from tests.paths import SCHEMAS
from tests.report.samples import hostile, result_of, small

HERE = Path(__file__).parent
SCHEMA = SCHEMAS / "result.v1.json"
PROMISED = HERE / "result.v1.promised.txt"
VALIDATOR = jsonschema.Draft202012Validator(result_schema())


DATA = {"budget", "totals", "recipients.accounts", "delivery.accounts", "delivery.states", "delivery.accounts.*.states"}


def paths(schema, place=""):
    """Every place of the schema with what may stand there, as lines: `campaigns[].attempts integer`."""
    if "$ref" in schema:
        yield from paths(result_schema()["$defs"][schema["$ref"].rsplit("/", 1)[1]], place)
        return
    for part in schema.get("anyOf", ()):
        yield from paths(part, place)
    for word in schema.get("enum", ()):
        yield f"{place} {word}"
    if "type" in schema:
        yield f"{place} {schema['type']}"
    for key, part in schema.get("properties", {}).items():
        assert key in schema["required"]
        yield from paths(part, f"{place}.{key}".lstrip("."))
    if "items" in schema:
        yield from paths(schema["items"], f"{place}[]")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from paths(schema["additionalProperties"], f"{place}.*")


def keys(value, place=""):
    """Every place of a value; the keys of what is in DATA are data."""
    yield place
    if isinstance(value, list):
        for item in value:
            yield from keys(item, f"{place}[]")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from keys(item, f"{place}.{'*' if place in DATA else key}".lstrip("."))


def test_the_committed_schema_is_todays():
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == result_schema()


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(result_schema())


@pytest.mark.parametrize(
    "result",
    [small(), hostile(200), result_of([]), build(followed())],
    ids=["small", "hostile", "empty", "followed"],
)
def test_the_schema_accepts_what_is_written(result):
    VALIDATOR.validate(json.loads("".join(as_json(result))))


@pytest.mark.parametrize("change", [{"schema_version": "2"}, {"run": {}}, {"campaigns": [{}]}, {"totals": None}])
def test_the_schema_can_refuse(change):
    assert not VALIDATOR.is_valid({**json.loads("".join(as_json(small()))), **change})


def test_the_result_has_exactly_the_names_of_its_schema():
    named = {line.split(" ")[0] for line in paths(result_schema())} | {"schema_version"}
    rehearsed = replace(small(), run={**small().run, "rehearsal": {"faults": "calm", "seed": 1}})
    results = (small(), rehearsed, build(followed()))
    written = {key for result in results for key in keys(json.loads("".join(as_json(result))))}

    assert named == written


def test_within_version_1_nothing_is_removed_or_changes_type():
    promised = set(PROMISED.read_text(encoding="utf-8").splitlines())

    assert len(promised) > 50
    assert set() == promised - set(paths(result_schema()))


def test_what_is_added_is_promised_from_then_on():
    assert sorted(paths(result_schema())) == PROMISED.read_text(encoding="utf-8").splitlines()


if __name__ == "__main__":
    PROMISED.write_text("\n".join(sorted(paths(result_schema()))) + "\n", encoding="utf-8")
