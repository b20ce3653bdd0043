"""The real programs: a submitter without secrets, workers with them, and what becomes of a launch when they fail."""

import json
import re
import signal
from datetime import datetime

import pytest

from orchestrator.core.plan.plan_hash import sha256
from tests import postgres
from tests.endpoints import end_point
from tests.fleet.conftest import SECRET, rated, select_nothing
from tests.signatures import Signer

WINDOW = {"limit": (40, 2.0)}


def test_only_workers_know_the_secrets_and_start_a_launch(fleet):
    scene = fleet(accounts=3, campaigns=10)
    workers = [scene.worker(f"worker-{n}") for n in range(2)]

    assert scene.submit().wait() == 0, scene.log("submit") + scene.log("worker-0")
    assert scene.check_the_end()["started"] == 30
    for worker in workers:
        worker.send_signal(signal.SIGTERM)
    assert [worker.wait() for worker in workers] == [0, 0]
    with postgres.connected(scene.url) as connection:
        jobs = connection.execute("SELECT args::text, status::text FROM procrastinate_jobs").fetchall()
        lines = connection.execute("SELECT data FROM journal").fetchall()
    assert {status for _, status in jobs} == {"succeeded"}
    assert SECRET not in str(jobs) + str(lines) + scene.log("worker-0") + scene.log("worker-1")


def test_workers_carry_out_the_environment_that_was_ordered(fleet):
    scene = fleet(accounts=2, campaigns=3)
    host = scene.raw.pop("host")
    scene.write(environments={"staging": {"host": host}, "live": {"host": host}})
    scene.worker()
    staged = scene.submit("--env", "staging").wait()
    live = scene.submit("--env", "live", log="live.log").wait()
    result = json.loads((scene.directory / "reports/fleet/staging/result.json").read_text(encoding="utf-8"))

    assert (staged, live) == (0, 4), scene.log("submit") + scene.log("worker") + scene.log("live")
    assert result["run"]["environment"] == "staging"
    assert result["totals"]["started"] == 6
    assert "began on host" in scene.log("live")
    assert set(scene.starts.values()) == {1}


def test_waves_go_in_order_and_a_failing_wave_ends_the_launch(fleet):
    scene = fleet(accounts=2, campaigns=6)
    campaigns = [dict(one) for one in scene.raw["campaigns"]]
    campaigns[0]["tags"] = campaigns[6]["tags"] = ["canary"]
    campaigns[6]["campaign"] = "cd-missing"
    scene.write(campaigns=campaigns, waves=[{"name": "canary", "tags": ["canary"], "pass": {"started": "100%"}},
                                            {"name": "rest"}])  # fmt: skip
    scene.worker()

    assert scene.submit().wait() == 12, scene.log("submit")
    assert scene.starts == {"st-0/cd-0-0": 1}
    assert scene.result["run"]["stop"]["reason"] == "wave"
    assert scene.result["totals"]["held"] == 10
    (wave,) = scene.result["waves"]
    assert wave.pop("opened_at") < wave.pop("closed_at")
    assert [wave] == [
        {"name": "canary", "campaigns": 2, "verdict": "not_passed", "passed": False,
         "message": "wave canary: 1 of 2 started, 100% are needed before the next wave"}
    ]  # fmt: skip


def test_a_stop_rule_looks_at_all_lanes_together(fleet):
    """One failure in each of three lanes: no lane breaks the rule alone."""
    scene = fleet(accounts=3, campaigns=40)
    campaigns = [dict(one) for one in scene.raw["campaigns"]]
    accounts = {name: {**account, "rate": ["10/1s"], "in_flight": 1} for name, account in scene.raw["accounts"].items()}
    for first in (0, 40, 80):
        campaigns[first]["campaign"] = f"cd-missing-{first}"
    scene.write(campaigns=campaigns, accounts=accounts, stop_when={"failed": 3}, preflight={"check": "off"})
    scene.worker()
    code = scene.submit().wait()

    assert code == 12, scene.log("submit")
    assert scene.result["run"]["stop"]["reason"] == "rule"
    assert scene.result["totals"]["failed"] == 3
    assert scene.result["totals"]["held"] > 20


