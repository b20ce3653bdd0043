"""What `serve` answers, and that it can do no harm."""

import base64
import random
from dataclasses import replace

import pytest

from orchestrator.serve.guard import Guard
from orchestrator.serve.pages import Pages
from orchestrator.serve.routes import application
from orchestrator.serve.viewers import Live
from orchestrator.serve.watch import LedgerWatch
from tests.canaries import leaks
from tests.serve.conftest import write
from tests.system.browser import runs

TOKEN = "canary-token-" + "5e7d" * 8
LAUNCH = f"/launches/{runs.LAUNCH}"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJl"
ROUTES = {
    "/", "/events", "/launches/{launch}", "/launches/{launch}/campaigns", "/launches/{launch}/events",
    "/static/{name}", "/healthz", "/metrics",
}  # fmt: skip


def files(folder):
    return {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in folder.iterdir()}


def bad_day():
    """Records of a day on which a bit of everything went wrong; one message holds what looks like a token."""
    found = runs.records(runs.bad_day())
    place = next(n for n, one in enumerate(found) if one.data.get("event") == "rejected")
    found[place] = replace(found[place], data={**found[place].data, "message": f"HTTP 400: {JWT} is not valid"})
    return found


async def test_all_routes_are_read_by_get_and_head_alone(url):
    pages = Pages()
    live = Live(LedgerWatch(url), pages)
    app = application(live, pages, Guard({"localhost"}))

    assert {(route.method, route.resource.canonical) for route in app.router.routes()} == {
        (method, path) for path in ROUTES for method in ("GET", "HEAD")
    }
    await live.close()


async def test_a_ledger_is_the_same_after_all_pages(serve, url, folder):
    write(url, bad_day())
    before = files(folder)
    async with serve(url) as served:
        await served.until("/", "exit code 11")
        await served.until(LAUNCH, "Needs a person")
        for path in (f"{LAUNCH}/campaigns", "/metrics", "/healthz"):
            assert (await served.get(path))[0] == 200
        async with served.events(f"{LAUNCH}/events") as parts:
            assert (await anext(parts)).keys() >= {"now", "lanes", "person", "reasons", "timeline", "run"}
        assert files(folder) == before

    assert files(folder) == before


async def test_pages_show_the_run_as_its_report_does(serve, url):
    records = bad_day()
    write(url, records)
    async with serve(url) as served:
        page = await served.until(LAUNCH, "Needs a person")
        table = (await served.get(f"{LAUNCH}/campaigns"))[2]
        metrics = (await served.get("/metrics"))[2]

    built = runs.result(runs.bad_day())
    for campaign in built.campaigns:
        if campaign.outcome == "unknown":
            assert campaign.name in page
        assert campaign.campaign in table
    for outcome, count in built.totals.items():
        assert f'campaign_orchestrator_campaigns{{launch="{runs.LAUNCH}",outcome="{outcome}"}} {count}.0' in metrics
    assert JWT not in page + table
    assert "[redacted] is not valid" in page


async def test_pages_show_what_became_of_what_was_started(serve, url):
    write(url, runs.records(runs.Script(30, 3, followed={0: ("completed", 100, 100), 2: ("stalled", 5, 50)})))
    async with serve(url) as served:
        page = await served.until(LAUNCH, 'id="delivery"')
        table = (await served.get(f"{LAUNCH}/campaigns"))[2]
        metrics = (await served.get("/metrics"))[2]

    assert "105 messages sent, for 150 recipients; 1 active (1 stalled), 1 completed" in page
    assert "stalled for 20 min, 5 of 50 sent" in page
    assert '<select id="delivered">' in table
    assert f'campaign_orchestrator_stalled{{account="account-03",launch="{runs.LAUNCH}"}} 1.0' in metrics
    assert f'campaign_orchestrator_messages_sent{{account="account-01",launch="{runs.LAUNCH}"}} 100.0' in metrics


async def test_every_answer_forbids_what_a_page_does_not_need(serve, url):
    write(url, bad_day())
    async with serve(url) as served:
        page = await served.until("/", runs.LAUNCH)
        script = page.rpartition('<script src="')[2].partition('"')[0]
        for path, status in (("/", 200), (LAUNCH, 200), ("/nothing", 404), ("/metrics", 200), (script, 200)):
            found, headers, _ = await served.get(path)
            assert found == status
            policy = headers["Content-Security-Policy"]
            assert "default-src 'none'; script-src 'self'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Referrer-Policy"] == "no-referrer"
            assert headers["Server"] == "orchestrator"
            assert not [name for name in headers if name.startswith("Access-Control")]
            kept = "private, max-age=31536000, immutable" if path == script else "no-store"
            assert headers["Cache-Control"] == kept
        assert "<script>" not in page
        assert " style=" not in page


