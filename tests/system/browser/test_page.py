"""The HTML report as a person meets it."""

import base64
import itertools
from collections import Counter

import pytest

from tests.system.browser.runs import Script, bad_day

HOSTILE = (
    "</script><script>window.harmed = 1</script>", "<img src=x onerror='window.harmed = 1'>", "\u202egnp.exe",
    "a\x00b\x1b[31m", "\"'><svg onload='window.harmed = 1'>", "half \ud83d", "{{ 7 * 7 }}", "<!--<script>", "عرض",
    "x" * 400,
)  # fmt: skip


def hostile():
    fates = {**dict.fromkeys(range(10), "lost"), **dict.fromkeys(range(10, 20), "rejected")}
    return Script(30, 2, fates, name=lambda n: HOSTILE[n % 10], account_names=("a<b>", "\u202ec&"), warnings=HOSTILE)


def crashed():
    fates = {3: "limited", 20: "open", 21: "open", **dict.fromkeys(range(25, 40), "held")}
    return Script(40, 2, fates, is_crashed=True)


SCRIPTS = {
    "bad day": bad_day, "hostile": hostile, "crashed": crashed, "nothing": lambda: Script(0, 1),
    "all well": lambda: Script(12, 1, waves=1),
    "twenty accounts": lambda: Script(400, 20, {7: "limited", 9: "rejected"}),
    "many unknown": lambda: Script(300, 4, dict.fromkeys(range(300), "lost")),
}  # fmt: skip


@pytest.fixture(params=SCRIPTS)
def script(request):
    return SCRIPTS[request.param]()


def test_a_page_opens_without_a_complaint_and_shows_its_totals(open_page, script):
    page = open_page(script)

    assert page.complaints() == []
    shown = dict(zip(page.texts(".totals span"), page.texts(".totals b"), strict=True))
    assert {name.replace("_", " "): str(count) for name, count in page.result.totals.items()} == shown
    assert f"Exit code {page.result.exit_code}" in page.texts(".code")
    assert page.run("return window.harmed") is None


@pytest.mark.parametrize("width", [320, 375, 768, 1181, 1280])
def test_no_page_is_wider_than_the_screen(open_page, script, width):
    page = open_page(script, width=width)

    assert page.run("return document.documentElement.scrollWidth") <= width
    assert page.run("return innerWidth") == width


def test_foreign_scripts_and_remote_content_are_blocked(open_page):
    page = open_page(bad_day())
    page.run("""
        const script = document.createElement("script");
        script.textContent = "window.harmed = 1";
        document.body.append(script);
        const image = document.createElement("img");
        image.src = "http://127.0.0.1:9/x.png";
        document.body.append(image);
    """)

    def violations():
        found.extend(entry["message"] for entry in page.complaints())
        return [m for m in found if "script-src" in m], [m for m in found if "img-src" in m]

    found = []
    page.until(lambda: all(violations()))
    assert page.run("return window.harmed") is None


def test_names_are_shown_as_written_and_turn_nothing_around_them(open_page):
    page = open_page(hostile())
    shown = page.texts("td.campaign bdi")

    assert HOSTILE[0] in shown
    assert HOSTILE[4] in shown
    assert r"\u202egnp.exe" in shown
    assert r"a\x00b\x1b[31m" in shown
    assert r"half \ud83d" in shown
    assert page.texts("#account option")[1:] == ["a<b>", r"\u202ec&"]


def test_a_search_finds_by_name_id_and_message(open_page):
    page = open_page(bad_day())

    page.type("salem 2")
    assert page.texts("td.campaign bdi") == ["Renewal Salem 2"]
    page.type("cd-00029e475b")
    assert page.texts("td.campaign .id") == ["st-02603182c/cd-00029e475b"]
    page.type("NO CONTACT list")
    assert page.texts("td.outcome .badge") == ["failed", "failed"]
    assert page.texts("#count") == ["1 to 2 of 2 campaigns (of 72)"]


def test_outcome_and_account_filter_the_table_until_cleared(open_page):
    page = open_page(bad_day())
    page.choose("#outcome", "held")
    page.one("#account").send_keys("north")
    expected = [c.campaign for c in page.result.campaigns if c.outcome == "held" and c.account == "north"]

    assert [text.partition("/")[2] for text in page.texts("td.campaign .id")] == expected
    page.one(".filters button[type=reset]").click()
    page.until(lambda: page.texts("#count") == ["1 to 50 of 72 campaigns"])


def test_an_outcomes_total_leads_to_its_campaigns(open_page):
    page = open_page(bad_day())
    page.one(".totals a[data-outcome=unknown]").click()

    assert page.texts("td.outcome .badge") == ["unknown"] * 3
    assert page.texts("td.attempts .more-info") == ["30.0 s"] * 3
    assert page.run("return location.hash") == "#outcome=unknown"


