import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from lxml import etree

from orchestrator.errors import CredentialError
from orchestrator.model import Outcome, Reason
from orchestrator.report.junit import as_junit, as_junit_refusal
from tests.report.samples import HOSTILE, campaign, hostile, result_of, small

SCHEMA = etree.XMLSchema(etree.parse(Path(__file__).parent / "junit.xsd"))


def parsed(result):
    return ET.fromstring(as_junit(result))  # noqa: S314 - our own file


@pytest.mark.parametrize("result", [small(), hostile(1000), result_of([])], ids=["small", "hostile", "empty"])
def test_the_common_schema_accepts_every_file(result):
    SCHEMA.assertValid(etree.fromstring(as_junit(result).encode()))


def test_the_schema_can_refuse():
    text = as_junit(small())

    for broken in (text.replace("<system-out/>", ""), text.replace('time="0.190"', ""), text.replace("0Z", "0")):
        assert text == broken or not SCHEMA.validate(etree.fromstring(broken.encode()))
    assert not SCHEMA.validate(etree.fromstring(re.sub(r'timestamp="([^"]*)"', r'timestamp="\1Z"', text).encode()))


@pytest.mark.parametrize("text", HOSTILE)
def test_two_parsers_read_the_same_from_hostile_words(text):
    made = campaign(1, Outcome.FAILED, Reason.REJECTED, name=text, message=text)
    written = as_junit(result_of([made]))
    ours, theirs = parsed(result_of([made])), etree.fromstring(written.encode())

    legal = re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)
    for root in (ours, theirs):
        (case,) = root.iter("testcase")
        assert case.get("name") == f"st-1/cd-1 {legal}".rstrip()
        assert case.find("failure").get("message") == f"failed (rejected): {legal}"
        assert case.find("failure").text == (legal or None)


def test_an_account_is_a_suite_and_counts_its_own():
    suites = {suite.get("name"): suite.attrib for suite in parsed(small())}

    assert list(suites) == ["acme", "beta"]
    assert {"tests": "6", "failures": "1", "errors": "1", "skipped": "1"}.items() <= suites["acme"].items()
    assert {"tests": "2", "failures": "0", "errors": "0", "skipped": "2"}.items() <= suites["beta"].items()


def test_an_unknown_is_an_error_with_the_command_to_type():
    (error,) = parsed(small()).iter("error")

    assert "next: python -m orchestrator resolve winter-2026 st-1/cd-5 --as not-started --reason" in error.text
    assert error.get("type") == "no_evidence"


@pytest.mark.parametrize("text", ["no", *HOSTILE])
def test_a_refusal_is_one_error_in_a_file_the_schema_accepts(text):
    made = as_junit_refusal(CredentialError(text, next_step=text), "spring", 1_700_000_000.0)
    SCHEMA.assertValid(etree.fromstring(made.encode("utf-8", "backslashreplace")))

    assert 'tests="1" failures="0" errors="1"' in made
    assert 'type="exit code 7"' in made
