"""A worker killed, one asleep past its lease, the database restarted: all in one launch. Two minutes each."""

import json
import signal
import sys
import time
from pathlib import Path

import pytest

from orchestrator.core.journal.lease import LEASE_SECONDS
from tests.fleet.conftest import account_id, rated, select_nothing

ACCOUNTS, EACH = 20, 100


@pytest.mark.soak
@pytest.mark.parametrize("count", [2, 4])
def test_a_storm_starts_nothing_twice(fleet, own_server, count, capsys):
    scene = rated(fleet(url=own_server.url, accounts=ACCOUNTS, campaigns=EACH, limit=(20, 4.0)))
    # The platform stamps a call when it gets a processor: a short timeout would call that late arrival impossible.
    scene.write(timeouts={"connect": "2s", "total": "10s"})
    workers = [scene.worker(f"worker-{n}", stalled_after=15, concurrency=-(-ACCOUNTS // count)) for n in range(count)]
    submit = scene.submit()
    scene.wait_started(300)
    killed_at = time.time()
    workers[0].kill()
    workers[0].wait()
    workers.append(scene.worker("replacement", stalled_after=15))
    scene.wait_started(700)
    workers[1].send_signal(signal.SIGSTOP)
    asleep_at = time.monotonic()
    scene.wait_started(900, within=120)
    own_server.stop()
    select_nothing(1.0)
    own_server.start()
    own_server.wait()
    select_nothing(max(0.0, asleep_at + LEASE_SECONDS + 10 - time.monotonic()))
    workers[1].send_signal(signal.SIGCONT)

    code = submit.wait(400)
    assert code in {0, 11}, scene.log("submit")[-3000:] + scene.log("replacement")[-3000:]
    totals = scene.check_the_end(naps=1)
    assert totals["started"] + totals["unknown"] == ACCOUNTS * EACH
    assert [worker.poll() for worker in workers[1:]] == [None] * (len(workers) - 1)
    accounts = scene.record()["accounts"].values()
    with capsys.disabled():
        print(json.dumps({  # noqa: T201 - the figures are wanted beside the verdict
            "workers": count, "totals": totals, "seconds": round(time.time() - killed_at, 1),
            "taken over after": scene.taken_over("worker-0", killed_at), "peak": max(a["peak"] for a in accounts),
            "throttled": sum(a["throttled"] for a in accounts), "held up": scene.held_up().total(), "exit": code,
        }))  # fmt: skip


@pytest.mark.soak
def test_a_nap_between_last_check_and_write_lets_one_call_out(fleet):
    """No program can prevent it. It starts nobody twice, and the journal tells it from a broken rule."""
    scene = rated(fleet(accounts=1, campaigns=60, limit=(10, 2.0), preflight={"check": "off"}))
    napping = str(Path(__file__).with_name("napping.py"))
    sleeper = scene.start(sys.executable, napping, "15", "worker", "--ledger", scene.url, log="sleeper.log")
    submit = scene.submit()
    before = scene.wait_started(14)
    scene.worker("other")
    scene.wait_started(before + 10, within=90)  # its first window is full
    sleeper.send_signal(signal.SIGCONT)
    scene.wait_put_off("sleeper")

    assert submit.wait() == 11, scene.log("submit") + scene.log("other")
    assert scene.held_up() == {account_id(0): 1}
    assert scene.record()["accounts"][account_id(0)]["peak"] == 11
    scene.check_the_end(naps=1)
    with pytest.raises(AssertionError):
        scene.check_the_end()
