"""A rehearsal, and a run against the sandbox, cannot be taken for a run that reached people, in any format."""

import csv
import io
import json
import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from prometheus_client.parser import text_string_to_metric_families

from orchestrator.report import files, github
from tests.report.samples import records_of, small

REHEARSAL = {"rehearsal": {"faults": "nasty", "seed": 7}}
SANDBOX = {"host": "sandbox"}
BANNERS = {"": {}, "Rehearsal: nothing was sent": REHEARSAL, "Sandbox: nothing was sent": SANDBOX}


def result_of(facts):
    result = small()
    return replace(result, run={**result.run, **facts})


def written(name, facts):
    return "".join(files._WRITERS[name][1](result_of(facts), records_of(small())))


def rows(facts):
    return list(csv.DictReader(io.StringIO(written("csv", facts), newline="")))


def suites(facts):
    return list(ET.fromstring(written("junit", facts)))  # noqa: S314 - our own file


@pytest.mark.parametrize("banner", BANNERS)
def test_people_read_the_banner_first(banner):
    page, text = written("html", BANNERS[banner]), written("markdown", BANNERS[banner])
    title = re.search(r"<title>(.*?)</title>", page)[1]

    assert title.startswith(f"{banner}. winter-2026: " if banner else "winter-2026: ")
    assert text.startswith(f"## {banner}. Launch `winter-2026`: " if banner else "## Launch `winter-2026`: ")
    assert ('<p class="banner" role="note">' in page) == bool(banner)
    assert f"<strong>{banner}</strong>" in page or not banner


@pytest.mark.parametrize(("facts", "note"), [
    ({}, None), (SANDBOX, "Sandbox: nothing was sent"),
    (REHEARSAL, "Rehearsal: nothing was sent (faults nasty, seed 7)"),
])  # fmt: skip
def test_a_spreadsheet_says_so_in_every_row(facts, note):
    assert {row.get("note") for row in rows(facts)} == {note}


@pytest.mark.parametrize(("facts", "prefix"), [({}, ""), (SANDBOX, "Sandbox: "), (REHEARSAL, "Rehearsal: ")])
def test_junit_names_its_suites_so(facts, prefix):
    names = {suite.get("name") for suite in suites(facts)}
    told = {p.get("name"): p.get("value") for suite in suites(facts) for p in suite.iter("property")}

    assert names == {f"{prefix}{name}" for name in ("acme", "beta")}
    assert told.get("note", "").partition(": ")[0] == prefix.partition(": ")[0]
    assert told.get("rehearsal.faults") == ("nasty" if facts is REHEARSAL else None)
    assert told.get("rehearsal.seed") == ("7" if facts is REHEARSAL else None)


def test_a_program_reads_the_faults_and_the_seed():
    assert json.loads(written("json", REHEARSAL))["run"]["rehearsal"] == {"faults": "nasty", "seed": 7}
    assert json.loads(written("json", {}))["run"]["rehearsal"] is None


@pytest.mark.parametrize("facts", [SANDBOX, REHEARSAL])
def test_no_series_of_metrics_is_that_of_the_real_run(facts):
    series = [
        {(sample.name, *sorted(sample.labels.items()))
         for family in text_string_to_metric_families(written("prometheus", told)) for sample in family.samples}
        for told in ({}, facts)
    ]  # fmt: skip

    assert series[0].isdisjoint(series[1])
    assert all(any(label in name[1:] for label in (("rehearsal", "true"), ("sandbox", "true"), ("seed", "7")))
               for name in series[1])  # fmt: skip


@pytest.mark.parametrize(("facts", "lines"), [
    ({}, []), (SANDBOX, ["ORCHESTRATOR_SANDBOX=true"]),
    (REHEARSAL, [
        "ORCHESTRATOR_REHEARSAL=true", "ORCHESTRATOR_REHEARSAL_FAULTS=nasty", "ORCHESTRATOR_REHEARSAL_SEED=7",
    ]),
])  # fmt: skip
def test_a_pipeline_gets_it_as_a_variable(facts, lines):
    assert written("dotenv", facts).splitlines()[7:] == lines


def test_annotations_of_a_sandbox_say_so():
    titles = [re.search(r"title=(.*?)::", line)[1] for line in github.annotations(result_of(SANDBOX))]

    assert titles
    assert all(title.startswith("Sandbox%3A ") for title in titles)


def test_a_rehearsals_reports_lie_beside_those_of_the_run(tmp_path):
    files.write(result_of({}), records_of(small()), tmp_path, files.FORMATS)
    before = {path: path.read_bytes() for path in (tmp_path / "winter-2026").iterdir()}
    written = files.write(result_of(REHEARSAL), records_of(small()), tmp_path, files.FORMATS)

    assert {path.parent for path in written} == {tmp_path / "winter-2026" / "rehearsal"}
    assert {path: path.read_bytes() for path in before} == before
