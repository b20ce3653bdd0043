"""What the pages show while things happen to the ledger."""

import asyncio
import contextlib
import time
from dataclasses import replace

from orchestrator.core.journal.lease import Holder
from orchestrator.core.manifest.start_times import StartTime
from orchestrator.ledger.store import Store
from tests.serve.conftest import write
from tests.system.browser import runs

LAUNCH = f"/launches/{runs.LAUNCH}"
FLEET = {"retry_failed": False, "no_wait": False}


async def test_a_ledger_that_appears_later_is_shown(serve, url):
    async with serve(url) as served:
        await served.until("/", "there is no ledger at")
        assert (await served.get("/healthz"))[:1] == (503,)
        assert "there is no ledger" in (await served.get(LAUNCH))[2]
        async with served.events("/events") as parts:
            assert "launches" in await anext(parts)
            write(url, runs.records(runs.bad_day()))
            async for news in parts:
                if runs.LAUNCH in news.get("launches", ""):
                    break
        assert (await served.get("/healthz"))[0] == 200


async def test_what_happens_is_on_the_page_within_a_second(serve, url):
    records = runs.records(runs.Script(10, 1, waves=1))
    write(url, records[:2])
    async with serve(url) as served:
        await served.until(LAUNCH, "10</b> <span>held")
        async with served.events(f"{LAUNCH}/events") as parts:
            await anext(parts)
            for count in range(1, 11):
                write(url, records[2 * count : 2 * count + 2])
                began = time.monotonic()
                async for news in parts:
                    if f"<b>{count}</b> <span>started" in news.get("now", ""):
                        break
                assert time.monotonic() - began < 1.0 + 4.0  # what is promised, and a busy machine


async def test_a_ledger_that_moves_away_is_told_and_comes_back(serve, url, folder):
    write(url, runs.records(runs.bad_day()))
    async with serve(url) as served:
        await served.until(LAUNCH, "Needs a person")
        (folder / "ledger.db").rename(folder / "elsewhere.db")
        page = await served.until(LAUNCH, "The ledger cannot be read now")
        assert "Needs a person" in page  # as it was, and said to be old
        (folder / "elsewhere.db").rename(folder / "ledger.db")
        page = await served.until(LAUNCH, '<div id="trouble" role="alert"></div>')
        assert "Needs a person" in page


async def test_a_run_that_waits_for_its_time_is_shown_until_it_ends(serve, url):
    write(url, [])
    store = Store.open(url)
    store.show_wait(Holder("w-1", runs.LAUNCH, "elsewhere", 7), StartTime(store.time() + 86400.0), store.time())
    async with serve(url) as served:
        line = "a run waits until "
        page = await served.until(LAUNCH, line)
        assert "pid 7 on elsewhere" in page
        assert line in await served.until("/", line)
        async with served.events(f"{LAUNCH}/events") as parts:
            assert line in (await anext(parts))["now"]
            store.end_wait("w-1")
            store.close()
            async for news in parts:
                if line not in news.get("now", line):
                    break


async def test_another_ledger_in_its_place_is_shown_instead(serve, url, folder):
    write(url, runs.records(runs.bad_day()))
    async with serve(url) as served:
        await served.until("/", "exit code 11")
        (folder / "ledger.db").unlink()
        write(url, runs.records(runs.Script(12, 1, waves=1)))
        page = await served.until("/", "exit code 0")
        assert "exit code 11" not in page


async def test_more_viewers_than_may_be_are_refused(serve, url, monkeypatch):
    monkeypatch.setattr("orchestrator.serve.viewers._MOST_VIEWERS", 1)
    async with serve(url) as served, served.events("/events") as parts:
        await anext(parts)
        assert (await served.get("/events"))[0] == 429


async def test_a_connection_that_asks_for_nothing_is_closed(serve, url, monkeypatch):
    monkeypatch.setattr("orchestrator.serve.listen._SILENT_SECONDS", 0.1)
    monkeypatch.setattr("orchestrator.serve.listen._SWEEP_SECONDS", 0.1)
    async with serve(url) as served:
        port = int(served.url.rstrip("/").rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        async with asyncio.timeout(20):
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
        writer.close()


async def test_on_postgresql_the_pages_are_the_same(serve, postgres_url):
    write(postgres_url, runs.records(runs.bad_day()))
    async with serve(postgres_url) as served:
        assert "Needs a person" in await served.until(LAUNCH, "Needs a person")


async def test_a_run_that_goes_on_asks_for_no_command_yet(serve, url):
    header, *others = runs.records(runs.Script(6, 2, {3: "lost", 5: "open"}, is_crashed=True))
    fleet = replace(header, data={**header.data, "fleet": FLEET})  # such a run goes on until its end is journaled
    write(url, [fleet, *others])
    async with serve(url) as served:
        page = await served.until(LAUNCH, "Going on")
        assert "The command to run appears here when the run has ended." in page
        assert "Run the command below" not in page
        assert page.count('<li class="case"') == 1  # not what is in flight
        assert "<b>1</b> <span>in flight" in page
        report = (await served.get(f"{LAUNCH}/campaigns"))[2]
        assert "The run is going on." in report
        assert "Exit code" not in report


async def test_an_account_that_was_limited_waits_until_it_sends_again(serve, url):
    header, *others = runs.records(runs.Script(4, 1, {1: "limited"}, is_crashed=True, waves=1))
    place = next(n for n, one in enumerate(others) if one.data.get("event") == "limited") + 1
    write(url, [replace(header, data={**header.data, "fleet": FLEET}), *others[:place]])
    async with serve(url) as served:
        await served.until(LAUNCH, "waits: the platform limited a call")
        write(url, others[place:])
        page = await served.until(LAUNCH, "<b>4</b> <span>started")
        assert "waits:" not in page
