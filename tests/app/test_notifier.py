"""Who is told of a launch, and when: real runs, real webhooks on loopback, and the journal."""

import asyncio
import hashlib
import hmac
import json
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestrator import load_manifest, plan_launch, run_launch
from orchestrator.app import journal_reader as journals
from orchestrator.app import notifier as module
from orchestrator.app.notifier import Notifier, telling
from orchestrator.core.journal.control import ControlCommand
from orchestrator.core.notice import NOTICE, SIGNATURE
from orchestrator.errors import Refused
from orchestrator.ledger.store import Store
from orchestrator.redaction import Redactor
from tests.app.conftest import Watcher
from tests.endpoints import end_point
from tests.fakes import ManualClock, RecordingObserver
from tests.ports import free_port
from tests.system.crash.conftest import ACCOUNT

TOKEN = "canary-token-5f0c3a5f0c3a"
EVERYTHING = ["unknown", "stopped", "finished", "paused", "needs_approval", "stalled", "wave_passed"]
WAVES = [{"name": "first", "campaigns": ["st-1/cd-0"], "pass": {"started": "100%"}}, {"name": "rest"}]
LEDGER = "sqlite:///{}/.orchestrator/ledger.db"


@pytest.fixture
def patient(monkeypatch):
    """Each notice begins a process: on a crowded machine, that alone may take the five seconds of a notice."""
    monkeypatch.setattr(module, "SECONDS", 60.0)


@pytest.fixture
def hook(monkeypatch, patient):
    with end_point() as there:
        monkeypatch.setenv("HOOK", f"http://{there.place}/{TOKEN}")
        yield there


def entry(variable="HOOK", **more):
    return {"to": {"env": variable}, **more}


def notices_of(place):
    store = Store.open(LEDGER.format(place.directory), create=False)
    try:
        return [record for record in store.read(place.raw["launch"]) if record.kind == NOTICE]
    finally:
        store.close()


async def test_a_run_tells_its_end_with_counts_and_command(places, hook):
    place = await places()
    result = await run_launch(place.load(notify=[entry()], links={"serve": "https://ops.example/k/"}))
    [notice] = hook.notices

    ledger = LEDGER.format(place.directory)
    command = f"python -m orchestrator status crash --ledger {ledger}"
    run_id, link = result.run["run_id"], "https://ops.example/k/launches/crash"
    assert notice == {
        "schema_version": "1", "id": notice["id"], "event": "finished", "test": False, "launch": "crash",
        "run_id": run_id, "environment": None, "host": place.server.url, "counts": {"started": 5},
        "recipients": 18_000, "title": "crash: a run has ended",
        "message": "the run has ended with exit code 0: all selected campaigns are started",
        "text": "Launch crash: the run has ended with exit code 0: all selected campaigns are started\n"
        f"5 started; 18,000 recipients; run {run_id}\nNext: {command}\n{link}",
        "next": command, "link": link, "at": notice["at"],
    }  # fmt: skip
    assert len(notice["id"]) == 32
    assert result.warnings == []


async def test_each_is_told_what_it_chose(places, hook, monkeypatch):
    place = await places()
    with end_point() as other:
        monkeypatch.setenv("OTHER", f"http://{other.place}/x")
        await run_launch(place.load(notify=[entry(on=EVERYTHING), entry("OTHER", on=["wave_passed"])], waves=WAVES))

    assert sorted(hook.events()) == ["finished", "wave_passed", "wave_passed"]
    told = sorted((notice["message"], notice["counts"]["started"]) for notice in other.notices)
    assert told == [("wave first has passed", 1), ("wave rest has passed", 5)]


