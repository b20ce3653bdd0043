"""Merging an environment, and explaining what came of it, agree for every manifest."""

import json
import re
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.console import origins as shown
from orchestrator.core.manifest.effective import effective
from orchestrator.core.manifest.environments import merge
from orchestrator.core.manifest.models import ENVIRONMENT_KEYS
from orchestrator.core.manifest.parse import parse
from orchestrator.loading import yaml_reader
from orchestrator.loading.explained import explain_manifest
from tests.property.test_manifest_law import at, places
from tests.property.values import SECTIONS, accounts, manifests, optional


@st.composite
def with_environments(draw):
    """A valid manifest, of which one environment changes some accounts and sections, and another nothing."""
    raw = draw(manifests())
    changed = dict.fromkeys(raw["accounts"], accounts)
    sections = {key: SECTIONS[key] for key in ENVIRONMENT_KEYS if key in SECTIONS}
    staging = draw(optional(accounts=optional(**changed), host=st.just("sandbox"), **sections))
    return {**raw, "environments": {"staging": staging, "other": None}}


def rebuilt(values):
    """The mapping that the values make, each at its path."""
    whole = {}
    for found in values:
        part = whole
        for step, after in zip(found.path, found.path[1:], strict=False):
            missing = [] if isinstance(after, int) else {}
            if isinstance(step, int) and step == len(part):
                part.append(missing)
            part = part[step] if isinstance(step, int) else part.setdefault(step, missing)
        part[found.path[-1]] = found.value
    return whole


def leaves(value):
    """The paths of what holds nothing else by name."""
    return {path for path in places(value) if path and not isinstance(at(value, path), dict)}


@settings(max_examples=50)
@given(with_environments())
def test_the_values_explained_make_the_manifest_that_counts(raw):
    for environment in ("staging", "other"):
        merged = merge(raw, environment).raw

        assert parse(rebuilt(effective(merged))) == parse(merged)
        assert parse(merged)[1] == ()


@settings(max_examples=50)
@given(with_environments())
def test_every_origin_has_the_value_and_a_default_has_none(raw):
    merged = merge(raw, "staging")
    for found in effective(merged.raw):
        if found.origin is not None:
            assert at(raw, merged.written(found.origin)) == found.value
        else:
            *above, key = found.path
            assert found.path not in set(places(merged.raw)), (above, key)


@settings(max_examples=50)
@given(with_environments())
def test_whatever_an_environment_says_is_an_origin(raw):
    merged = merge(raw, "staging")
    origins = {merged.written(found.origin) for found in effective(merged.raw) if found.origin is not None}

    for leaf in leaves(raw["environments"]["staging"]):
        path = ("environments", "staging", *leaf)
        assert any(path[:n] in origins for n in range(3, len(path) + 1)), path


@settings(max_examples=30)
@given(with_environments())
def test_each_origin_is_where_the_file_has_the_value(raw):
    # JSON is YAML, but for characters that YAML has only as escapes of its own.
    text = re.sub(r"[^\n -~]", lambda one: f"\\U{ord(one[0]):08x}", json.dumps(raw, indent=1, ensure_ascii=False))
    lines = text.split("\n")
    with TemporaryDirectory() as folder:
        file = Path(folder) / "m.yaml"
        file.write_text("\n".join(lines), encoding="utf-8")
        values = explain_manifest(file, "staging")

    for found in values:
        if found.origin != "default":
            line, column = map(int, found.origin.rsplit(":", 2)[1:])
            assert lines[line - 1][column - 1 :].startswith(f"{json.dumps(found.path[-1])}: ")
    assert {found.origin == "default" for found in values} == {True, False}


@settings(max_examples=60)
@given(with_environments())
def test_what_is_shown_reads_back_as_the_same_values(raw):
    values = list(effective(merge(raw, "staging").raw))
    printed = shown.text([(found.path, found.value, "m.yaml:1:1") for found in values])

    assert yaml_reader.load(printed, "shown").value == rebuilt(values)
