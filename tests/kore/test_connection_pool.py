"""How many connections there are, who shares them, and how many are made at a time."""

import asyncio
import json
import subprocess
import sys
from contextlib import AsyncExitStack

from orchestrator.kore.connection_pool import MOST_HANDSHAKES, ConnectionPool, most_connections
from orchestrator.model import Progress
from tests.paths import ROOT
from tests.raw_server import ACTIVE, client_of, reply, serving, start

LEFT = """
import json, os, resource, sys
from orchestrator.kore.connection_pool import most_connections
soft, hard, wanted = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
open_files = len(os.listdir("/dev/fd")) - 1
print(json.dumps([most_connections(wanted), open_files, resource.getrlimit(resource.RLIMIT_NOFILE)[0]]))
"""


def asked(soft, hard, wanted):
    """In a process with these limits: the most connections, the files that were open, and its limit after that."""
    command = [sys.executable, "-c", LEFT, str(soft), str(hard), str(wanted)]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)


def test_at_most_half_of_the_files_that_are_left_are_connections():
    most, open_files, _ = asked(64, 64, 100)
    assert most == (64 - open_files) // 2


def test_the_limit_is_raised_as_far_as_it_is_needed():
    most, open_files, limit = asked(64, 1000, 100)
    assert (most, limit) == (100, open_files + 200)


def test_the_limit_is_raised_no_further_than_the_system_allows():
    most, open_files, limit = asked(64, 128, 100)
    assert (most, limit) == ((128 - open_files) // 2, 128)


def test_a_limit_that_is_enough_stays_as_it_is():
    most, _, limit = asked(900, 1000, 10)
    assert (most, limit) == (10, 900)


def test_with_hardly_a_file_left_there_is_one_connection():
    most, *_ = asked(16, 16, 100)
    assert most in range(1, 7)


def test_a_system_without_such_limits_sets_none(monkeypatch):
    monkeypatch.setitem(sys.modules, "resource", None)
    assert most_connections(5000) == 5000


async def test_clients_that_share_a_pool_share_its_connections():
    pool = ConnectionPool(10)
    async with serving(*[reply(200, ACTIVE)] * 4) as server:
        for _ in range(2):
            async with AsyncExitStack() as stack:
                first, second = [await stack.enter_async_context(client_of(server.url, pool=pool)) for _ in range(2)]
                await start(first)
                await start(second)
        assert server.connections == 2  # one each time: the last client to leave ends the connections


async def test_connections_made_at_a_time_are_limited():
    inside, most, is_full = 0, 0, asyncio.Event()

    async def greet_late(reader, writer):
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        if inside == MOST_HANDSHAKES:
            is_full.set()
        await is_full.wait()
        await asyncio.sleep(0.1)  # others would have come by then
        inside -= 1
        writer.close()

    server = await asyncio.start_server(greet_late, "127.0.0.1", 0)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, client_of(url) as client:
        answers = await asyncio.gather(*(start(client) for _ in range(2 * MOST_HANDSHAKES)))
    assert most == MOST_HANDSHAKES
    assert {answer.progress for answer in answers} == {Progress.UNSENT}


CALLS_WITHOUT_FILES = """
import asyncio, os, resource
from tests.raw_server import client_of, start

async def main():
    async with client_of("http://127.0.0.1:9") as client:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/dev/fd")) - 1, hard))
        fault = await start(client)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        refused = await start(client)
    print([fault.progress.name, fault.text, fault.lacks, refused.lacks])

asyncio.run(main())
"""


def test_a_process_that_may_open_no_more_files_lacks_them():
    said = subprocess.run([sys.executable, "-c", CALLS_WITHOUT_FILES], cwd=ROOT, check=True, capture_output=True)
    assert said.stdout.decode().strip() == str([
        "UNSENT", "this machine does not have enough open files for another connection", "open files", "",
    ])  # fmt: skip
