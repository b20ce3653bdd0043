"""What a person does with the report: zones, shared views, files, decisions, the zoom; and what axe-core finds."""

import csv
import json

import pytest

from orchestrator.core.journal.decisions import read_decisions
from tests.system.browser import axe
from tests.system.browser.runs import Script, bad_day


def told():
    """A bad day whose journal has all that one may have."""
    script = bad_day()
    script.header = {
        "by": "ana", "approved": "at a terminal", "version": "1.2.3", "zones": ["America/New_York"],
        "consoles": {"west": "https://console.example.com/67777c/{stream}?c={campaign}"},
    }  # fmt: skip
    script.tags = {11: "canary east", 29: "east"}
    return script


@pytest.fixture
def downloads(chromium, tmp_path):
    chromium.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    return tmp_path


def saved(page, folder, button, name):
    page.one(button).click()
    page.until((folder / name).exists)
    return (folder / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280])
def test_axe_finds_nothing_serious(open_page, request, theme, width):
    script = axe.source(request.config.cache.mkdir("axe-core"))
    page = open_page(told(), theme=theme, width=width)

    assert axe.violations(page, script) == []


def test_the_top_says_when_where_and_who(open_page):
    page = open_page(told())
    facts = dict(zip(page.texts(".brief dt"), page.texts(".brief dd"), strict=True))

    assert facts["Date"] == "2026-03-10 09:00:00.000"
    assert facts["Host"] == "https://platform.kore.ai"
    assert (facts["Ran by"], facts["Approved"], facts["Version"]) == ("ana", "at a terminal", "1.2.3")


@pytest.mark.parametrize("width", [320, 375, 700, 1280])
def test_no_count_is_wrapped(open_page, width):
    page = open_page(Script(120, 2), width=width)
    lines = "return [...document.querySelectorAll('.totals span')].map(e => e.getClientRects().length)"

    assert set(page.run(lines)) == {1}


def test_times_are_shown_in_the_zone_of_a_window(open_page):
    page = open_page(told())
    page.choose("#zone", "America/New_York")

    assert page.texts(".brief time") == ["2026-03-10 05:00:00.000"]
    assert page.texts("svg text.tick")[0].startswith("05:00")
    assert page.texts("td.sent")[0].startswith("2026-03-10 05:00:00")
    page.driver.refresh()
    assert page.texts(".brief time") == ["2026-03-10 05:00:00.000"]


def test_the_address_keeps_what_is_shown(open_page):
    page = open_page(told())
    page.choose("#outcome", "unknown")
    page.one("#wave").send_keys("rest")
    page.one("#tag").send_keys("canary")
    shown = page.run("return location.href")
    page.driver.get("about:blank")
    page.driver.get(shown)

    assert shown.endswith("#outcome=unknown&wave=rest&tag=canary")
    assert page.texts("td.campaign bdi") == ["Renewal Salem 2"]
    assert page.texts("td.campaign .tag") == ["canary", "east"]


def test_what_is_shown_is_saved_as_csv_and_json(open_page, downloads):
    page = open_page(told())
    page.choose("#outcome", "unknown")
    rows = list(csv.DictReader(saved(page, downloads, "#save-csv", "spring-renewal-2026-03.csv").splitlines()))
    document = json.loads(saved(page, downloads, "#save-json", "spring-renewal-2026-03.json"))

    wanted = [c.campaign for c in page.result.campaigns if c.outcome == "unknown"]
    assert [row["campaign"] for row in rows] == wanted
    assert [one["campaign"] for one in document["campaigns"]] == wanted
    assert document["view"] == {"outcome": "unknown"}
    assert rows[0]["tags"] == "canary east"


def test_a_saved_text_is_no_formula_for_a_spreadsheet(open_page, downloads):
    page = open_page(Script(1, 1, name=lambda _: "=1+1"))
    (row,) = csv.DictReader(saved(page, downloads, "#save-csv", "spring-renewal-2026-03.csv").splitlines())

    assert row["name"] == "'=1+1"


