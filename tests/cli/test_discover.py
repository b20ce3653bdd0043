"""`discover` over real HTTP: what it lists, what it writes, what it refuses; it never sends a start."""

import csv
import io
import json
import signal
import socket
import threading
from pathlib import Path

import pytest

from orchestrator.sandbox.limiter import Limit
from orchestrator.sandbox.platform import Account, Campaign, World
from orchestrator.sandbox.server import SandboxServer
from tests.cli.conftest import ACCOUNT, SECRET, Platform
from tests.cli.test_terminal import at_terminal

LIMIT = Limit(60, 60.0)  # the platform's own
STREAMS = ("st-1", "st-2", "st-3", "st-4")
NASTY = (
    '=HYPERLINK("http://x")',
    "+1, or -1",
    "@x;=1",
    'a "quoted", name',
    "two\r\nlines",
    "tick \U0001f389",
    "x\ud800y",
)


class Served(Platform):
    """A sandbox with campaigns of all kinds, under the platform's own limit by default."""

    def start(self, campaigns, limit=LIMIT, **account):
        world = World((Account(ACCOUNT, "cs-acme", SECRET, "HS256", limit, **account),), tuple(campaigns))
        self._server = SandboxServer(world)
        return self._do(self._server.start())

    @property
    def record(self):
        return self._server.platform.record()

    @property
    def arrivals(self):
        return self.record["accounts"][ACCOUNT]

    def remove(self, stream, campaign):
        del self._server.platform._campaigns[stream, campaign]

    def add(self, *campaigns):
        for campaign in campaigns:
            self._server.platform.put(campaign)


@pytest.fixture
def served():
    served = Served()
    yield served
    assert served._server is None or served.record["starts"] == []
    assert served._server is None or served.record["start_counts"] == {}
    served.close()


def campaigns(stream, count, first=0, **fields):
    return [Campaign(stream, f"cd-{n:04}", f"Renewal {n}", ACCOUNT, **fields) for n in range(first, first + count)]


def draft(workplace, url, rate="50/60s", **changes):
    """A manifest as `init` writes it: its only list is a header."""
    (workplace.path / "campaigns.csv").write_bytes(
        b"stream,campaign,name,status,contact_lists,instance_id,updated_at\n"
    )
    accounts = workplace.credentials(rate=[rate])
    return workplace.manifest(host=url, accounts=accounts, campaigns=None, campaigns_from=["campaigns.csv"], **changes)


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def streams(*names):
    return [word for name in names for word in ("--stream", name)]


def test_1000_campaigns_of_4_streams_in_at_most_24_calls(workplace, served):
    url = served.start([one for stream in STREAMS for one in campaigns(stream, 250)])
    manifest = draft(workplace, url)
    done = workplace.run("discover", manifest, *streams(*STREAMS), "-o", "campaigns.csv")
    arrivals = served.arrivals
    validated = workplace.run("validate", manifest, "--json")
    planned = json.loads(workplace.run("plan", manifest, "--json").stdout)

    assert done.returncode == 0, done.stderr
    assert "1,000 campaigns in 4 streams, listed in 20 calls" in done.stderr
    assert "next: python -m orchestrator plan launch.yaml" in done.stderr
    assert (arrivals["arrivals"], arrivals["throttled"]) == (20, 0)
    assert json.loads(validated.stdout)["campaigns"] == 1000
    assert [one["action"] for one in planned["campaigns"]] == ["start"] * 1000
    assert planned["warnings"] == []
    assert served.arrivals["throttled"] == 0


def test_the_limit_holds_over_discover_and_the_plan_after_it(workplace, served):
    url = served.start(campaigns("st-1", 320), Limit(5, 1.0))
    manifest = draft(workplace, url, rate="5/1s")
    done = workplace.run("discover", manifest, *streams("st-1"), "-o", "campaigns.csv")
    planned = workplace.run("plan", manifest)

    assert (done.returncode, planned.returncode) == (0, 0), done.stderr + planned.stderr
    assert (served.arrivals["arrivals"], served.arrivals["peak"], served.arrivals["throttled"]) == (15, 5, 0)


