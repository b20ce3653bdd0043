"""The live pages as a person meets them."""

import asyncio
import threading
from contextlib import contextmanager

import pytest

from orchestrator.serve.listen import serving
from tests.serve.conftest import write
from tests.system.browser import axe, runs
from tests.system.browser.conftest import Page

LAUNCH = f"launches/{runs.LAUNCH}"


class LivePage(Page):
    """A page of a server, open in the browser."""

    def __init__(self, driver, address):
        super().__init__(driver, None, None)
        self.address = address

    def open(self, path="", **how):
        self.look(**how)
        self.driver.get("about:blank")
        self.driver.get(self.address + path)
        return self

    def sees(self, words):
        return self.until(lambda: words in self.run("return document.body.innerText"))


@contextmanager
def served(url):
    """A server in a thread with a loop of its own; the browser keeps this one busy."""
    loop, ready, address = asyncio.new_event_loop(), threading.Event(), []
    ended = asyncio.Event()

    async def serve():
        async with serving(url, address="127.0.0.1", port=0) as (found, _):
            address.append(found)
            ready.set()
            await ended.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert ready.wait(60)
    try:
        yield address[0]
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(30)
        loop.close()


@pytest.fixture
def ledger(tmp_path):
    tmp_path.chmod(0o700)
    return f"sqlite:///{tmp_path}/ledger.db"


SIZES = [{"width": 1280, "theme": "light"}, {"width": 375, "theme": "dark"}, {"width": 320, "theme": "light"}]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_pages_change_by_themselves_and_without_a_complaint(chromium, ledger, size):
    chromium.get_log("browser")
    records = runs.records(runs.bad_day())
    with served(ledger) as address:
        page = LivePage(chromium, address).open(**size)
        page.sees("The ledger cannot be read now")
        write(ledger, records[:40])
        page.sees(runs.LAUNCH)
        page.one(".launches a").click()
        page.sees("All launches".upper())
        page.sees("its process is gone")
        write(ledger, records[40:])
        page.sees("Exit code 11")
        page.sees("Needs a person")
        page.until(lambda: page.texts("#link") == ["live"])
        assert page.run("return document.documentElement.scrollWidth") <= size["width"]
        assert page.complaints() == []
        page.open(f"{LAUNCH}/campaigns", **size)
        assert len(page.all("#rows tr")) == 50
        assert page.run("return document.documentElement.scrollWidth") <= size["width"]
        assert page.complaints() == []


def test_what_a_person_opened_and_where_the_focus_is_stays(chromium, ledger):
    script = runs.Script(60, 1, dict.fromkeys(range(30), "lost"), waves=1)
    records = runs.records(script)
    half = len(records) // 2
    write(ledger, records[:half])
    with served(ledger) as address:
        page = LivePage(chromium, address).open(LAUNCH)
        page.sees("more that need a person")
        page.run("document.querySelector('details summary').click(); document.querySelector('details summary').focus()")
        write(ledger, records[half:])
        page.sees("Exit code 11")
        page.until(lambda: "24 more" in page.texts("summary")[0])
        assert page.run("return document.querySelector('details').open")
        assert page.run("return document.activeElement.tagName") == "SUMMARY"


def test_a_server_that_ends_is_told_on_the_page(chromium, ledger):
    write(ledger, runs.records(runs.bad_day()))
    with served(ledger) as address:
        page = LivePage(chromium, address).open(LAUNCH)
        page.until(lambda: page.texts("#link") == ["live"])
    page.until(lambda: page.texts("#link") == ["not live: trying again"])
    page.driver.get("about:blank")


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 1280), ("light", 375), ("dark", 375)])
def test_axe_finds_nothing_on_the_live_pages(chromium, ledger, request, theme, width):
    script = axe.source(request.config.cache.mkdir("axe-core"))
    write(ledger, runs.records(runs.bad_day()))
    with served(ledger) as address:
        page = LivePage(chromium, address)
        for path, words in (
            ("", "Exit code".lower()),
            (LAUNCH, "Exit code 11"),
            (f"{LAUNCH}/campaigns", "Exit code 11"),
        ):
            page.open(path, width=width, theme=theme)
            page.until(lambda words=words: words in page.run("return document.body.innerText"))
            assert axe.violations(page, script) == [], path


def test_the_pages_are_used_with_keys_alone(chromium, ledger):
    write(ledger, runs.records(runs.bad_day()))
    with served(ledger) as address:
        page = LivePage(chromium, address).open()
        page.sees(runs.LAUNCH)
        page.press("TAB")
        assert page.run("return document.activeElement.textContent") == "Skip to the launches"
        page.press("TAB")
        page.press("ENTER")
        page.sees("Exit code 11")
        page.run("document.querySelector('#campaigns a').focus()")
        page.press("ENTER")
        page.sees("Download CSV")
