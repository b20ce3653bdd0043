"""All reports of one run of 10,000 campaigns with hostile names say the same (P3)."""

import csv
import io
import json
import re
from collections import Counter
from typing import get_args
from xml.etree import ElementTree as ET

import pytest
from prometheus_client.parser import text_string_to_metric_families

from orchestrator.cli.options import FORMATS
from orchestrator.core.manifest.models import ReportFormat
from orchestrator.report import files, github
from tests.report.samples import hostile, records_of, small

SIZE = 10_000
PASSED = {"started", "already_started"}


@pytest.fixture(scope="module", params=["small", "hostile"])
def result(request):
    return small() if request.param == "small" else hostile(SIZE)


@pytest.fixture(scope="module")
def written(result, tmp_path_factory):
    folder = tmp_path_factory.mktemp("reports")
    return {
        path.name: path.read_bytes().decode() for path in files.write(result, records_of(result), folder, files.FORMATS)
    }


@pytest.fixture(scope="module")
def outcomes(result):
    return {f"{c.stream}/{c.campaign}": str(c.outcome) for c in result.campaigns}


@pytest.fixture(scope="module")
def totals(outcomes):
    return Counter(outcomes.values())


def test_json_says_the_same_of_every_campaign(written, outcomes, totals):
    read = json.loads(written["result.json"])

    assert outcomes == {f"{c['stream']}/{c['campaign']}": c["outcome"] for c in read["campaigns"]}
    assert totals == Counter(read["totals"])


def test_csv_says_the_same_of_every_campaign(written, outcomes):
    rows = list(csv.DictReader(io.StringIO(written["result.csv"], newline="")))

    assert outcomes == {f"{row['stream']}/{row['campaign']}": row["outcome"] for row in rows}
    assert len(rows) == len(outcomes)
    assert not [row for row in rows for cell in row.values() if re.search(r"(^|[;\t\r\n])[=+@-]|^[\t\r\n]", cell)]


def of_case(case):
    said = next(iter(case), None)
    if said is None:
        return PASSED
    word = said.get("message").split(" ")[0]
    assert said.tag == {"failed": "failure", "unknown": "error", "held": "skipped", "skipped": "skipped"}[word]
    return {word}


def test_junit_says_the_same_of_every_campaign(written, outcomes, totals):
    root = ET.fromstring(written["junit.xml"])  # noqa: S314 - our own file
    read = {case.get("name").split(" ")[0]: of_case(case) for case in root.iter("testcase")}
    counted = {key: sum(int(suite.get(key)) for suite in root) for key in ("tests", "failures", "errors", "skipped")}

    assert read.keys() == outcomes.keys()
    assert [key for key, outcome in outcomes.items() if outcome not in read[key]] == []
    assert counted == {
        "tests": len(outcomes), "failures": totals["failed"], "errors": totals["unknown"],
        "skipped": totals["held"] + totals["skipped"],
    }  # fmt: skip


def test_markdown_has_the_same_totals(written, totals):
    read = re.findall(r"^\| (\w+) \| (\d+) \|$", written["result.md"], re.MULTILINE)

    assert totals == Counter({word: int(number) for word, number in read})
    assert all(f", {n} {word}" in written["result.md"].replace("(", ", ") for word, n in totals.items())


def test_prometheus_has_the_same_counts(written, result, totals):
    families = {f.name: f.samples for f in text_string_to_metric_families(written["result.prom"])}
    by_reason = families["campaign_orchestrator_campaigns_by_reason"]
    read = {(s.labels["account"], s.labels["outcome"], s.labels["reason"]): s.value for s in by_reason}

    assert totals == Counter({s.labels["outcome"]: int(s.value) for s in families["campaign_orchestrator_campaigns"]})
    assert read == Counter((c.account, str(c.outcome), str(c.reason)) for c in result.campaigns)


def test_dotenv_outputs_and_annotations_have_the_same_counts(written, result, totals):
    env = dict(line.split("=", 1) for line in written["result.env"].splitlines())
    said = Counter()
    for line in github.annotations(result):
        number, word = re.match(r"::(?:error|warning) title=(\d+) campaigns? (\w+) ", line).groups()
        said[word] += int(number)

    for word in ("started", "failed", "unknown"):
        assert env[f"ORCHESTRATOR_{word.upper()}"] == github.outputs(result)[word] == str(totals[word])
    assert {word: said[word] for word in ("unknown", "failed", "held")} == {
        word: totals[word] for word in ("unknown", "failed", "held")
    }


def test_the_page_has_every_campaign_and_its_outcome(written, outcomes):
    page = written["result.html"]
    table = json.loads(re.search(r'<script id="data" type="application/json">(.*?)</script>', page, re.DOTALL)[1])
    texts = table["texts"]

    assert outcomes == {f"{texts[row[6]]}/{row[7]}": texts[row[2]] for row in table["rows"]}


def test_every_file_can_be_read_as_utf_8_and_none_is_left_out(written):
    assert set(written) == {name for name, _ in files._WRITERS.values()}


def test_the_manifest_and_the_command_know_every_format():
    assert set(get_args(ReportFormat)) == set(FORMATS) == set(files.FORMATS)