HOSTS = ["localhost", "127.0.0.1:1", "[::1]:80", "LOCALHOST.", "launches.example.com:443"]
FOREIGN = ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "", "[::2]", "a@localhost", "127.0.0.2"]


@pytest.mark.parametrize(("names", "status"), [(HOSTS, 200), (FOREIGN, 421)])
async def test_it_answers_only_by_its_own_names(serve, url, names, status):
    write(url, bad_day())
    async with serve(url, hosts=["launches.example.com"]) as served:
        for name in names:
            found = await served.get("/", headers={"Host": name})
            assert found[0] == status, name
            assert (runs.LAUNCH in found[2]) <= (status == 200)


async def test_without_the_token_nothing_is_told(serve, url):
    write(url, bad_day())
    async with serve(url, token=TOKEN) as served:
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        basic = {"Authorization": "Basic " + base64.b64encode(f"ann:{TOKEN}".encode()).decode()}
        await served.until("/", runs.LAUNCH, headers=bearer)
        assert (await served.get("/", headers=basic))[0] == 200
        for path in ("/", LAUNCH, f"{LAUNCH}/events", "/metrics", "/static/x", "/nothing"):
            status, headers, text = await served.get(path)
            assert (status, headers["WWW-Authenticate"][:5]) == (401, "Basic")
            assert runs.LAUNCH not in text
        assert (await served.get("/healthz"))[2] == "ok\n"


async def test_wrong_tokens_are_slowed_down_and_right_ones_are_not(serve, url):
    write(url, bad_day())
    async with serve(url, token=TOKEN) as served:
        wrong = [{"Authorization": text} for text in ("Bearer x", "Basic %%%", f"Bearer {TOKEN}x", "Basic eDp5")]
        assert [(await served.get("/", headers=one))[0] for one in wrong] == [401] * 4
        status, headers, _ = await served.get("/", headers={"Authorization": f"Bearer {TOKEN}"})
        assert (status, int(headers["Retry-After"]) >= 1) == (429, True)
        await served.until("/", runs.LAUNCH, headers={"Authorization": f"Bearer {TOKEN}"})


def fuzzed(rng, *, with_token):
    """A request as nobody sends it in good faith: method, path, headers. Wrong tokens only where none is right."""
    names = ["launches", runs.LAUNCH, "events", "campaigns", "static", "metrics", "..", "%2e%2e", "%00", "é",
             "x" * 300, "{{7*7}}", "<script>", "'", '"', ";", "?", "#", "&a=b", "%ff", "\\", ""]  # fmt: skip
    path = "/" + "/".join(rng.choice(names) for _ in range(rng.randint(0, 5)))
    method = rng.choice(["GET"] * 6 + ["HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "X"])
    fields = ["X-A", "Range", "If-Match", "Cookie", "Origin", "Upgrade", "Last-Event-ID", "Accept-Encoding"]
    headers = {
        rng.choice(fields if with_token else [*fields, "Authorization"]):
        rng.choice(["bytes=0-", "x" * 3000, "*", "Bearer x", "Basic =", "websocket", "\x80é", "https://evil.example"])
        for _ in range(rng.randint(0, 3))
    }  # fmt: skip
    return method, path, {"Authorization": f"Bearer {TOKEN}", **headers} if with_token else headers


async def test_ten_thousand_odd_requests_do_no_harm(serve, url, folder):
    write(url, bad_day())
    before, seen = files(folder), {}
    rng = random.Random(8787)
    async with serve(url, token=TOKEN) as served:
        await served.until("/", runs.LAUNCH, headers={"Authorization": f"Bearer {TOKEN}"})
        for number in range(10_000):
            method, path, headers = fuzzed(rng, with_token=number < 8_000)
            async with served.session.request(
                method, served.url.rstrip("/") + path, headers=headers, allow_redirects=False
            ) as reply:
                seen[reply.status] = seen.get(reply.status, 0) + 1
                assert reply.status < 500, (method, path, headers)
                if reply.content_type == "text/event-stream":
                    reply.close()
                    continue
                body = await reply.read() + str(reply.headers).encode()
                assert not leaks(body, more=[TOKEN]), (method, path)
        assert not served.task.done()

    assert set(seen) >= {200, 401, 404, 405, 429}
    assert files(folder) == before
