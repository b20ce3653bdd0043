import re
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from orchestrator.core.text import code, one_line
from orchestrator.model import Outcome, Reason
from orchestrator.report.markdown import LIMIT, as_markdown
from tests.report.samples import HOSTILE, campaign, hostile, result_of, small

READER = MarkdownIt("commonmark", {"html": True}).enable("table")


def inline(text):
    return [child for token in READER.parse(text) for child in token.children or []]


def rows(text):
    return [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row) for row in re.findall(r"<tr>(.*?)</tr>", text, re.DOTALL)]


@pytest.mark.parametrize("text", HOSTILE)
def test_foreign_words_are_code_and_nothing_else(text):
    spans = inline(f"before {code(text)} after") if text else []
    shown = one_line(text) if len(text) <= 300 else text[:299] + "…"

    assert code("") == ""
    assert [span.content for span in spans if span.type == "code_inline"] == [shown] * bool(text)
    assert all(span.type in {"text", "code_inline"} for span in spans)


@pytest.mark.parametrize("result", [small(), hostile(3000)], ids=["small", "hostile"])
def test_a_report_has_no_link_no_image_and_no_html(result):
    tokens = READER.parse(as_markdown(result))
    kinds = {token.type for token in tokens} | {t.type for token in tokens for t in token.children or []}

    assert "code_inline" in kinds
    assert not kinds & {"link_open", "image", "html_inline", "html_block", "code_block", "fence", "blockquote_open"}


@pytest.mark.parametrize("result", [small(), hostile(3000)], ids=["small", "hostile"])
def test_outside_of_code_there_is_nothing_that_pings_or_links(result):
    words = " ".join(t.content for t in inline(as_markdown(result)) if t.type == "text")

    assert not re.search(r"@|://|www\.|#\d", words)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_name_breaks_no_table(text):
    made = result_of([], accounts=[text, "plain"])
    tables = rows(READER.render(as_markdown(made)))

    assert {2, 4} == {len(row) for row in tables}
    assert [row[1:] for row in tables[-2:]] == [["17", "1", "17 of 50/60s, 10 of 10/10s"]] * 2


def test_what_needs_a_person_comes_first_with_its_command():
    text = as_markdown(small())
    places = [text.index(f"### {title}") for title in ("Needs a person", "Failed", "Not attempted", "Skipped", "Next")]

    assert places == sorted(places)
    assert text.startswith("## Launch `winter-2026`: a person must look (")
    assert "resolve winter-2026 st-1/cd-5 --as" in text[places[0] : places[1]]
    assert "disabled" not in text


def many(outcome, reason, number):
    one = campaign(0, outcome, reason, message="\U0001f680" * 400, name="\U0001f680" * 400, next="x" * 400)
    return result_of([replace(one, campaign=f"cd-{n}") for n in range(number)])


def test_a_large_report_keeps_to_the_limit_and_counts_omissions():
    text = as_markdown(many(Outcome.UNKNOWN, Reason.NO_EVIDENCE, 5000))
    shown = len(re.findall(r"^- `st-1/cd-", text, re.MULTILINE))

    assert 0.9 * LIMIT < len(text.encode()) <= LIMIT
    assert f"- and {5000 - shown} more, left out here" in text
    assert "### Next" in text


def test_all_that_can_be_long_at_once_stays_below_the_limit():
    result = hostile(10_000)
    long = [replace(c, message="\U0001f680" * 999, next="n" * 999 + str(n)) for n, c in enumerate(result.campaigns)]
    everything = result_of(long, accounts=["\U0001f680" * 999 + str(n) for n in range(999)], warnings=["w" * 999] * 999)

    assert len(as_markdown(everything).encode()) <= LIMIT


def test_of_many_failures_a_hundred_are_named():
    text = as_markdown(many(Outcome.FAILED, Reason.REJECTED, 101))

    assert len(re.findall(r"^- `st-1/cd-", text, re.MULTILINE)) == 100
    assert "- and 1 more, left out here" in text
