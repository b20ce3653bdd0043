"""The chain of a journal, as it is written to both kinds of ledger."""

import json
import sqlite3
import threading
from contextlib import closing
from dataclasses import replace

import pytest
from sqlalchemy.exc import IntegrityError

from orchestrator.core.journal.audit import audit
from orchestrator.core.journal.control import ControlCommand
from orchestrator.core.journal.lease import Holder
from orchestrator.core.journal.states import Event
from orchestrator.ledger.backend import UnreachableError
from orchestrator.ledger.machine_id import this_machine
from orchestrator.ledger.store import Store
from orchestrator.model import Home, Lane, Record
from tests import postgres
from tests.core.builders import LEAST
from tests.raw_server import NOW

LANE, LAUNCH = Lane("sandbox a1"), "spring"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/ledgers/ledger.db"
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def store(url):
    with closing(Store.open(url)) as store:
        store.bind_launch(LAUNCH, Home("sandbox"), NOW)
        yield store


class Run:
    """A run that holds a lane, and commits one record after the other."""

    def __init__(self, store, run_id, lane=LANE):
        self.store, self.run_id, self.lane = store, run_id, lane
        self.fences = {one.lane: one.fence for one in store.acquire([lane], self._holder(), NOW)}

    def _holder(self):
        return Holder(self.run_id, LAUNCH, this_machine(), 2**22)  # of a process that is not there

    def record(self, kind, campaign=None, attempt=0, **data):
        return Record(LAUNCH, campaign or f"@{self.run_id}", attempt, kind, self.run_id, NOW, self.lane, data)

    def commit(self, *records):
        self.store.commit(records, self.run_id, self.fences, NOW)

    def start(self, campaign):
        for record in started(self, campaign):
            self.commit(record)

    def end(self):
        self.commit(self.record("end", stop=None, budget={}, waves=[]))
        self.store.release(self.run_id, {self.lane: []}, NOW)


def started(run, campaign):
    intent = run.record("intent", campaign, 1, deadline=NOW + 5, baseline=None)
    return intent, run.record("verdict", campaign, 1, event=str(Event.ACCEPTED), message="")


def shared(store, run_id, kind, number=0, **data):
    """A record of a run that several processes write for."""
    record = Record(LAUNCH, f"@{run_id}", number, kind, run_id, NOW, "", data)
    store.commit([record], run_id, {}, NOW)


def resolved(campaign, by="ann"):
    return Record(
        LAUNCH, campaign, 1, "resolve", f"person:{by}", NOW, LANE, {"event": "resolved_started", "message": "x"}
    )


def alter(url, statement):
    """Change the journal behind the program's back."""
    is_file = url.startswith("sqlite")
    with closing(sqlite3.connect(url.removeprefix("sqlite:///")) if is_file else postgres.connected(url)) as connection:
        connection.execute(statement)
        connection.commit()


def found(store, **options):
    return audit(LAUNCH, store.rows(LAUNCH), **options)


def a_day(store):
    """A run that crashes, what people record about it, a second run, and a fleet's with two lanes."""
    crashed = Run(store, "r-1")
    crashed.commit(crashed.record("run", manifest="a.yaml"), crashed.record("plan", rows=""))
    crashed.start("s/c0")
    crashed.commit(crashed.record("intent", "s/c1", 1, deadline=NOW + 5, baseline=None))
    store.append(resolved("s/c1"), NOW)
    store.record_command(LAUNCH, ControlCommand.PAUSE, "bob", "lunch", NOW)
    store.record_command(LAUNCH, ControlCommand.UNPAUSE, "ann", "", NOW)
    second = Run(store, "r-2")
    second.commit(second.record("run", manifest="a.yaml"), second.record("plan", rows=""))
    second.start("s/c2")
    second.end()
    shared(store, "r-3", "run", fleet={})
    for number, lane in enumerate((LANE, Lane("sandbox a2"))):
        part = Run(store, f"r-3{number}", lane)
        part.commit(part.record("run", part_of="r-3"))
        part.start(f"s/d{number}")
        part.end()
        shared(store, "r-3", "lane", number)
    shared(store, "r-3", "end", stop=None, budget={}, waves=[])


def test_a_journal_as_it_was_written_has_no_findings(store):
    a_day(store)
    seen = found(store)

    assert seen.findings == ()
    found_chains = {one.name: (one.count, one.is_ended) for one in seen.chains}
    assert found_chains == {
        "r-1": (5, False), "people": (3, False), "r-2": (5, True),
        "r-3": (4, True), "r-30": (4, True), "r-31": (4, True),
    }  # fmt: skip
    assert seen.unchained == 0


def test_what_is_read_is_what_was_recorded(store):
    run = Run(store, "r-1")
    records = [run.record(kind, **LEAST[kind]) for kind in ("run", "plan", "end")]
    run.commit(*records)

    assert store.read(LAUNCH) == records


