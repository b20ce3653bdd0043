"""What became of what was started is the same in every report (P3); where nobody looked, none has a word of it."""

import csv
import io
import json
import re
from xml.etree import ElementTree as ET

import pytest
from prometheus_client.parser import text_string_to_metric_families

from orchestrator.core.result.build import build
from orchestrator.report import files
from tests.core.result.test_delivered import KEYS, followed, started


def written(records, folder):
    return {
        path.name: path.read_bytes().decode() for path in files.write(build(records), records, folder, files.FORMATS)
    }


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    return written(followed(), tmp_path_factory.mktemp("reports"))


def page_rows(reports):
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', reports["result.html"], re.DOTALL)
    return json.loads(found[1])["rows"]


def test_each_campaign_has_the_same_figures_everywhere(reports):
    wanted = {KEYS[0]: ("completed", 100), KEYS[1]: ("active", 40), KEYS[2]: ("stalled", 5), KEYS[3]: None}
    of_json = json.loads(reports["result.json"])["campaigns"]
    of_csv = csv.DictReader(io.StringIO(reports["result.csv"], newline=""))

    def state(delivery):
        return "stalled" if delivery["is_stalled"] else delivery["state"]

    assert wanted == {
        f"{one['stream']}/{one['campaign']}": one["delivery"] and (state(one["delivery"]), one["delivery"]["sent"])
        for one in of_json
    }
    assert wanted == {
        f"{row['stream']}/{row['campaign']}": (
            ("stalled" if row["delivery_is_stalled"] == "True" else row["delivery_state"], int(row["delivery_sent"]))
            if row["delivery_state"]
            else None
        )
        for row in of_csv
    }
    assert list(wanted.values()) == [tuple(row[15:17]) or None for row in page_rows(reports)]


def test_the_sums_are_the_same_everywhere(reports):
    sums = json.loads(reports["result.json"])["delivery"]
    root = ET.fromstring(reports["junit.xml"])  # noqa: S314 - our own file
    properties = {one.get("name"): one.get("value") for one in root.iter("property")}
    gauges = {
        family.name.removeprefix("campaign_orchestrator_"): sum(sample.value for sample in family.samples)
        for family in text_string_to_metric_families(reports["result.prom"])
    }

    assert (sums["sent"], sums["recipients"], sums["stalled"], sums["campaigns"]) == (145, 150, 1, 3)
    assert [properties[f"delivery.{name}"] for name in ("sent", "recipients", "stalled", "campaigns")] == [
        "145", "150", "1", "3",
    ]  # fmt: skip
    assert [gauges[name] for name in ("messages_sent", "followed_recipients", "stalled", "followed_campaigns")] == [
        145, 150, 1, 3,
    ]  # fmt: skip
    assert "| `acme` | 3 | 1 | 1 | 145 | 150, 1 campaign unknown |" in reports["result.md"]
    assert (
        "145 messages sent, for 150 recipients (1 campaign unknown); 2 active (1 stalled), 1 completed"
        in reports["result.md"]
    )
    assert (
        "145 messages sent, for 150 recipients (1 campaign unknown); 2 active (1 stalled), 1 completed"
        in reports["result.html"]
    )
    assert "<progress" not in reports["result.html"].split('id="delivery"')[1].split("</section>")[0]


def test_a_sum_names_the_campaigns_that_it_is_without(reports):
    root = ET.fromstring(reports["junit.xml"])  # noqa: S314 - our own file
    properties = {one.get("name"): one.get("value") for one in root.iter("property")}
    gauges = {
        sample.name.removeprefix("campaign_orchestrator_"): sample.value
        for family in text_string_to_metric_families(reports["result.prom"])
        for sample in family.samples
    }

    assert properties["delivery.recipients.unknown_campaigns"] == "1"
    assert properties["delivery.sent.unknown_campaigns"] == "0"
    assert (gauges["followed_unknown_recipients_campaigns"], gauges["unknown_sent_campaigns"]) == (1, 0)


def test_what_is_stalled_is_named(reports):
    assert "- `st-1/cd-3` `Name of cd-3`: stalled for 20 min, 5 of 50 sent" in reports["result.md"]
    assert "stalled for 20 min, 5 of 50 sent" in reports["result.html"]
    assert "Needs a person: 1" in reports["result.html"]


def test_the_json_has_a_line_for_each_campaign(reports):
    lines = [line for line in reports["result.json"].splitlines() if '"stream"' in line]

    assert len(lines) == 4
    assert all(json.loads(line.rstrip(","))["delivery"] for line in lines[:3])


def test_no_report_has_a_word_of_it_where_nobody_looked(tmp_path):
    reports = written(started(), tmp_path)

    assert json.loads(reports["result.json"])["delivery"] is None
    assert [one["delivery"] for one in json.loads(reports["result.json"])["campaigns"]] == [None] * 4
    assert not [name for name in ("result.md", "junit.xml", "result.prom") if "stalled" in reports[name]]
    assert 'id="delivery"' not in reports["result.html"]
    assert {len(row) for row in page_rows(reports)} == {15}