def test_the_columns_are_what_the_platform_says(workplace, served):
    ran = {"status": "Stopped", "instance_id": "cid-7", "contact_lists": ("VIP", "All, really")}
    url = served.start([Campaign("st-1", "cd-1", "One", ACCOUNT, updated_at="2026-03-01T00:00:00.000Z", **ran)])
    done = workplace.run("discover", draft(workplace, url), *streams("st-1"))

    assert done.stdout == (
        "stream,campaign,name,status,contact_lists,instance_id,updated_at\n"
        'st-1,cd-1,One,Stopped,"VIP; All, really",cid-7,2026-03-01T00:00:00.000Z\n'
    )


def test_names_are_cells_that_no_spreadsheet_runs(workplace, served):
    url = served.start([Campaign("st-1", f"cd-{n}", name, ACCOUNT) for n, name in enumerate(NASTY)])
    manifest = draft(workplace, url)
    done = workplace.run("discover", manifest, *streams("st-1"), "-o", "campaigns.csv")
    names = [row["name"] for row in rows((workplace.path / "campaigns.csv").read_text(encoding="utf-8"))]

    assert done.returncode == 0, done.stderr
    assert names == [
        "'=HYPERLINK(\"http://x\")", "'+1, or -1", "'@x;'=1", 'a "quoted", name', "two lines",
        "tick \U0001f389", "x\ufffdy",
    ]  # fmt: skip
    assert workplace.run("validate", manifest).returncode == 0


def test_account_and_type_are_columns_where_they_differ(workplace, served):
    url = served.start(campaigns("st-1", 1, type="voice"))
    accounts = {"other": {"account_id": "1" * 24, "client_id": {"env": "NO"}, "client_secret": {"env": "NO"}}}
    accounts |= workplace.credentials()
    manifest = workplace.manifest(host=url, accounts=accounts, campaigns=None, defaults={"account": "other"})
    done = workplace.run("discover", manifest, *streams("st-1"), "--account", "acme", "--type", "voice")

    # The other account's credentials are not there, and not needed.
    assert done.returncode == 0, done.stderr
    assert [(row["account"], row["type"]) for row in rows(done.stdout)] == [("acme", "voice")]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--status", "ready"], ["cd-0000", "cd-0001"]),
        (["--status", "Ready", "--status", "Completed"], ["cd-0000", "cd-0001", "cd-0002"]),
        (["--name", "*SPRING*"], ["cd-0002"]),
    ],
)
def test_status_and_name_choose(workplace, served, options, found):
    done_before = Campaign("st-1", "cd-0002", "Old spring", ACCOUNT, status="Completed")
    url = served.start([*campaigns("st-1", 2), done_before])
    done = workplace.run("discover", draft(workplace, url), *streams("st-1"), *options, "--json")

    assert [one["campaign"] for one in json.loads(done.stdout)["campaigns"]] == found


def test_update_adds_lines_and_changes_no_other_byte_of_csv(workplace, served):
    url = served.start([*campaigns("st-1", 3), *campaigns("st-2", 2)])
    manifest = draft(workplace, url)
    before = b'\xef\xbb\xbfname,campaign,tags,stream\r\n"One, ""1""",cd-0001,a;b,st-1\r\n\r\n  x  ,cd-0000, ,st-1\r\n'
    (workplace.path / "own.csv").write_bytes(before)
    done = workplace.run("discover", manifest, *streams("st-1,st-2"), "--update", "own.csv")
    after = (workplace.path / "own.csv").read_bytes()

    assert done.returncode == 0, done.stderr
    assert after == before + b"Renewal 2,cd-0002,,st-1\r\nRenewal 0,cd-0000,,st-2\r\nRenewal 1,cd-0001,,st-2\r\n"
    assert "own.csv: 3 campaigns added" in done.stdout
    assert "name the file in launch.yaml, under campaigns_from" in done.stderr


