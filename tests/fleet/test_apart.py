"""Two hosts in network namespaces of their own; one is cut off in mid-run, goes on alone, and comes back."""

import json
import subprocess
import sys
import time
from collections import Counter

import pytest

from orchestrator.core.journal.lease import LEASE_SECONDS
from tests import postgres
from tests.fleet.apart import RELAY, SERVERS, Network, NotAllowedError
from tests.fleet.conftest import SERVED, Fleet, rated

LOOK = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=10).read().decode())"


class ApartFleet(Fleet):
    """A fleet whose servers are in a namespace that only they and the hosts' cables reach."""

    def __init__(self, directory, url, network, **how):
        self.network = network
        self.relays = []
        super().__init__(directory, url, **how)

    def _serve(self):
        command = [sys.executable, str(SERVED), "world.json", SERVERS]
        self.server = self.start(*self.network.prefix(self.network.servers), *command)
        port = self.server.stdout.readline().strip().rpartition(":")[2]
        for host in self.network.hosts:
            relay = self.start(*self.network.prefix(host), *RELAY, SERVERS, port)
            assert relay.stdout.readline() == "listening\n"
        return f"http://127.0.0.1:{port}"

    def record(self):
        address = self.host.replace("127.0.0.1", SERVERS) + "/sandbox/record"
        command = [*self.network.prefix(self.network.servers), sys.executable, "-c", LOOK, address]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    def evidence(self, record, account):  # noqa: ARG002 - the ordinary fleet's signature
        """The database is out of reach from here; every call is in this file."""
        return self.directory / "calls.jsonl"

    def held_up(self):
        """Nobody is suspended here."""
        return Counter()

    def program(self, *arguments, prefix=(), **how):
        return super().program(*arguments, prefix=prefix or self.network.prefix(self.network.servers), **how)


@pytest.fixture
def apart(tmp_path):
    try:
        network = Network(2)
    except NotAllowedError as error:
        pytest.skip(f"network namespaces are not allowed here: {error}")
    server = postgres.own_server_at(SERVERS, network.prefix(network.servers))
    made = []

    def make(**how):
        made.append(ApartFleet(tmp_path, server.url, network, **how))
        return made[-1]

    yield make
    for one in made:
        one.close()
    server.close()
    network.close()


@pytest.mark.soak
def test_a_host_that_is_cut_off_starts_nothing_twice(apart, capsys):
    scene = rated(apart(accounts=8, campaigns=150, limit=(20, 4.0)))
    hosts = [
        scene.worker(f"host-{n}", stalled_after=15, concurrency=4, prefix=scene.network.prefix(name))
        for n, name in enumerate(scene.network.hosts)
    ]
    submit = scene.submit()
    scene.wait_started(200)
    scene.network.cut(0)
    cut_at, before = time.monotonic(), set(scene.starts)
    scene.worker("spare", stalled_after=15, prefix=scene.network.prefix(scene.network.hosts[1]))
    mine = lanes_of(scene, "host-0")
    first = None
    while first is None:
        assert time.monotonic() < cut_at + 180, scene.log("spare")[-2000:]
        fresh = {key for key in set(scene.starts) - before if key.split("-")[1].split("/")[0] in mine}
        first = time.monotonic() - cut_at if fresh else None
    scene.network.mend(0)

    assert first > LEASE_SECONDS - 12  # not while the host that was cut off may still think it holds the lane
    assert submit.wait(300) in {0, 11}, scene.log("submit")[-2000:]
    totals = scene.check_the_end()
    assert totals["started"] + totals["unknown"] == 8 * 150
    assert [host.poll() for host in hosts] == [None, None]
    with capsys.disabled():
        print(json.dumps({"totals": totals, "first start of a taken lane after": round(first, 1)}))  # noqa: T201


def lanes_of(scene, name):
    """The numbers of the accounts whose lanes a worker had taken."""
    lines = [line for line in scene.log(name).splitlines() if " lane_taken " in line]
    return {line.rpartition("account=a")[2].split()[0] for line in lines}
