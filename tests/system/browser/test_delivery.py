"""What became of what was started, in the report: bars, what is stalled first, and a filter."""

import csv

import pytest

from tests.system.browser import axe
from tests.system.browser.runs import Script
from tests.system.browser.test_report_tools import downloads, saved

__all__ = ["downloads"]

FOLLOWED = {
    0: ("completed", 100, 100), 1: ("active", 40, 80), 2: ("stalled", 5, 50), 3: ("paused", 9, 90),
    4: ("active", 10, 100),
}  # fmt: skip


def told():
    return Script(30, 3, followed=FOLLOWED)


def at(page, address):
    """The names in the table, with this part behind the page's address."""
    page.run("location.hash = arguments[0]; window.dispatchEvent(new HashChangeEvent('hashchange'))", address)
    return page.texts("#rows td.campaign bdi")


@pytest.mark.parametrize("width", [375, 1280])
def test_axe_finds_nothing_serious_in_it(open_page, request, width):
    script = axe.source(request.config.cache.mkdir("axe-core"))

    assert axe.violations(open_page(told(), width=width), script) == []


def test_the_section_names_what_needs_somebody_stalled_first(open_page):
    page = open_page(told())
    words = page.texts("#delivery .groups li")

    assert "164 messages sent, for 420 recipients" in page.one("#delivery .lead").text
    assert [one.split()[0] for one in words] == ["stalled", "paused"]
    assert "stalled for 20 min, 5 of 50 sent" in words[0]
    bars = page.run("return [...document.querySelectorAll('.delivery progress')].map(e => [e.value, e.max])")
    assert bars == [[109, 190], [50, 180], [5, 50]]


def test_the_table_filters_and_sorts_by_it(open_page):
    page = open_page(told())
    # The smaller share first.
    assert at(page, "#delivered=active&sort=delivered") == ["Renewal Hartford 1", "Renewal Salem 1"]
    assert at(page, "#sort=delivered")[:5] == [
        "Renewal Concord 1", "Renewal Albany 1", "Renewal Hartford 1", "Renewal Salem 1", "Renewal Portland 1",
    ]  # fmt: skip


def test_the_saved_table_has_its_columns(open_page, downloads):
    page = open_page(told())
    at(page, "#delivered=stalled")
    rows = list(csv.DictReader(saved(page, downloads, "#save-csv", "spring-renewal-2026-03.csv").splitlines()))

    assert [(row["delivery_state"], row["delivery_sent"], row["recipients"]) for row in rows] == [
        ("stalled", "5", "50")
    ]


def test_a_page_of_a_launch_nobody_followed_has_none_of_it(open_page):
    page = open_page(Script(30, 3))

    assert page.texts("#delivery, #delivered, progress") == []