MANIFEST = """\
# Renewals of spring.
version: 1
launch:   spring   # three spaces
host: "{url}"
accounts:
    acme: {{account_id: "{account}", client_id: {{env: ACME_ID}}, client_secret: {{env: ACME_SECRET}}}}
defaults: {{account: acme}}

campaigns:
    # The first one.
    - stream: st-1
      campaign: cd-0001   # by hand
      name: 'One'

    - {{stream: st-1,   campaign: "cd-0000"}}  # the second
    # End of the list.

limits: {{max_starts: 500}}   # enough
"""


def test_update_of_a_commented_manifest_only_adds_lines(workplace, served):
    url = served.start([*campaigns("st-1", 2), Campaign("st-1", "cd-9", 'a: "b" # c', ACCOUNT, contact_lists=("VIP",))])
    before = MANIFEST.format(url=url, account=ACCOUNT)
    (workplace.path / "launch.yaml").write_text(before, encoding="utf-8")
    done = workplace.run("discover", "launch.yaml", *streams("st-1"), "--update", "launch.yaml")
    after = (workplace.path / "launch.yaml").read_text(encoding="utf-8")
    added = (
        r'    - {stream: st-1, campaign: cd-9, name: "a: \"b\" # c"}'
        "  # Ready; lists VIP; updated 2025-06-01T00:00:00.000Z\n"
    )

    assert done.returncode == 0, done.stderr
    assert after == before.replace("    # End of the list.", added + "    # End of the list.")
    assert json.loads(workplace.run("validate", "launch.yaml", "--json").stdout)["campaigns"] == 3
    again = workplace.run("discover", "launch.yaml", *streams("st-1"), "--update", "launch.yaml")
    assert "launch.yaml: 0 campaigns added" in again.stdout
    assert (workplace.path / "launch.yaml").read_text(encoding="utf-8") == after


def test_what_is_gone_is_marked_once_and_until_it_is_back(workplace, served):
    url = served.start(campaigns("st-1", 3))
    text = MANIFEST.format(url=url, account=ACCOUNT)
    (workplace.path / "launch.yaml").write_text(text, encoding="utf-8")
    table = workplace.path / "own.csv"
    table.write_text('status,stream,campaign\nReady,st-1,cd-0000\n"Ready",st-1,cd-0001\n,st-9,cd-0001\n')
    served.remove("st-1", "cd-0001")
    update = ("discover", "launch.yaml", *streams("st-1"), "--update")
    done = [workplace.run(*update, name) for name in ("own.csv", "launch.yaml", "launch.yaml")]
    marked = (workplace.path / "launch.yaml").read_text(encoding="utf-8")

    assert [one.returncode for one in done] == [0, 0, 0]
    assert "no longer on the platform (marked): st-1/cd-0001" in done[0].stdout
    assert table.read_text() == (
        'status,stream,campaign\nReady,st-1,cd-0000\n"gone",st-1,cd-0001\n,st-9,cd-0001\nReady,st-1,cd-0002\n'
    )
    assert marked.count("    # gone: the platform no longer lists it\n    - stream: st-1\n") == 1
    served.add(Campaign("st-1", "cd-0001", "One", ACCOUNT, status="Stopped"))
    back = [workplace.run(*update, name) for name in ("own.csv", "launch.yaml")]
    assert [one.returncode for one in back] == [0, 0]
    assert '"Stopped",st-1,cd-0001' in table.read_text()
    assert "gone" not in (workplace.path / "launch.yaml").read_text(encoding="utf-8")


def test_o_never_writes_over_a_file(workplace, served):
    url = served.start(campaigns("st-1", 1))
    manifest = draft(workplace, url)
    (workplace.path / "own.csv").write_text("stream,campaign\nst-1,cd-9\n")
    done = workplace.run("discover", manifest, *streams("st-1"), "-o", "own.csv")

    assert done.returncode == 4
    assert "own.csv exists, and -o never overwrites a file\n" in done.stderr
    assert "next: python -m orchestrator discover launch.yaml --update own.csv --stream" in done.stderr
    assert (workplace.path / "own.csv").read_text() == "stream,campaign\nst-1,cd-9\n"
    assert served.arrivals["arrivals"] == 0