def test_the_head_of_a_run_is_the_hash_of_its_end(store):
    a_day(store)
    heads = {one.name: one.head for one in found(store).chains}

    assert store.head(LAUNCH, "r-2") == heads["r-2"]
    assert store.head(LAUNCH, "r-1") is None
    assert found(store, head=heads["r-3"]).findings == ()


def test_the_end_of_a_run_has_seen_all_chains(store):
    a_day(store)
    *_, (_, end) = store.rows(LAUNCH)

    assert {name: count for name, (count, _) in json.loads(end.data)["chain_seen"].items()} == {
        "r-1": 5, "people": 3, "r-2": 5, "r-30": 4, "r-31": 4
    }  # fmt: skip


def test_a_refused_commit_leaves_the_chain_where_it_was(store):
    run = Run(store, "r-1")
    run.commit(run.record("run"))
    run.start("s/c0")
    with pytest.raises(IntegrityError):
        run.start("s/c0")
    run.start("s/c1")

    assert found(store).findings == ()


def test_a_commit_whose_answer_was_lost_is_gone_on_from(store, monkeypatch):
    run = Run(store, "r-1")
    run.commit(run.record("run"))
    commit = store._commit

    def unanswered(*args, is_retry, **options):
        done = commit(*args, is_retry=is_retry, **options)
        if not is_retry:
            raise UnreachableError("cut off")
        return done

    # As on PostgreSQL, where the next try finds its records.
    monkeypatch.setattr(store, "_backend", replace(store._backend, patience=5.0))
    monkeypatch.setattr(store, "_commit", unanswered)
    run.start("s/c0")
    monkeypatch.undo()
    run.start("s/c1")
    run.end()

    assert found(store).findings == ()
    assert found(store).records == 6


def test_many_writers_of_one_run_make_one_chain(url, store):
    shared(store, "r-3", "run", fleet={})

    def work(first):
        with closing(Store.open(url)) as own:
            for number in range(first, first + 10):
                shared(own, "r-3", "lane", number)
                own.record_command(LAUNCH, ControlCommand.PAUSE, f"p{first}", "x", NOW)
                run = Run(own, f"r-4{number}", Lane(f"sandbox b{number}"))
                run.commit(run.record("run", **({"part_of": "r-3"} if number % 2 else {})))
                run.commit(run.record("plan"))
                run.end()

    threads = [threading.Thread(target=work, args=(first,)) for first in (0, 10, 20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    shared(store, "r-3", "end", stop=None, budget={}, waves=[])
    seen = found(store)

    assert seen.findings == ()
    assert {one.name: one.count for one in seen.chains}["r-3"] == 32
    assert {one.name: one.count for one in seen.chains}["people"] == 30


def test_a_notice_from_outside_does_not_fork_a_runs_chain(url, store):
    run = Run(store, "r-1")
    run.commit(run.record("run"))
    run.start("s/c0")
    with closing(Store.open(url)) as other:
        shared(other, "r-1", "notice", 0, event="stalled")
        run.commit(run.record("notice", attempt=1, event="unknown"), *started(run, "s/c1"))
        shared(other, "r-1", "notice", 2, event="stalled")
    run.end()
    seen = found(store)

    assert seen.findings == ()
    assert {one.name: one.count for one in seen.chains} == {"r-1": 6, "people": 3}


def test_a_journal_from_before_chains_goes_on_with_them(url, store):
    a_day(store)
    alter(url, "UPDATE journal SET data = '{}'")
    assert (found(store).findings, found(store).unchained) == ((), 25)
    run = Run(store, "r-9")
    run.commit(run.record("run"))
    run.end()
    store.record_command(LAUNCH, ControlCommand.PAUSE, "bob", "lunch", NOW)

    assert (found(store).findings, found(store).unchained) == ((), 25)
    alter(url, "DELETE FROM journal WHERE kind = 'resolve'")
    assert [one.message for one in found(store).findings] == [
        "people has only 2 of the 3 records that record 1 of r-9 (run of @r-9) saw"
    ]


@pytest.mark.parametrize("column", ["campaign", "attempt", "kind", "run_id", "at", "lane", "data"])
@pytest.mark.parametrize("value", ["x'ff00'", "'x'", "7"])
def test_a_value_of_any_type_in_a_column_is_found(tmp_path, column, value):
    url = f"sqlite:///{tmp_path}/ledgers/ledger.db"
    with closing(Store.open(url)) as store:
        store.bind_launch(LAUNCH, Home("sandbox"), NOW)
        a_day(store)
    alter(url, f"UPDATE journal SET {column} = {value} WHERE id = 3")  # noqa: S608 - a test's own words
    with closing(Store.open(url)) as store:
        assert found(store).findings != ()