def decide(page, number, word, reason):
    case = page.all(".case")[number]
    case.find_element("css selector", f"input[value={word}]").click()
    case.find_element("css selector", "input[type=text]").send_keys(reason)


def test_decisions_are_saved_as_resolve_reads_them(open_page, downloads):
    page = open_page(told())
    assert not page.one("#save-decisions").is_enabled()
    decide(page, 0, "started", 'seen, "Active"')
    decide(page, 1, "not-started", "=never ran")
    text = saved(page, downloads, "#save-decisions", "decisions.csv")
    decisions, faults = read_decisions(text.splitlines(), "")

    unknown = [c.key for c in page.result.campaigns if c.outcome == "unknown"]
    assert faults == []
    assert [tuple(one) for one in decisions] == [
        (unknown[0], True, 'seen, "Active"'), (unknown[1], False, "=never ran"),
    ]  # fmt: skip
    assert page.texts("#decided") == ["2 of 3 decided"]
    command = "python -m orchestrator resolve spring-renewal-2026-03 --from decisions.csv"
    assert page.texts("#decide-how code") == [command]


def test_unknown_campaigns_beyond_the_list_are_in_the_table(open_page):
    page = open_page(Script(203, 1, dict.fromkeys(range(203), "lost")))
    page.type("cd-00202e475b")
    page.one("td.next input[value=started]").click()
    page.one("td.next input[type=text]").send_keys("Active")

    assert page.texts("#decided") == ["1 of 203 decided"]
    assert len(page.all(".case .decide-one")) == 200


def test_all_decisions_are_copied_as_commands(open_page):
    page = open_page(told())
    decide(page, 0, "started", "it's Active")
    page.one("#copy-decisions").click()
    page.until(lambda: page.texts("#said") == ["Copied 1 command"])
    key = next(c.key for c in page.result.campaigns if c.outcome == "unknown")

    assert page.clipboard() == (
        f"python -m orchestrator resolve spring-renewal-2026-03 {key} --as started --reason 'it'\"'\"'s Active'"
    )


def test_the_keyboard_zooms_the_timeline(open_page):
    page = open_page(told())
    page.run("document.querySelector('[data-zoom=in]').focus()")
    page.press("+", "+", "ARROW_RIGHT")
    view = "return [...document.querySelectorAll('svg.inner')].map(e => e.getAttribute('viewBox').split(' ')[0])"
    widths = "return [...document.querySelectorAll('svg.inner')].map(e => e.getAttribute('viewBox').split(' ')[2])"

    assert (set(page.run(view)), set(page.run(widths))) == ({"500"}, {"250"})
    page.press("0")
    assert (set(page.run(view)), set(page.run(widths))) == ({"0"}, {"1000"})


def test_a_campaign_leads_to_its_page_in_the_console(open_page):
    page = open_page(told())
    page.type("cd-00011e475b")
    link = page.one("td.campaign a")

    assert link.get_attribute("href") == "https://console.example.com/67777c/st-02603182c?c=cd-00011e475b"
    assert (link.get_attribute("target"), link.get_attribute("rel")) == ("_blank", "noopener noreferrer")
    assert page.one(".case a").get_attribute("href") == link.get_attribute("href")


def test_close_enough_a_band_becomes_a_dot_for_every_start(open_page):
    page = open_page(Script(2000, 1, {3: "rejected"}))
    shown = "return ['.ticks', '.marks'].map(name => getComputedStyle(document.querySelector('svg ' + name)).display)"
    assert page.run(shown) == ["inline", "none"]
    for _ in range(4):
        page.one("[data-zoom=in]").click()

    assert page.run(shown) == ["none", "inline"]
    dots = "return document.querySelector('svg .marks.started').getAttribute('d').split('h0').length - 1"
    assert page.run(dots) == 1999


def test_a_campaign_that_needs_a_run_first_is_counted_apart(open_page):
    page = open_page(Script(3, 1, {0: "lost", 1: "open"}, is_crashed=True))

    assert page.texts("#decided") == ["0 of 1 decided; 1 more: run again first"]
    assert len(page.all(".decide-one")) == 1