async def test_a_signature_proves_the_body_and_its_time(places, hook, monkeypatch):
    monkeypatch.setenv("SIGN", "sign-canary-5f0c3a5f0c3a")
    place = await places(count=1)
    await run_launch(place.load(notify=[entry(secret={"env": "SIGN"}, title="Spring")]))
    [(_, headers, body)] = hook.requests
    seconds, _, digest = headers[SIGNATURE.lower()].removeprefix("t=").partition(",v1=")

    assert digest == hmac.new(b"sign-canary-5f0c3a5f0c3a", f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    assert abs(time.time() - int(seconds)) < 60
    assert json.loads(body)["title"] == "Spring"


async def test_the_first_unknown_is_told_once(places, hook):
    lost = {f"st-1/cd-{n}": ["server_error_before"] for n in range(3)}
    place = await places(count=3, scripted=lost)
    result = await run_launch(place.load(probe={"settle": "0s"}, notify=[entry()]))

    assert result.exit_code == 11
    assert sorted(hook.events()) == ["finished", "unknown"]
    [unknown] = [notice for notice in hook.notices if notice["event"] == "unknown"]
    assert unknown["counts"]["unknown"] == 1
    assert sorted(record.data["event"] for record in notices_of(place)) == ["finished", "unknown"]


async def test_a_stop_is_told_with_its_reason(places, hook):
    place = await places(scripted={"st-1/cd-0": ["server_error_before"]})
    rules = {"probe": {"settle": "0s"}, "stop_when": {"unknown": 1, "min_sample": 1}}
    result = await run_launch(place.load(notify=[entry(on=["stopped"])], **rules))
    [notice] = hook.notices

    assert notice["message"] == f"the run stopped early (rule): {result.run['stop']['detail']}"
    assert (notice["counts"], result.exit_code) == ({str(k): n for k, n in result.totals.items() if n}, 11)


async def test_an_account_that_stops_is_told_by_its_name(places, hook):
    place = await places()
    await told_by_hand(place, [("lane_stopped", {"lane": f"h {ACCOUNT}", "reason": "breaker", "message": "no answer"})])

    assert [notice["message"] for notice in hook.notices] == ["account acme has stopped (breaker): no answer"]


async def test_pause_and_unpause_are_told_with_who_and_why(places, hook):
    place = await places()
    manifest = place.load(notify=[entry(on=["paused"])])
    await run_launch(manifest, select=["campaign:cd-0"])
    ledger = LEDGER.format(place.directory)
    journals.record_command(ledger, "crash", ControlCommand.PAUSE, "lunch")

    def go_on():
        journals.record_command(ledger, "crash", ControlCommand.UNPAUSE, "")

    await run_launch(manifest, observer=Watcher(launch_paused=go_on))
    messages = [notice["message"] for notice in hook.notices]

    assert len(messages) == 2
    assert messages[0].startswith("paused by ")
    assert messages[0].endswith(": lunch")
    assert messages[1] == "its pause is over: starts leave again"


async def refused_while_waiting(place, manifest):
    """Abort a launch while it waits for its time. What it told its observer."""
    ledger = LEDGER.format(place.directory)
    watcher = Watcher(
        start_waiting=lambda: journals.record_command(ledger, "crash", ControlCommand.ABORT, "wrong price")
    )
    with pytest.raises(Refused, match="wrong price"):
        await run_launch(manifest, at=datetime.now(UTC) + timedelta(hours=1), observer=watcher)
    return watcher


async def test_a_run_that_may_not_begin_after_its_wait_is_told(places, hook):
    """Nobody sits in front of it: the scheduled launch would only be missed by those who wait for its messages."""
    place = await places()
    await refused_while_waiting(place, place.load(notify=[entry()]))
    [notice] = hook.notices

    assert (notice["event"], notice["counts"], notice["recipients"]) == ("stopped", {}, None)
    message = notice["message"]
    assert message.startswith("a run that waited for its time ended with exit code 4: launch crash is aborted by ")
    assert message.endswith(": wrong price; no start was sent")
    assert place.starts == {}


async def test_a_refusal_that_reaches_nobody_is_an_event(places, monkeypatch):
    monkeypatch.setenv("DEAD", f"http://127.0.0.1:{free_port()}/{TOKEN}")
    place = await places()
    watcher = await refused_while_waiting(place, place.load(notify=[entry("DEAD"), entry("DEAD", on=["finished"])]))

    [failed] = [fields for name, fields in watcher.events if name == "notice_failed"]
    assert (failed["notice"], failed["entry"]) == ("stopped", "notify 1 (webhook)")
    assert TOKEN not in failed["message"]


async def test_who_sees_the_refusal_is_not_told(places, hook):
    place = await places()
    manifest = place.load(approval="plan", notify=[entry()])
    with pytest.raises(Refused, match="needs --approve"):
        await run_launch(manifest)

    assert hook.requests == []


async def test_a_plan_that_needs_approval_is_told(places, hook):
    place = await places()
    planned = await plan_launch(place.load(approval="plan", notify=[entry()]), select=["campaign:cd-1"])
    [notice] = hook.notices

    command = f"python -m orchestrator run {place.directory}/m.yaml --select campaign:cd-1 --approve"
    assert (notice["event"], notice["next"]) == ("needs_approval", f"{command} {planned.plan.sha256[:12]}")
    assert notice["message"] == f"plan {planned.plan.sha256[:12]} with 1 start needs a person's approval"
    assert notice["recipients"] == 3_600  # those of cd-1


async def test_a_plan_that_needs_a_signature_is_told(places, hook):
    place = await places()
    (place.directory / "signers").write_text("ann@example.com ssh-ed25519 AAAA\n", encoding="utf-8")
    planned = await plan_launch(place.load(approval={"signers": "signers"}, notify=[entry()]))
    [notice] = hook.notices

    what = f"plan {planned.plan.sha256[:12]} with 5 starts needs a signature over the file that plan -o wrote"
    assert notice["message"] == f"{what}; approve makes it"
    assert notice["next"].startswith("python -m orchestrator status ")


async def test_a_plan_without_approval_is_not_told(places, hook):
    place = await places()
    await plan_launch(place.load(notify=[entry()]))

    assert hook.requests == []


HOSTILE = ("silent", "drips", "redirects", "resets", "fails", "endless_headers")


async def test_hostile_end_points_change_nothing_but_warnings(places, monkeypatch):
    monkeypatch.setenv("DEAD", f"http://127.0.0.1:{free_port()}/{TOKEN}")
    monkeypatch.setenv("ODD", f"nothing like an address {TOKEN}")
    with ExitStack() as stack:
        trap = stack.enter_context(end_point())
        for kind in HOSTILE:
            there = stack.enter_context(end_point(kind, f"http://{trap.place}/trap"))
            form = "json" if kind in {"drips", "resets"} else "http"
            monkeypatch.setenv(kind.upper(), f"{form}://{there.place}/{TOKEN}")
        variables = [kind.upper() for kind in HOSTILE]
        place, plain = await places("one"), await places("two")
        expected = await run_launch(plain.load(waves=WAVES))
        began = time.monotonic()
        notify = [entry(name, on=["finished", "wave_passed"]) for name in [*variables, "DEAD", "ODD", "MISSING"]]
        result = await run_launch(place.load(waves=WAVES, notify=notify))
        took = time.monotonic() - began

    assert (result.exit_code, result.totals) == (expected.exit_code, expected.totals)
    assert place.outcomes(result) == plain.outcomes(expected)
    assert trap.requests == []
    # A notice for each of two waves and one for the end, none of which reached anybody.
    assert len(result.warnings) == 3 * len(notify)
    assert (
        "notice finished did not reach notify 9: to: environment variable MISSING is unset or empty" in result.warnings
    )
    assert TOKEN not in json.dumps(result.warnings)
    # The last two waves and the end come together: 5 s for all of it, and what the machine needs for the run itself.
    assert took < 5 + 30
    assert journals.read_status(LEDGER.format(place.directory), "crash").result.as_json() == result.as_json()


@pytest.mark.usefixtures("patient")
async def test_starts_do_not_wait_for_a_slow_end_point(places, monkeypatch):
    """It answers when all is started: whatever waited for it would wait until the notice is given up."""
    with end_point("released") as there:
        monkeypatch.setenv("SLOW", f"http://{there.place}/x")
        place = await places()
        manifest = place.load(waves=WAVES, notify=[entry("SLOW", on=["wave_passed"])])
        result = await run_launch(manifest, observer=Watcher(run_finished=there.released.set))

    assert there.events() == ["wave_passed", "wave_passed"]
    assert result.warnings == []


async def test_a_wrong_entry_is_named_by_number_and_kind(places, monkeypatch):
    monkeypatch.setenv("OPEN", f"http://hooks.example/{TOKEN}")
    monkeypatch.setenv("SIGNED", f"json://127.0.0.1:9/{TOKEN}")
    monkeypatch.setenv("SIGN", "sign-canary-5f0c3a5f0c3a")
    place = await places(count=1)
    result = await run_launch(place.load(notify=[entry("OPEN"), entry("SIGNED", secret={"env": "SIGN"})]))

    assert result.exit_code == 0
    assert result.warnings == [
        "notice finished did not reach notify 1 (webhook): plain http is for this machine only: use https",
        "notice finished did not reach notify 2 (Apprise): only webhooks are signed: leave out secret",
    ]


async def test_rebuilding_reports_tells_nothing(places, hook):
    place = await places(count=1)
    result = await run_launch(place.load(notify=[entry()]))
    status = journals.read_status(LEDGER.format(place.directory), "crash")

    assert status.result.as_json() == result.as_json()
    assert hook.events() == ["finished"]


async def test_a_stalled_campaign_is_told_once_for_each_run(places, hook):
    place = await places(count=1)
    stalled = [("delivery_stalled", {"campaign": f"st-1/cd-{n}", "sent": 7, "message": "Active"}) for n in (0, 0, 1)]
    await told_by_hand(place, stalled)

    assert [notice["message"] for notice in hook.notices] == ["st-1/cd-0: Active", "st-1/cd-1: Active"]
    assert hook.notices[0]["next"].startswith("python -m orchestrator follow ")


async def test_campaigns_that_stall_together_are_one_notice(places, hook):
    place = await places(count=1)
    loaded = place.load(notify=[entry()], campaigns=[{"stream": "st-1", "campaign": "cd-0", "name": "Spring NE"}])
    store = Store.open(LEDGER.format(place.directory))
    try:
        for _ in range(2):  # the second process has nothing new
            one = await Notifier.of(loaded, Redactor(), RecordingObserver())
            async with telling(one, loaded, "r-1", store, ManualClock()) as notifier:
                for number in range(400):
                    notifier.event("delivery_stalled", campaign=f"st-1/cd-{number}", sent=7, message="Active")
    finally:
        store.close()

    assert [notice["message"] for notice in hook.notices] == [
        "400 campaigns are Active and send nothing: Spring NE (st-1/cd-0), st-1/cd-1, st-1/cd-2, and 397 more"
    ]
    assert one.not_told == []


async def told_by_hand(place, events):
    """Events of a run as one process after the other sees them, each of which tells."""
    loaded = place.load(notify=[entry()])
    store = Store.open(LEDGER.format(place.directory))
    try:
        for name, fields in events:
            one = await Notifier.of(loaded, Redactor(), RecordingObserver())
            async with telling(one, loaded, "r-1", store, ManualClock()) as notifier:
                await asyncio.to_thread(notifier.event, name, **fields)
    finally:
        store.close()


async def test_a_second_watcher_of_a_run_tells_nothing_again(places, hook):
    place = await places(count=1)
    lost = ("campaign_done", {"campaign": "st-1/cd-0", "outcome": "unknown", "lane": "h a", "message": ""})
    await told_by_hand(place, [lost, lost])

    assert hook.events() == ["unknown"]


def test_an_environment_may_tell_others(tmp_path):
    tmp_path.chmod(0o700)
    raw = {
        "version": 1, "launch": "spring", "defaults": {"account": "acme"},
        "accounts": {"acme": {"account_id": "a1"}}, "campaigns": [{"stream": "st-1", "campaign": "cd-1"}],
        "notify": [entry("ALL")],
        "environments": {"staging": {"host": "sandbox", "notify": []}, "production": {"host": "sandbox"}},
    }  # fmt: skip
    file = Path(tmp_path / "m.yaml")
    file.write_text(json.dumps(raw), encoding="utf-8")

    assert load_manifest(file, environment="staging").manifest.notify == ()
    assert [one.to.env for one in load_manifest(file, environment="production").manifest.notify] == ["ALL"]