def test_a_manifest_that_is_there_is_updated_by_itself(workplace, served):
    manifest = draft(workplace, served.start(campaigns("st-1", 1)))
    environments = {"environments": {"staging": {}}}
    raw = json.loads((workplace.path / manifest).read_text())
    (workplace.path / "other.yaml").write_text(json.dumps(raw | environments))
    (workplace.path / manifest).write_text(json.dumps(raw | environments))
    words = ("discover", manifest, "--env", "staging", *streams("st-1"))
    done = [workplace.run(*words, option, "other.yaml") for option in ("-o", "--update")]

    again = "next: python -m orchestrator discover other.yaml --env staging --update other.yaml --stream"
    assert [(one.returncode, again in one.stderr) for one in done] == [(4, True), (4, True)]


def test_o_yaml_is_the_manifest_with_the_campaigns(workplace, served):
    url = served.start(campaigns("st-1", 2))
    before = MANIFEST.format(url=url, account=ACCOUNT).partition("campaigns:\n")[0]
    (workplace.path / "launch.yaml").write_text(before, encoding="utf-8")
    done = workplace.run("discover", "launch.yaml", *streams("st-1"), "-o", "spring.yaml")

    assert done.returncode == 0, done.stderr
    assert (workplace.path / "spring.yaml").read_text(encoding="utf-8").startswith(before + "campaigns:\n  - {stream: ")
    assert json.loads(workplace.run("validate", "spring.yaml", "--json").stdout)["campaigns"] == 2
    assert "next: python -m orchestrator plan spring.yaml" in done.stderr


def test_what_the_manifest_lists_elsewhere_is_not_listed_twice(workplace, served):
    url = served.start(campaigns("st-1", 3))
    inline = [{"stream": "st-1", "campaign": "cd-0001"}]
    manifest = draft(workplace, url)
    raw = json.loads((workplace.path / manifest).read_text()) | {"campaigns": inline}
    (workplace.path / manifest).write_text(json.dumps(raw))
    done = workplace.run("discover", manifest, *streams("st-1"), "-o", "campaigns.csv")

    assert "left out: 1 campaign that the manifest lists in another place" in done.stderr
    assert json.loads(workplace.run("validate", manifest, "--json").stdout)["campaigns"] == 3


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--stream", "st 1"], 2, "'st 1' is not a stream's id"),
        (["--stream", "st-1", "-o", "x.txt"], 2, "'x.txt' is neither CSV nor YAML"),
        (["--stream", "st-1", "-o", "x.csv", "--update", "y.csv"], 2, "give one of them"),
        (["--stream", "st-1", "--update", "missing.csv"], 3, "missing.csv:1:1: there is no such file"),
        (["--stream", "st-1", "--update", "other.yaml"], 4, "other.yaml is not the manifest"),
        (["--stream", "st-1", "-o", "nowhere/x.csv"], 4, "nowhere/x.csv cannot be made: there is no such folder"),
        (["--stream", "st-1", "--account", "acne"], 5, "no account is called acne\n"),
        (["--stream", "st-1", "--type", "voice"], 5, "no voice campaigns in stream st-1"),
        (["--stream", "st-1", "--name", "nobody"], 5, "none of 1 campaign matches"),
        (["--stream", "st-9"], 7, "rejects the credential of account acme for stream st-9"),
    ],
)
def test_each_refusal_has_its_code_and_writes_nothing(workplace, served, arguments, code, words):
    manifest = draft(workplace, served.start(campaigns("st-1", 1)))
    before = sorted(path.name for path in workplace.path.iterdir() if path.is_file())
    done = workplace.run("discover", manifest, *arguments)

    assert (done.returncode, words in done.stderr) == (code, True), done.stderr
    assert done.stdout == ""
    assert sorted(path.name for path in workplace.path.iterdir() if path.is_file()) == before


