"""What only a ledger on PostgreSQL has to get right: the network, the restart, and other hosts at the same moment."""

import asyncio
import dataclasses
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import sqlalchemy as sa

from orchestrator.clock import SystemClock
from orchestrator.core.journal.control import CONTROL, ControlCommand, LaunchHeld
from orchestrator.core.journal.lease import Holder
from orchestrator.errors import LaneLeased, LeaseLost, LedgerError
from orchestrator.ledger.postgres import LAUNCH_LOCK_SEED, MOST_CONNECTIONS
from orchestrator.ledger.schema import MARK
from orchestrator.ledger.store import Store
from orchestrator.ledger.writer import Writer
from orchestrator.model import Lane
from tests import postgres
from tests.ports import free_port
from tests.raw_server import NOW, TARGET, StillClock, intent_of, record_of

LANE = TARGET.lane


@pytest.fixture
def store(postgres_url):
    store = Store.open(postgres_url)
    yield store
    store.close()


@pytest.fixture
def own_server():
    """A server that a test may restart."""
    server = postgres.own_server()
    yield server
    server.close()


def holder(run):
    return Holder(run, "launch-1", f"host-of-{run}", 1)


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://u:letmein@127.0.0.1/d",
        "postgresql://u@127.0.0.1/d?password=letmein",
        "postgresql://u@127.0.0.1/d?sslmode=require&sslpassword=letmein",
        "postgresql://u@127.0.0.1/d?passwd=letmein",
        "postgresql://u@127.0.0.1/d?PGPASSWORD=letmein",
        "sqlite:///ledger.db?passwd=letmein",
        "mysql://u@127.0.0.1/d?pwd=letmein",
    ],
)
def test_an_address_with_a_password_is_refused_and_not_repeated(address):
    with pytest.raises(LedgerError, match="must not contain a password") as caught:
        Store.open(address)

    assert "letmein" not in str(caught.value) + caught.value.next_step
    assert "pgpass" in caught.value.next_step


def test_a_database_that_does_not_answer_is_an_error_for_people():
    with pytest.raises(LedgerError, match="onnection refused") as caught:
        Store.open(f"postgresql://u@127.0.0.1:{free_port()}/d")

    assert caught.value.exit_code == 8
    assert "\n" not in caught.value.message


def test_a_ledger_that_nobody_made_is_refused_and_not_made(postgres_url):
    for _ in range(2):
        with pytest.raises(LedgerError, match="there is no ledger"):
            Store.open(postgres_url, create=False)


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE journal (x int)",
        "COMMENT ON TABLE journal IS 'another version'",
        f"COMMENT ON TABLE journal IS '{MARK}{'0' * 5000}'",
    ],
    ids=["a table", "a mark", "a long number"],
)
def test_somebody_elses_journal_is_refused(postgres_url, sql):
    if "COMMENT" in sql:
        Store.open(postgres_url).close()
    with postgres.connected(postgres_url) as connection:
        connection.execute(sql.encode())
    with pytest.raises(LedgerError, match="not a ledger of this version"):
        Store.open(postgres_url)


def test_hosts_that_make_the_ledger_at_once_share_it(postgres_url):
    with ThreadPoolExecutor(6) as pool:
        opened = list(pool.map(lambda _: Store.open(postgres_url), range(6)))
    for store in opened:
        store.close()

    assert len(opened) == 6


def test_of_hosts_that_want_a_lane_at_once_one_gets_it(postgres_url):
    hosts = [Store.open(postgres_url) for _ in range(4)]
    together = threading.Barrier(4)

    def take(number, lane):
        together.wait(10)
        try:
            return hosts[number].acquire([lane, Lane("a shared one")], holder(f"run-{number}"), NOW)
        except LaneLeased:
            return None

    with ThreadPoolExecutor(4) as pool:
        for turn in range(8):
            lane = Lane(f"host new-{turn}")
            taken = list(pool.map(take, range(4), [lane] * 4))
            assert len([one for one in taken if one]) == 1
            winner = next(number for number, one in enumerate(taken) if one)
            hosts[winner].release(f"run-{winner}", {lane: [], Lane("a shared one"): []}, NOW)
    for host in hosts:
        host.close()