def test_a_search_without_a_match_says_so_and_offers_a_way_back(open_page):
    page = open_page(bad_day())
    page.type("no such campaign")

    assert page.one("#empty").is_displayed()
    assert not page.one("#table").is_displayed()
    page.one("#clear").click()
    page.until(lambda: page.texts("#count") == ["1 to 50 of 72 campaigns"])
    assert page.run("return document.activeElement.id") == "search"


@pytest.mark.parametrize(
    ("column", "key"),
    [
        ("campaign", lambda c: (c.name.rpartition(" ")[0], int(c.name.rpartition(" ")[2]))),
        ("account", lambda c: c.account),
        ("attempts", lambda c: c.attempts),
        ("sent", lambda c: c.sent_at or c.intent_at or "z"),
        ("outcome", lambda c: ["unknown", "failed", "held", "skipped", "started"].index(c.outcome)),
    ],
)
def test_a_heading_sorts_and_sorts_the_other_way(open_page, column, key):
    page = open_page(bad_day())
    heading = f'th[data-sort="{column}"]'
    page.one(f"{heading} button").click()
    upwards = [f"{c.stream}/{c.campaign}" for c in sorted(page.result.campaigns, key=key)]

    assert page.texts("td.campaign .id") == upwards[:50]
    assert page.one(heading).get_attribute("aria-sort") == "ascending"
    page.one(f"{heading} button").click()
    downwards = [f"{c.stream}/{c.campaign}" for c in sorted(page.result.campaigns, key=key, reverse=True)]
    assert page.texts("td.campaign .id") == downwards[:50]
    assert page.one(heading).get_attribute("aria-sort") == "descending"


def test_the_pages_of_the_table_hold_every_campaign_once(open_page):
    page = open_page(Script(120, 2))
    seen = [page.texts("td.campaign .id")]
    while page.one("#next").is_enabled():
        page.one("#next").click()
        seen.append(page.texts("td.campaign .id"))

    assert [len(part) for part in seen] == [50, 50, 20]
    assert list(itertools.chain(*seen)) == [f"{c.stream}/{c.campaign}" for c in page.result.campaigns]
    assert page.one("#previous").is_enabled()


def copied(page, button):
    """Click a button, and wait until it has said so: a second later, it says again what it copies."""
    page.run(
        "const [button] = arguments; window.labels = [];"
        "new MutationObserver(() => labels.push(button.textContent)).observe(button, {childList: true});",
        button,
    )
    button.click()
    page.until(lambda: "Copied" in page.run("return labels"))


def test_the_copy_button_copies_the_command_and_says_so(open_page):
    page = open_page(bad_day())
    wanted = next(c.next for c in page.result.campaigns if c.outcome == "unknown")
    button = page.one(".case .copy:last-child")
    copied(page, button)

    assert page.clipboard() == wanted.split("\n")[1]
    assert page.texts("#said") == [f"Copied: {page.clipboard()}"]
    page.until(lambda: button.text == "Copy: it did not start")


def test_a_row_has_the_command_of_its_campaign(open_page):
    page = open_page(bad_day())
    page.choose("#outcome", "failed")
    button = page.one("td.next .copy")
    copied(page, button)

    assert page.clipboard() == "python -m orchestrator run spring.yaml --retry-failed"


def test_copying_works_where_the_modern_way_is_refused(open_page):
    page = open_page(bad_day())
    page.run("navigator.clipboard.writeText = () => Promise.reject(new Error('no'))")
    button = page.one(".case .copy")
    copied(page, button)

    assert page.clipboard() == button.get_attribute("data-copy")


