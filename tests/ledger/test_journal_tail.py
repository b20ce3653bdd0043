import psycopg
import pytest

from orchestrator.ledger.journal_tail import JournalTail
from orchestrator.ledger.store import Store
from orchestrator.model import PosixSeconds, Record

ROW = "INSERT INTO journal (launch, campaign, attempt, kind, run_id, at, lane, data) VALUES (%s, %s, 1, 'x', 'r', 1, '', '{}')"  # noqa: E501


def names(found):
    return [(record.launch, record.campaign) for _, record in found]


@pytest.fixture
def store(tmp_path):
    tmp_path.chmod(0o700)
    store = Store.open(f"sqlite:///{tmp_path}/ledger.db")
    yield store
    store.close()


def write(store, launch, *campaigns):
    records = [Record(launch, name, 1, "tomorrow", "r-1", PosixSeconds(1.0), "lane", {}) for name in campaigns]
    store.commit(records, "r-1", {}, PosixSeconds(1.0))


def test_each_record_of_any_launch_is_handed_out_once(store):
    write(store, "spring", "a")
    tail = JournalTail(store, 0.0)
    assert tail.new(0.0) == []
    write(store, "summer", "b", "c")
    write(store, "spring", "d")

    assert names(tail.new(0.1)) == [("summer", "b"), ("summer", "c"), ("spring", "d")]
    assert tail.new(0.2) == []
    assert [record.campaign for record in tail.read("spring")] == ["a", "d"]


def test_an_empty_ledger_is_followed_from_its_first_record(store):
    tail = JournalTail(store, 0.0)
    write(store, "spring", "a")

    assert names(tail.new(0.1)) == [("spring", "a")]


def test_a_commit_that_comes_late_is_handed_out_and_read_once(postgres_url):
    store = Store.open(postgres_url)
    with psycopg.connect(postgres_url) as slow, psycopg.connect(postgres_url, autocommit=True) as quick:
        quick.execute(ROW, ("spring", "a"))
        slow.execute(ROW, ("spring", "slow before the first look"))
        quick.execute(ROW, ("spring", "b"))
        tail = JournalTail(store, 0.0)
        assert [record.campaign for record in tail.read("spring")] == ["a", "b"]
        slow.commit()
        assert names(tail.new(0.1)) == [("spring", "slow before the first look")]
        slow.execute(ROW, ("spring", "slow"))
        quick.execute(ROW, ("spring", "c"))
        assert names(tail.new(0.2)) == [("spring", "c")]
        assert "slow" not in [record.campaign for record in tail.read("spring")]
        slow.commit()
        assert names(tail.new(0.3)) == [("spring", "slow")]
        assert tail.new(0.4) == []
        slow.execute(ROW, ("spring", "rolled back"))
        slow.rollback()
        quick.execute(ROW, ("spring", "d"))
        assert names(tail.new(0.5)) == [("spring", "d")]
        assert tail._missing != {}
        assert tail.new(60.0) == []
        assert tail._missing == {}
    store.close()