def test_4_for_the_sandbox_inside_a_run(workplace):
    done = workplace.run("discover", workplace.manifest(), *streams("st-1"))

    assert done.returncode == 4
    assert "next: serve one with python -m orchestrator sandbox, and give its address as host" in done.stderr


def test_a_platform_that_sorts_nothing_takes_one_call_more(workplace, served):
    url = served.start([*campaigns("st-1", 60), *campaigns("st-2", 60)], sorts_lists=False)
    done = workplace.run("discover", draft(workplace, url), *streams("st-1", "st-2"))

    assert len(rows(done.stdout)) == 120
    assert served.arrivals["arrivals"] == 5


def test_130_when_interrupted_and_the_file_is_as_it_was(workplace, served):
    url = served.start(campaigns("st-1", 200))
    manifest = draft(workplace, url, rate="1/60s")
    before = Path(workplace.path / "campaigns.csv").read_bytes()
    with workplace.start("discover", manifest, *streams("st-1"), "-o", "campaigns.csv") as command:
        while not served.arrivals["arrivals"]:
            assert command.poll() is None
        command.send_signal(signal.SIGINT)
        _, stderr = command.communicate()

    assert command.returncode == 130, stderr
    assert "Traceback" not in stderr
    assert Path(workplace.path / "campaigns.csv").read_bytes() == before


def test_6_while_a_run_has_the_account(workplace, served):
    url = served.start(campaigns("st-1", 3))
    slow = draft(workplace, url, rate="1/60s")
    other = workplace.manifest("other.yaml", host=url, accounts=workplace.credentials(), launch="other")
    with workplace.start("discover", slow, *streams("st-1,st-1x")) as first:
        while not served.arrivals["arrivals"]:
            assert first.poll() is None
        second = workplace.run("discover", other, *streams("st-1"))
        first.send_signal(signal.SIGINT)
        first.communicate()

    assert second.returncode == 6, second.stderr
    assert f"pid {first.pid}" in second.stderr


def test_4_for_a_stream_that_the_platform_does_not_know(workplace):
    answer = b'{"errors":[{"msg":"Stream not found","code":404}]}'
    head = f"HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: {len(answer)}\r\n\r\n"
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            peer, _ = listener.accept()
            with peer:
                peer.recv(65536)
                peer.sendall(head.encode() + answer)

        threading.Thread(target=serve, daemon=True).start()
        manifest = draft(workplace, f"http://127.0.0.1:{listener.getsockname()[1]}")
        done = workplace.run("discover", manifest, *streams("st-9"))

    assert done.returncode == 4
    assert "account acme has no stream st-9 (HTTP 404: Stream not found)\n" in done.stderr


def test_a_terminal_shows_a_bar_per_stream(workplace, served):
    url = served.start([*campaigns("st-1", 120), *campaigns("st-2", 20)])
    code, shown = at_terminal(workplace, "discover", draft(workplace, url), *streams("st-1", "st-2"), "-o", "x.csv")

    assert code == 0, shown
    assert "120 read" in shown
    assert "x.csv: 140 campaigns added" in shown


def test_an_environments_account_and_host_count(workplace, served):
    url = served.start(campaigns("st-1", 1))
    manifest = draft(workplace, "https://platform.kore.ai", environments={"staging": {"host": url}})
    done = workplace.run("discover", manifest, "--env", "staging", *streams("st-1"), "-o", "campaigns.csv")

    assert done.returncode == 0, done.stderr
    assert "next: python -m orchestrator plan launch.yaml --env staging" in done.stderr


def test_utf_16_of_excel_stays_utf_16(workplace, served):
    manifest = draft(workplace, served.start(campaigns("st-1", 1)))
    before = "stream\tcampaign\tname\r\nst-0\tcd-0\t\u00fc\r\n".encode("utf-16")
    (workplace.path / "own.csv").write_bytes(before)
    done = workplace.run("discover", manifest, *streams("st-1"), "--update", "own.csv")

    assert done.returncode == 0, done.stderr
    added = "st-1\tcd-0000\tRenewal 0\r\n".encode("utf-16-le")
    assert (workplace.path / "own.csv").read_bytes() == before + added
