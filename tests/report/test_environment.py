"""The environment of a run stands in every report; a run without one has the reports that it always had."""

import csv
import io
import json
import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from orchestrator.report import files, github
from tests.report.samples import records_of, small

NAMED = {"environment": "live-eu"}


def written(name, **facts):
    result = small()
    changed = replace(result, run={**result.run, **facts})
    return "".join(files._WRITERS[name][1](changed, records_of(result)))


@pytest.mark.parametrize("name", files.FORMATS)
def test_every_format_names_it(name):
    assert "live-eu" in written(name, **NAMED)
    assert "live-eu" not in written(name)


def test_people_read_it_beside_the_launch_and_the_host():
    page, text = written("html", **NAMED), written("markdown", **NAMED)

    assert re.search(r"<title>(.*?):", page)[1] == "winter-2026 in live-eu"
    assert "<dt>Environment</dt><dd>live-eu</dd>" in page
    assert " on `https://platform.kore.ai` in environment `live-eu`, exit code 11." in text


def test_machines_read_it_under_its_name():
    (suite, *_) = ET.fromstring(written("junit", **NAMED))  # noqa: S314 - our own file
    properties = {one.get("name"): one.get("value") for one in suite.iter("property")}
    rows = list(csv.DictReader(io.StringIO(written("csv", **NAMED), newline="")))

    assert properties["environment"] == "live-eu"
    assert {row["environment"] for row in rows} == {"live-eu"}
    assert json.loads(written("json", **NAMED))["run"]["environment"] == "live-eu"
    assert 'environment="live-eu",launch="winter-2026"' in written("prometheus", **NAMED)
    assert "ORCHESTRATOR_ENVIRONMENT=live-eu\n" in written("dotenv", **NAMED)
    assert github.outputs(replace(small(), run={**small().run, **NAMED}))["environment"] == "live-eu"


def test_reports_of_two_environments_do_not_replace_each_other(tmp_path):
    result = small()
    for name in (None, "staging", "live-eu"):
        files.write(replace(result, run={**result.run, "environment": name}), [], tmp_path, ["json"])

    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.json")) == [
        "winter-2026/live-eu/result.json", "winter-2026/result.json", "winter-2026/staging/result.json",
    ]  # fmt: skip