def test_the_submitter_may_be_killed_and_started_again(fleet):
    scene = rated(fleet(accounts=2, campaigns=200, **WINDOW))
    scene.worker()
    first = scene.submit()
    scene.wait_started(20)
    first.kill()
    first.wait()
    seen = sum(scene.starts.values())
    scene.wait_started(seen + 20)  # the lanes do not need it

    assert scene.submit().wait() == 0, scene.log("submit")
    assert "is already in progress: watching it" in scene.log("submit")
    assert scene.check_the_end()["started"] == 400


def test_an_order_in_place_of_another_ends_its_lanes(fleet):
    """Nor is the process that watches the replaced order left waiting for lanes that nobody carries out."""
    scene = rated(fleet(accounts=1, campaigns=600, **WINDOW))
    scene.worker()
    old = scene.submit(log="old.log")
    scene.wait_started(10)
    scene.write(campaigns=scene.raw["campaigns"][:100])

    assert scene.submit().wait() == 0, scene.log("submit")
    assert old.wait() == 12, scene.log("old")
    assert "it was replaced by a new run with another manifest" in scene.log("old")
    assert len(scene.starts) < 600
    assert set(scene.starts.values()) == {1}


def test_an_order_waits_for_its_time_and_is_given_by_another(fleet):
    scene = fleet(accounts=2, campaigns=5)
    scene.worker()
    at = scene.soon()
    first = scene.submit("--at", at, log="first.log")
    scene.wait_for_log("first", "waits until")
    first.kill()
    first.wait()

    assert scene.submit("--at", at).wait() == 0, scene.log("submit")
    assert scene.check_the_end()["started"] == 10
    assert datetime.fromisoformat(scene.result["run"]["started_at"]) >= datetime.fromisoformat(at)


def test_an_order_that_waits_for_its_time_can_be_aborted(fleet):
    scene = fleet(accounts=1, campaigns=2)
    waiting = scene.submit("--at", "2037-12-01T09:00:00Z", log="waiting.log")
    scene.wait_for_log("waiting", "start_waiting")
    assert scene.program("status", "--ledger", scene.url, log="status.log").wait() == 0, scene.log("status")
    abort = scene.program("abort", "fleet", "--reason", "wrong text", "--ledger", scene.url, log="abort.log")

    assert abort.wait() == 0, scene.log("abort")
    assert waiting.wait() == 4, scene.log("waiting")
    assert "a run waits until Tue 2037-12-01 09:00 UTC" in scene.log("status")
    assert not scene.starts


def test_a_signal_ends_the_watching_and_not_the_launch(fleet):
    scene = rated(fleet(accounts=1, campaigns=400, **WINDOW))
    scene.worker()
    watching = scene.submit()
    scene.wait_started(10)
    watching.send_signal(signal.SIGINT)

    assert watching.wait() == 130
    assert "the workers go on with the launch" in scene.log("submit")
    scene.wait_started(100)


@pytest.mark.soak
def test_a_killed_workers_lanes_go_on_elsewhere(fleet):
    scene = rated(fleet(accounts=4, campaigns=60, **WINDOW))
    first = scene.worker("first")
    submit = scene.submit()
    scene.wait_started(40)
    scene.worker("second")
    first.kill()
    first.wait()  # a dead process that nobody waited for looks alive, and its lease would have to end by itself

    assert submit.wait() in {0, 11}, scene.log("submit") + scene.log("second")
    totals = scene.check_the_end()
    assert totals["started"] + totals["unknown"] == 240
    assert totals["unknown"] <= 4 * 8  # at most what was in flight


def test_workers_that_are_replaced_one_by_one_lose_nothing(fleet):
    scene = rated(fleet(accounts=4, campaigns=120, **WINDOW))
    old = [scene.worker(f"old-{n}", concurrency=2) for n in range(2)]
    submit = scene.submit()
    scene.wait_started(80)
    for number, worker in enumerate(old):
        scene.worker(f"new-{number}")
        worker.send_signal(signal.SIGTERM)
        assert worker.wait() == 0

    assert submit.wait() == 0, scene.log("submit") + scene.log("new-0")
    assert scene.check_the_end()["started"] == 480


