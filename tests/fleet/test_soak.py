"""A worker killed, one asleep past its lease, the database restarted: all in one launch. Two minutes each."""

import json
import signal
import time

import pytest

from orchestrator.core.lease import LEASE_SECONDS
from tests.fleet.conftest import rated, select_nothing

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
    workers[0].wait(10)
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