def test_the_keyboard_is_enough(open_page):
    page = open_page(bad_day())
    page.press("TAB", "ENTER")
    assert page.run("return location.hash") == "#campaigns"

    page.press("/", "salem", "TAB")
    assert page.run("return document.activeElement.id") == "outcome"
    page.run("document.querySelector('th[data-sort=campaign] button').focus()")
    page.press("ENTER", "SPACE")
    found = page.texts("td.campaign bdi")
    assert found == sorted(found, reverse=True)
    assert {name.rpartition(" ")[0] for name in found} == {"Renewal Salem"}
    outline = page.run("return getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"

    page.press("/")
    assert page.run("return document.activeElement.id") == "search"
    page.press("ESCAPE")
    assert page.texts("#count") == ["1 to 50 of 72 campaigns"]


def test_everything_that_can_be_worked_has_a_name(open_page):
    page = open_page(bad_day())
    nameless = page.run("""
        return [...document.querySelectorAll("button, a, input, select, svg[role=img]")].filter(e =>
            !(e.textContent.trim() && e.tagName !== "SELECT") && !e.labels?.length && !e.getAttribute("aria-label"))
            .map(e => e.outerHTML)
    """)

    assert nameless == []


def test_ten_thousand_campaigns_are_searched_and_sorted(open_page):
    fates = {**dict.fromkeys(range(0, 10_000, 501), "limited"), **dict.fromkeys(range(3, 10_000, 97), "rejected")}
    page = open_page(Script(10_000, 5, fates))

    assert page.texts("#count") == ["1 to 50 of 10,000 campaigns"]
    page.type("portland 1000")
    assert page.texts("td.campaign bdi") == ["Renewal Portland 1000"]
    page.type("renewal")
    page.one("th[data-sort=outcome] button").click()
    failed = page.result.totals["failed"]
    assert page.texts("td.outcome .badge") == ["failed"] * 50
    page.choose("#outcome", "failed")
    assert page.texts("#count") == [f"1 to 50 of {failed} campaigns (of 10,000)"]
    assert page.run("return document.querySelectorAll('*').length") < 4000
    assert page.complaints() == []


LUMINANCE = """
    const channels = (color) => color.match(/[\\d.]+/g).map(Number);
    const back = (e) => { for (; e; e = e.parentElement) { const c = channels(getComputedStyle(e).backgroundColor);
        if (c.length === 3 || c[3] > 0) return c; } return [255, 255, 255]; };
    const light = (c) => c.slice(0, 3).map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
    const faint = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node; (node = walker.nextNode());) {
        const e = node.parentElement;
        if (!node.textContent.trim() || !e.checkVisibility()) continue;
        if (e.closest("script, style, title, option, button:disabled, .quiet, .skip")) continue;
        const style = getComputedStyle(e);
        const [a, b] = [light(channels(e.closest("svg") ? style.fill : style.color)), light(back(e))];
        const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
        if (ratio < 4.5) faint.push(node.textContent.trim().slice(0, 40) + " " + ratio.toFixed(2));
    }
    return [...new Set(faint)];
"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_is_readable_in_both_themes(open_page, theme):
    page = open_page(bad_day(), theme=theme)

    assert page.run(LUMINANCE) == []
    (dark,) = page.run("return [getComputedStyle(document.body).backgroundColor.match(/\\d+/g).every(v => v < 40)]")
    assert dark is (theme == "dark")


def test_on_a_phone_rows_are_labelled_cards_that_can_be_sorted(open_page):
    page = open_page(bad_day(), width=375)

    assert page.one("td.account").value_of_css_property("display") == "grid"
    assert page.run("return getComputedStyle(document.querySelector('td.account'), '::before').content") == '"Account"'
    page.choose("#sort", "outcome")
    assert page.texts("td.outcome .badge")[:3] == ["unknown"] * 3


def test_print_has_every_matching_row_and_no_controls(open_page):
    page = open_page(bad_day(), media="print", width=718)  # A4 between its margins
    page.run("window.dispatchEvent(new Event('beforeprint'))")

    assert page.run("return document.documentElement.scrollWidth") <= 718
    assert len(page.all("#rows tr")) == 72
    for selector in (".filters", ".copy", ".pager", ".top nav"):
        assert not page.one(selector).is_displayed(), selector
    pdf = page.driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})
    assert base64.b64decode(pdf["data"]).startswith(b"%PDF")
    page.run("window.dispatchEvent(new Event('afterprint'))")
    assert len(page.all("#rows tr")) == 50


def test_paper_is_white_in_the_dark_theme_too(open_page):
    page = open_page(bad_day(), theme="dark", media="print")

    assert page.run("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.run(LUMINANCE) == []


def test_what_is_folded_up_is_printed(open_page):
    page = open_page(SCRIPTS["twenty accounts"](), media="print")

    assert all(chart.size["height"] > 50 for chart in page.all(".more .chart"))
    assert len(page.all(".more .chart")) == 16


def test_every_start_of_every_account_is_in_its_timeline(open_page):
    page = open_page(bad_day())
    counts = Counter()
    for label in page.texts(".labels .kind"):
        words, _, count = label.rpartition(" ")
        counts[words] += int(count)
    dots = page.run("return document.querySelectorAll('.dots path').length")

    assert counts == {"started": 53, "refused": 2, "unknown": 3, "limited": 2, "no effect": 1}
    assert dots == sum(counts.values())
    assert page.all("svg .limit")
    assert page.all("svg rect.pause")
    assert page.all("svg rect.bake")
    assert page.texts("svg text.wave")[:2] == ["canary", "rest"]


def test_totals_and_what_needs_a_person_show_without_a_script(open_page):
    page = open_page(bad_day())
    page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        page.driver.refresh()
        shown = page.one("main").text
    finally:
        page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})

    assert "The table needs JavaScript" in shown
    assert "Renewal Salem 2" in shown
    assert "resolve spring-renewal-2026-03" in shown
    assert not any(button.is_displayed() for button in page.all(".copy"))