def test_a_database_restart_delays_a_launch_and_kills_no_worker(fleet, own_server):
    scene = rated(fleet(url=own_server.url, accounts=4, campaigns=120, **WINDOW))
    workers = [scene.worker(f"worker-{n}", concurrency=2) for n in range(2)]
    submit = scene.submit()
    scene.wait_started(80)
    own_server.stop()
    select_nothing(1.0)
    held = sum(scene.starts.values())
    select_nothing(2.0)
    during = sum(scene.starts.values())
    own_server.start()
    own_server.wait()

    assert during - held <= 0  # a second after the stop there is no permit left to use
    assert submit.wait() == 0, scene.log("submit") + scene.log("worker-0")
    assert [worker.poll() for worker in workers] == [None, None]
    assert scene.check_the_end()["started"] == 480


def test_an_abort_from_any_shell_ends_the_launch_at_every_worker(fleet):
    scene = rated(fleet(accounts=3, campaigns=100, limit=(10, 2.0)))
    for n in range(2):
        scene.worker(f"worker-{n}")
    submit = scene.submit()
    scene.wait_started(20)
    word = scene.program("abort", "fleet", "--reason", "wrong text", "--ledger", scene.url, log="abort.log")
    assert word.wait() == 0, scene.log("abort")

    assert submit.wait() == 12, scene.log("submit")
    assert scene.result["run"]["stop"]["reason"] == "aborted"
    sent = scene.check_the_end()["started"]
    assert scene.result["totals"] == {**dict.fromkeys(scene.result["totals"], 0), "started": sent, "held": 300 - sent}
    assert "launch_aborted" in scene.log("submit")
    assert scene.submit(log="again.log").wait() == 4
    assert "wrong text" in scene.log("again")


def test_the_watching_process_runs_the_check_between_waves(fleet):
    scene = fleet(accounts=2, campaigns=3)
    campaigns = [{**one, "tags": ["canary"]} if n == 0 else one for n, one in enumerate(scene.raw["campaigns"])]
    check = {"command": ["false"]}
    waves = [{"name": "canary", "tags": ["canary"], "bake": "1s", "pass": check}, {"name": "rest"}]
    scene.write(campaigns=campaigns, waves=waves)
    scene.worker()

    assert scene.submit().wait() == 12, scene.log("submit")
    assert sum(scene.starts.values()) == 1
    assert "its check failed" in scene.result["run"]["stop"]["detail"]
    assert scene.submit("--select", "stream:st-1").wait() == 12  # a canary that is left out stays one
    assert sum(scene.starts.values()) == 1
    check["command"] = ["true"]
    scene.write()
    assert scene.submit().wait() == 0, scene.log("submit")
    assert scene.result["totals"]["started"] == 5
    assert scene.result["totals"]["already_started"] == 1
    assert set(scene.starts.values()) == {1}


def test_an_abort_ends_the_check_between_the_waves(fleet):
    scene = fleet(accounts=1, campaigns=3)
    campaigns = [{**one, "tags": ["canary"]} if n == 0 else one for n, one in enumerate(scene.raw["campaigns"])]
    check = {"command": ["sh", "-c", "touch asked; exec sleep 600"], "timeout": "900s"}
    scene.write(campaigns=campaigns, waves=[{"name": "canary", "tags": ["canary"], "pass": check}, {"name": "rest"}])
    scene.worker()
    submit = scene.submit()
    scene.wait_for_file("asked")
    abort = scene.program("abort", "fleet", "--reason", "wrong text", "--ledger", scene.url, log="abort.log")

    assert abort.wait() == 0, scene.log("abort")
    assert submit.wait() == 12, scene.log("submit")
    assert scene.result["run"]["stop"]["reason"] == "aborted"
    assert scene.result["waves"][0]["message"] == "its check was not finished"
    assert sum(scene.starts.values()) == 1