async def test_a_fence_check_and_its_inserts_are_one_step(postgres_url, store):
    """While a take-over is not committed yet, the old holder's commit waits; afterwards it finds its lane lost."""
    leases = store.acquire([LANE], holder("run-1"), NOW)
    writer = Writer(store, "run-1", leases, StillClock())
    writer.start()
    with postgres.connected(postgres_url) as colleague:
        colleague.execute("BEGIN; UPDATE leases SET run_id = 'run-2', fence = fence + 1")
        asked = asyncio.create_task(writer.permit(intent_of("s/c")))
        _, pending = await asyncio.wait({asked}, timeout=0.2)
        assert pending == {asked}
        colleague.execute("COMMIT")
        with pytest.raises(LeaseLost):
            await asked
    await writer.close()

    assert store.read("launch-1") == []


async def test_a_permit_waits_for_a_command_being_given_and_obeys_it(postgres_url, store):
    """An abort that is said but not committed yet: a run that asks meanwhile is not let through beside it."""
    leases = store.acquire([LANE], holder("run-1"), NOW)
    writer = Writer(store, "run-1", leases, StillClock())
    writer.start()
    word = ("launch-1", CONTROL, 1, "abort", "person:ann", NOW, "", '{"by": "ann", "reason": "wrong text"}')
    with postgres.connected(postgres_url) as colleague:
        colleague.execute("BEGIN")
        colleague.execute("SELECT pg_advisory_xact_lock(hashtextextended('launch-1', %s))", [LAUNCH_LOCK_SEED])
        colleague.execute("INSERT INTO journal (launch, campaign, attempt, kind, run_id, at, lane, data) "
                          "VALUES (%s, %s, %s, %s, %s, %s, %s, %s)", word)  # fmt: skip
        asked = asyncio.create_task(writer.permit(intent_of("s/c")))
        _, pending = await asyncio.wait({asked}, timeout=0.2)
        assert pending == {asked}
        colleague.execute("COMMIT")
        with pytest.raises(LaunchHeld, match="aborted by ann"):
            await asked
    await writer.close()

    assert [record.kind for record in store.read("launch-1")] == ["abort"]


def test_no_permit_of_any_host_follows_an_abort(postgres_url, store):
    hosts = [Store.open(postgres_url) for _ in range(3)]
    stop = threading.Event()

    def ask(number):
        lane, run_id = Lane(f"host a{number}"), f"run-{number}"
        (taken,) = hosts[number].acquire([lane], holder(run_id), NOW)
        refused = asked = 0
        while not stop.is_set() or not refused:
            asked += 1
            intent = dataclasses.replace(record_of(f"s/{number}-{asked}", "intent"), run_id=run_id, lane=lane)
            found = hosts[number].commit([intent], run_id, {lane: taken.fence}, NOW)
            refused += found.refusal(intent) is not None
        return asked - refused

    with ThreadPoolExecutor(3) as pool:
        asking = [pool.submit(ask, number) for number in range(3)]
        while len(store.read("launch-1")) < 30:
            time.sleep(0.01)
        store.record_command("launch-1", ControlCommand.ABORT, "ann", "wrong text", NOW)
        after = store.read("launch-1")
        stop.set()
        granted = sum(one.result(30) for one in asking)

    assert after[-1].kind == "abort"  # in the order of their numbers: those who asked before it had committed
    assert store.read("launch-1") == after
    assert granted == len(after) - 1
    for host in hosts:
        host.close()


