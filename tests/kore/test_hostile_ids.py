"""2,000 hostile ids: refused with their place, or on the wire byte for byte where the template has them."""

import json
import random
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from orchestrator.core.plan.plan import target_of
from orchestrator.errors import ManifestError
from orchestrator.loading.manifest_file import load_manifest
from tests.raw_server import ACTIVE, client_of, reply, serving, start

COUNT = 2000
PIECES = (
    "a", "Z9", "cd-1", ".", "..", "/", "\\", "%2e", "%2E%2E", "%2f", "%00", "%", "?", "#", "&", "=", ";", ":", "@", "+",
    "\r\n", "\n", "\r", "\0", "\t", " ", "\x7f", "\x85", "\u00a0", "\u2028", "\u202e",
    "\u200b", "\ufeff", "\u0660", "é",
    "e\u0301", "\uff0e", "\uff0f", "ß", "İ", "中", "😀", "_", "-", "~", "*", "{", "}", "$", "|", "`", "<", '"', "'",
    "HTTP/1.1", "Host: evil", "trigger=stop", "campaignType=voice", "x" * 60, "//evil.example", "http://evil",
)  # fmt: skip
KNOWN = (
    "..", ".", "", "/", "../../x", "a/../b", "a/b", "%2e%2e", "a%2fb", "a?x", "a#x", "a b", " a", "a ", "a\n", "a\r\n",
    "a\r\nauth: x", "\na", "a\0", "a" * 128, "a" * 129, "a" * 100_000,
    ".a", "-a", "_a", "a.", "a..", "a..b", "0", "007",
    "null", "true", "1e3", "0x1F", "NaN", "~", "a-_.Z", "\u202eabc", "a\u202e", "cd-1;x=y", "*", "CON", "a%", "%41",
)  # fmt: skip
ALLOWED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)
ACCOUNT_ID = "5f2a0c9be4b0a1d2c3e4f5a6"
PLACES = ("stream", "campaign", "iid", "account_id")


def hostile_ids():
    rnd = random.Random(7)
    found = dict.fromkeys(KNOWN)
    while len(found) < COUNT:
        tame = rnd.random() < 0.3
        pieces = ("a", "Z9", "cd-1", ".", "..", "_", "-", "x" * 60, "0") if tame else PIECES
        found["".join(rnd.choices(pieces, k=rnd.randint(1, 5)))] = None
    return list(found)


def manifest_with(tmp_path, place, text):
    campaign = {"stream": "st-1", "campaign": "cd-1", "iid": "app-1"} | ({place: text} if place != "account_id" else {})
    raw = {
        "version": 1, "launch": "ids", "host": "sandbox", "defaults": {"account": "acme"}, "campaigns": [campaign],
        "accounts": {"acme": {"account_id": text if place == "account_id" else ACCOUNT_ID}},
    }  # fmt: skip
    path = tmp_path / "m.yaml"
    path.write_text(json.dumps(raw, ensure_ascii=True), encoding="utf-8")
    return path


def target_or_place(path, place):
    """What the calls of an accepted manifest are addressed to; None for one that is refused, with the id's place."""
    try:
        manifest = load_manifest(path).manifest
    except ManifestError as error:
        assert all(p.line >= 1 and p.column >= 1 for p in error.problems)  # noqa: PT017 - either end is right
        assert any(place in p.path or "is not YAML" in p.message for p in error.problems)  # noqa: PT017
        return None
    return target_of(manifest, manifest.campaigns[0])