def test_an_accounts_own_rule_stops_its_lane_alone(fleet):
    scene = fleet(accounts=2, campaigns=6)
    campaigns = [{**one, "campaign": f"cd-missing-{n}"} if n < 3 else one
                 for n, one in enumerate(scene.raw["campaigns"])]  # fmt: skip
    scene.write(campaigns=campaigns, preflight={"check": "off"}, stop_when={"per_account": {"failed": 1}})
    scene.raw["accounts"]["a0"]["in_flight"] = 1
    scene.write()
    scene.worker()

    assert scene.submit().wait() == 12, scene.log("submit")
    assert {key for key in scene.starts if key.startswith("st-1/")} == {f"st-1/cd-1-{n}" for n in range(6)}
    assert scene.result["run"]["stop"]["detail"].startswith("account a0:")


def test_held_campaigns_of_a_fleet_name_their_own_account(fleet):
    scene = fleet(accounts=2, campaigns=3)
    campaigns = [{**one, "campaign": f"{one['campaign']}-gone"} for one in scene.raw["campaigns"]]
    scene.write(campaigns=campaigns, preflight={"check": "off"}, stop_when={"per_account": {"failed": 1}})
    for account in scene.raw["accounts"].values():
        account["in_flight"] = 1
    scene.write()
    scene.worker()

    assert scene.submit().wait() == 12, scene.log("submit")
    held = [(c["account"], c["message"]) for c in scene.result["campaigns"] if c["outcome"] == "held"]
    assert [account for account, _ in held] == ["a0", "a0", "a1", "a1"]
    assert all(message.startswith(f"not started: account {account}: ") for account, message in held)


def test_a_worker_without_its_secrets_says_so_and_sends_nothing(fleet):
    scene = fleet(accounts=1, campaigns=5)
    scene.program("worker", "--ledger", scene.url, log="worker.log", secrets=False)

    assert scene.submit().wait() == 12, scene.log("submit")
    assert scene.starts == {}
    assert scene.result["run"]["stop"]["reason"] == "credential"
    assert "; set ID_0, FLEET_SECRET, then run again" in scene.result["run"]["stop"]["detail"]


def test_a_secret_command_needs_the_worker_operators_consent(fleet):
    scene = fleet(accounts=1, campaigns=2)
    account = scene.raw["accounts"]["a0"] | {"client_secret": {"command": ["printenv", "FLEET_SECRET"]}}
    scene.write(accounts={"a0": account})
    refusing = scene.worker("refusing")
    assert scene.submit().wait() == 12
    assert "--allow-commands" in json.dumps(scene.result["run"]["stop"]) or "runs none" in scene.log("submit")
    refusing.kill()
    scene.program("worker", "--ledger", scene.url, "--allow-commands", log="worker.log")

    assert scene.submit().wait() == 0, scene.log("submit")
    assert scene.starts == {"st-0/cd-0-0": 1, "st-0/cd-0-1": 1}


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"ledger": "sqlite:///.orchestrator/ledger.db"}, 8, "need a ledger on PostgreSQL"),
        ({"approval": "plan"}, 4, "each worker makes its own"),
        ({"limits": {"max_starts": 3}}, 4, "limits.max_starts allows 3"),
    ],
)
def test_what_a_fleet_cannot_do_is_refused_before_submitting(fleet, changes, code, words):
    scene = fleet(accounts=1, campaigns=5, **changes)

    assert scene.submit().wait() == code
    assert words in scene.log("submit")
    assert "no start was sent" in scene.log("submit")
    assert not (scene.directory / ".orchestrator").exists()


def test_a_worker_on_a_file_is_refused_and_makes_none(fleet):
    scene = fleet(accounts=1, campaigns=1)

    assert scene.worker(url="sqlite:///.orchestrator/ledger.db").wait() == 8
    assert "need a ledger on PostgreSQL" in scene.log("worker")
    assert not (scene.directory / ".orchestrator").exists()


def test_two_plain_runs_from_two_hosts_share_a_ledger(fleet):
    scene = rated(fleet(accounts=1, campaigns=240, **WINDOW))  # long enough for the second to begin
    first = scene.program("run", "m.yaml", log="first.log")
    scene.wait_started(10)
    second = scene.program("run", "m.yaml", log="second.log")

    assert second.wait() == 6
    assert re.search(r"in use by run r-\w+ of launch fleet", scene.log("second"))
    assert first.wait() == 0
    assert scene.program("run", "m.yaml", log="third.log").wait() == 0
    assert "240 already_started" in scene.log("third")
    assert set(scene.starts.values()) == {1}
    peaks = [account["peak"] for account in scene.record()["accounts"].values()]
    assert max(peaks) <= WINDOW["limit"][0]