@pytest.mark.parametrize(("word", "granted"), [(ControlCommand.PAUSE, True), (ControlCommand.ABORT, False)])
def test_a_command_before_a_lost_acknowledgement_still_counts(postgres_url, store, monkeypatch, word, granted):
    """The intent is kept, and came before the word. A pause leaves its permit alone, an abort does not."""
    leases = {one.lane: one.fence for one in store.acquire([LANE], holder("run-1"), NOW)}
    colleague, losses = Store.open(postgres_url), [1]
    engine = store._backend.engine
    commit = engine.dialect.do_commit

    def commit_and_fail(connection):
        commit(connection)
        if losses:
            losses.pop()
            colleague.record_command("launch-1", word, "ann", "wait", NOW)
            raise psycopg.OperationalError("the connection was lost")

    monkeypatch.setattr(engine.dialect, "do_commit", commit_and_fail)
    intent = record_of("s/c", "intent")
    found = store.commit([intent], "run-1", leases, NOW)
    colleague.close()

    assert (found.refusal(intent) is None) == granted
    assert [record.kind for record in store.read("launch-1")] == ["intent", word]


async def test_a_database_restart_delays_sending_and_loses_nothing(own_server):
    store = Store.open(own_server.url)
    leases = store.acquire([LANE], holder("run-1"), NOW)
    writer = Writer(store, "run-1", leases, StillClock())
    writer.start()
    await writer.permit(intent_of("s/before"))
    own_server.stop()
    asked = [asyncio.create_task(writer.permit(intent_of("s/during")))]
    asked += [asyncio.ensure_future(writer.record(record_of("s/before", "verdict")))]
    _, pending = await asyncio.wait(asked, timeout=0.5)
    assert pending == set(asked)  # no permit while the intent cannot be kept, and nothing is thrown away
    own_server.start()
    permit, _ = await asyncio.wait_for(asyncio.gather(*asked), 60)
    await writer.close()

    assert permit.campaign == "s/during"
    kept = sorted((record.campaign, record.kind) for record in store.read("launch-1"))
    assert kept == [("s/before", "intent"), ("s/before", "verdict"), ("s/during", "intent")]
    store.close()


async def test_a_commit_with_a_lost_acknowledgement_is_not_made_twice(store, monkeypatch):
    """The worst moment for the network to fail: the intent is kept, and nobody was told."""
    leases = store.acquire([LANE], holder("run-1"), NOW)
    engine, losses = store._backend.engine, [1]
    commit = engine.dialect.do_commit

    def commit_and_fail(connection):
        commit(connection)
        if losses:
            losses.pop()
            raise psycopg.OperationalError("the connection was lost")

    monkeypatch.setattr(engine.dialect, "do_commit", commit_and_fail)
    writer = Writer(store, "run-1", leases, StillClock())
    writer.start()
    permit = await asyncio.wait_for(writer.permit(intent_of("s/c")), 60)
    await writer.close()

    assert losses == []
    assert permit.campaign == "s/c"
    assert [record.campaign for record in store.read("launch-1")] == ["s/c"]


def test_a_database_that_stays_away_is_given_up(store, monkeypatch):
    tries = []

    def refuse(_):
        tries.append(1)
        raise sa.exc.OperationalError("BEGIN", None, psycopg.OperationalError("no route to host"))

    leases = {one.lane: one.fence for one in store.acquire([LANE], holder("run-1"), NOW)}
    monkeypatch.setattr(store, "_backend", dataclasses.replace(store._backend, patience=0.3))
    monkeypatch.setattr(store._backend.engine.dialect, "do_begin", refuse)
    with pytest.raises(LedgerError, match="no route to host"):
        store.commit([record_of("s/c", "intent")], "run-1", leases, NOW)

    assert 2 <= len(tries) <= 3  # not forever, and not only once


def test_a_suspended_hosts_pending_commit_is_kept_when_it_wakes(postgres_url, store, monkeypatch):
    """It slept in the middle of a commit, for longer than a commit is tried, and the server has ended that one."""
    leases = {one.lane: one.fence for one in store.acquire([LANE], holder("run-1"), NOW)}
    monkeypatch.setattr(store, "_backend", dataclasses.replace(store._backend, patience=1e-9))
    naps = []

    def sleep(connection, *_):
        if not naps:
            naps.append(connection.connection.driver_connection.info.backend_pid)
            connection.connection.driver_connection.execute("SET idle_in_transaction_session_timeout = '1ms'")
            wait_until_gone(postgres_url, naps[0])

    sa.event.listen(store._backend.engine, "after_cursor_execute", sleep)
    found = store.commit([record_of("s/c", "verdict")], "run-1", leases, NOW)

    assert len(naps) == 1
    assert found.lost == frozenset()
    assert [record.kind for record in store.read("launch-1")] == ["verdict"]