async def test_an_id_reaches_the_wire_byte_for_byte_or_not_at_all(tmp_path):
    targets = []
    for n, text in enumerate(hostile_ids()):
        place = PLACES[n % len(PLACES)]
        target = target_or_place(manifest_with(tmp_path, place, text), place)
        assert (target is not None) == (ALLOWED.fullmatch(text) is not None), (place, text)
        targets += [target] if target else []
    assert 200 < len(targets) < 500

    wanted = []
    async with serving() as server, client_of(server.url) as client:
        for target in targets:
            server.script += [reply(200, ACTIVE)] * 6
            await start(client, target)
            await client.stop(target)
            await client.status(target)
            await client.get(target)
            await client.list(target, 1)
            await client.contact_lists(target)
            campaign = f"/campaign/api/v1/public/{target.stream}/campaign/{target.campaign}"
            lists = f"/campaign/api/v2/public/{target.stream}/campaign/contactList"
            agent = f"/agentassist/api/v1/public/{target.stream}/campaign"
            lines = (
                f"POST {campaign}?campaignType=sms&trigger=play", f"POST {campaign}?campaignType=sms&trigger=stop",
                f"POST {agent}/{target.campaign}/status?view=status", f"GET {agent}/{target.campaign}",
                f"POST {agent}/getAllCampaignDetails",
                f"POST {lists}/getAllListDetails?accountId={target.account_id}&type=call",
            )  # fmt: skip
            wanted += [(f"{line} HTTP/1.1".encode(), target) for line in lines]
    for request, (line, target) in zip(server.requests, wanted, strict=True):
        head = request.split(b"\r\n\r\n")[0].split(b"\r\n")
        assert head[0] == line
        assert [h for h in head if h.lower().startswith(b"iid:")] == [f"iid: {target.iid}".encode()]
        assert [h for h in head if h.lower().startswith(b"accountid:")] == [f"accountId: {target.account_id}".encode()]


class Liar(BaseHTTPRequestHandler):
    """Answers everything with ids and names that nobody asked for, among those that somebody did."""

    protocol_version = "HTTP/1.1"
    seen: list[str]

    def do_POST(self):
        self.seen.append(f"{self.command} {self.path}")
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        hostile = [{"id": text, "_id": text, "name": text, "status": "Ready"} for text in KNOWN]
        own = [{"id": f"cd-{n}", "name": "../..\r\n\x1b[31m", "status": "Ready"} for n in range(2)]
        body = json.dumps(
            {"status": "Active", "message": "a\r\nSet-Cookie: x"} if "trigger=play" in self.path
            else {"status": "success", "data": {"results": hostile + own, "id": "../evil", "hasMore": False}}
        ).encode()  # fmt: skip
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Says nothing."""


@pytest.fixture
def liar():
    handler = type("_Liar", (Liar,), {"seen": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", handler.seen
    server.shutdown()
    thread.join()
    server.server_close()


def test_nothing_that_a_platform_answers_gets_into_a_request(liar, tmp_path, monkeypatch):
    from click.testing import CliRunner

    from orchestrator.cli.run import command

    url, seen = liar
    tmp_path.chmod(0o700)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOSTILE_ID", "cs-1")
    monkeypatch.setenv("HOSTILE_SECRET", "canary-" + "8" * 40)
    reference = {"client_id": {"env": "HOSTILE_ID"}, "client_secret": {"env": "HOSTILE_SECRET"}}
    raw = {
        "version": 1, "launch": "liar", "host": url, "defaults": {"account": "acme"},
        "accounts": {"acme": {"account_id": ACCOUNT_ID, "rate": "unlimited", **reference}},
        "campaigns": [{"stream": "st-1", "campaign": f"cd-{n}"} for n in range(2)],
    }  # fmt: skip
    (tmp_path / "m.yaml").write_text(json.dumps(raw), encoding="utf-8")
    done = CliRunner().invoke(command, ["m.yaml", "--yes"])

    assert done.exit_code == 0, done.output
    assert sorted(seen) == [
        "POST /agentassist/api/v1/public/st-1/campaign/getAllCampaignDetails",
        *(f"POST /campaign/api/v1/public/st-1/campaign/cd-{n}?campaignType=sms&trigger=play" for n in range(2)),
        f"POST /campaign/api/v2/public/st-1/campaign/contactList/getAllListDetails?accountId={ACCOUNT_ID}&type=call",
    ]
    assert "\x1b[31m" not in done.output