def test_rows_lost_in_mid_run_end_the_watching_with_13(fleet):
    scene = rated(fleet(accounts=1, campaigns=400, limit=(10, 1.0)))
    scene.worker()
    submit = scene.submit()
    scene.wait_started(3)
    with postgres.connected(scene.url) as connection:
        connection.execute("DELETE FROM journal")

    assert submit.wait() == 13, scene.log("submit")
    assert "Traceback" not in scene.log("submit")
    assert "no start was sent" not in scene.log("submit")


def test_who_submits_tells_once_and_workers_tell_nobody(fleet):
    with end_point() as there:
        scene = fleet(accounts=2, campaigns=3, notify=[{"to": {"file": "hook"}, "on": ["finished", "unknown"]}])
        (scene.directory / "hook").write_text(f"http://{there.place}/x", encoding="utf-8")
        worker = scene.worker()

        assert scene.submit().wait() == 0, scene.log("submit") + scene.log("worker")
        worker.send_signal(signal.SIGTERM)
        assert worker.wait() == 0

    assert [(notice["event"], notice["counts"]) for notice in there.notices] == [("finished", {"started": 6})]


def seal_another_text(file, campaign):
    """The plan as it was when the campaign had another message."""
    plan = json.loads(file.read_text(encoding="utf-8"))
    for start in plan["identity"]["starts"]:
        if start["campaign"] == campaign:
            start["content"]["message"] = "0" * 32
    file.write_text(json.dumps({**plan, "plan_sha256": sha256(plan["identity"])}), encoding="utf-8")


def test_an_order_carries_the_approval_and_no_other_start(fleet, monkeypatch):
    with end_point() as hook:
        monkeypatch.setenv("HOOK", f"http://{hook.place}/x")
        scene = fleet(accounts=1, campaigns=4)
        check_approved_order(scene)

    [notice] = hook.notices  # of the order that waited, while nobody was there to see it refused
    assert notice["message"].startswith("a run that waited for its time ended with exit code 4: ")


def check_approved_order(scene):
    cleo = Signer(scene.directory, "cleo@example.com")
    (scene.directory / "allowed_signers").write_text(cleo.line(), encoding="ascii")
    scene.write(approval={"signers": "allowed_signers"}, notify=[{"to": {"env": "HOOK"}, "on": ["stopped"]}])
    few = ("--select", "campaign:cd-0-0,campaign:cd-0-1")
    assert scene.program("plan", "m.yaml", "-o", "plan.json", *few, log="plan.log").wait() == 0, scene.log("plan")
    unsigned = scene.submit().wait()
    seal_another_text(scene.directory / "plan.json", "cd-0-1")
    signature = cleo.sign((scene.directory / "plan.json").read_bytes())
    (scene.directory / "plan.json.sig").write_bytes(signature)
    scene.worker()
    signed = ("--plan", "plan.json", "--approval", "plan.json.sig")

    waiting = scene.submit(*signed, "--at", scene.soon(), log="waiting.log")
    scene.wait_for_log("waiting", "waits until")
    # Nobody may approve any more, and then somebody may again.
    (scene.directory / "allowed_signers").write_text("", encoding="ascii")
    late = waiting.wait()
    (scene.directory / "allowed_signers").write_text(cleo.line(), encoding="ascii")

    assert (late, "its key is not in the file of signers" in scene.log("waiting")) == (4, True), scene.log("waiting")
    assert (unsigned, "needs --plan FILE and --approval" in scene.log("submit")) == (4, True)
    assert scene.submit(*signed).wait() == 12, scene.log("submit")
    assert scene.starts == {"st-0/cd-0-0": 1}
    held = [one["message"] for one in scene.result["campaigns"] if one["reason"] == "changed"]
    assert held == ["message changed since the plan"]
    assert [one["by"] for one in scene.result["run"]["approvals"]] == ["cleo@example.com"]
    assert scene.submit(*signed).wait() == 4
    assert "the plan was used" in scene.log("submit")