def test_many_lanes_share_a_store_and_lose_nothing(store):
    lanes = [Lane(f"http://h {n}") for n in range(20)]
    fences = {one.lane: one.fence for lane in lanes for one in store.acquire([lane], holder(f"run-{lane}"), NOW)}

    def commit(lane):
        for n in range(10):
            one = dataclasses.replace(record_of(f"s/{lane}-{n}", "intent"), lane=lane, run_id=f"run-{lane}")
            assert store.commit([one], f"run-{lane}", {lane: fences[lane]}, NOW).refusal(one) is None

    with ThreadPoolExecutor(len(lanes)) as pool:
        list(pool.map(commit, lanes))

    assert len(store.read("launch-1")) == 200
    assert store._backend.engine.pool.checkedin() <= len(lanes)


def test_a_process_takes_few_of_the_servers_connections(store):
    """A server allows a hundred unless told otherwise, and a worker has two hundred lanes."""
    held = [store._reads.connect() for _ in range(MOST_CONNECTIONS - 1)]
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(store.time) for _ in range(3)]  # one of them at a time
        assert all(one.result(30) for one in waiting)
        last = store._reads.connect()
        late = pool.submit(store.time)
        with pytest.raises(TimeoutError):
            late.result(0.2)
        last.close()
        assert late.result(30)
    for connection in held:
        connection.close()


def test_a_connection_lost_while_idle_is_not_used(postgres_url, store):
    with store._transaction(writes=False) as connection:
        pid = connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
    with postgres.connected(postgres_url) as connection:
        connection.execute("SELECT pg_terminate_backend(%s)", [pid])
    wait_until_gone(postgres_url, pid)

    assert store.read("launch-1") == []


def wait_until_gone(url, pid):
    with postgres.connected(url) as connection:
        while connection.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [pid]).fetchone():
            pass


def test_all_hosts_take_the_time_from_the_database(store):
    with store._transaction(writes=False) as connection:
        told = float(connection.execute(sa.text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())

    assert 0 <= SystemClock(store.time).now() - told < 5


def test_a_clock_follows_its_source_and_not_the_machine():
    assert abs(SystemClock(lambda: NOW).now() - NOW) < 1


def test_the_servers_settings_cannot_make_a_permit_worth_nothing(store):
    with store._transaction(writes=False) as connection:
        assert connection.execute(sa.text("SHOW synchronous_commit")).scalar() == "on"
        assert connection.execute(sa.text("SHOW statement_timeout")).scalar() == "10s"


def test_a_host_cut_off_in_mid_statement_blocks_rows_for_seconds(store):
    names = ("tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count")
    with store._backend.engine.connect() as connection:
        idle, interval, count = (int(connection.execute(sa.text(f"SHOW {name}")).scalar_one()) for name in names)

        assert 0 < idle + interval * count <= 12
        assert int(connection.execute(sa.text("SHOW tcp_user_timeout")).scalar_one()) in {
            10_000,
            0,
        }  # 0: not known here


def test_a_batch_is_one_statement_that_no_suspension_can_split(store, monkeypatch):
    """A pipeline without its end keeps its locks: neither idle_in_transaction_session_timeout nor another sees it."""

    def pipelined(*_, **__):
        raise AssertionError("psycopg's executemany is a pipeline")

    monkeypatch.setattr(psycopg.Cursor, "executemany", pipelined)
    (taken,) = store.acquire([LANE], holder("run-1"), NOW)
    batch = [record_of(f"s/{n}", "verdict") for n in range(700)]
    store.commit(batch, "run-1", {LANE: taken.fence}, NOW)

    assert store.read("launch-1") == batch
