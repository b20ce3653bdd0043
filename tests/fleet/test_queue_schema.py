"""Queues that another Procrastinate made, or that may not be used: refused with what is missing and what to do."""

import asyncio
from contextlib import closing

import pytest
from procrastinate.schema import SchemaManager

from orchestrator.errors import LedgerError
from orchestrator.fleet import queue
from orchestrator.fleet.queue_schema import _migrations
from orchestrator.ledger.store import Store
from tests import postgres


def make(url, *, before=None, after=None):
    """The queue's tables by the migrations up to one of them, and what was done to them since."""
    with closing(postgres.connected(url)) as connection:
        for name, text in _migrations():
            if before is not None and name >= before:
                break
            connection.execute(text.encode())
        if after is not None:
            connection.execute(after.encode())


def refusal(url):
    with pytest.raises(LedgerError) as caught:
        asyncio.run(queue.prepare(url))
    assert caught.value.exit_code == 8
    return caught.value


def test_a_queue_of_all_migrations_is_as_good_as_a_new_one(postgres_url):
    make(postgres_url)
    asyncio.run(queue.prepare(postgres_url))


def test_a_queue_of_this_procrastinate_is_accepted_again(postgres_url):
    for _ in range(2):
        asyncio.run(queue.prepare(postgres_url))


@pytest.mark.parametrize(
    ("before", "lacking"),
    [
        ("03.02", ["procrastinate_defer_jobs_v1", "procrastinate_job_to_defer_v1"]),
        ("03.01", ["procrastinate_fetch_job_v2", "procrastinate_workers", "worker_id"]),
        ("02.14", ["procrastinate_finish_job_v1", "abort_requested"]),
    ],
)
def test_an_older_queue_is_refused_with_where_to_migrate_from(postgres_url, before, lacking):
    make(postgres_url, before=before)
    error = refusal(postgres_url)
    first = next(name for name, _ in _migrations() if name >= ("03.00" if before == "02.14" else before))

    assert "an older Procrastinate than this one" in error.message
    assert [name for name in lacking if name not in error.message] == []
    assert f"the files from {first} on in {SchemaManager.get_migrations_path()}" in error.next_step


def test_what_the_refusal_says_to_do_is_enough(postgres_url):
    make(postgres_url, before="03.01")
    first = refusal(postgres_url).next_step.partition("the files from ")[2].partition(" ")[0]
    with closing(postgres.connected(postgres_url)) as connection:
        for name, text in _migrations():
            if name >= first:
                connection.execute(text.encode())

    asyncio.run(queue.prepare(postgres_url))


def test_a_newer_queue_is_refused_as_one(postgres_url):
    make(postgres_url, after="ALTER FUNCTION procrastinate_fetch_job_v2 RENAME TO procrastinate_fetch_job_v9")
    error = refusal(postgres_url)

    assert "a newer Procrastinate than this one" in error.message
    assert "they have procrastinate_fetch_job_v9, and lack procrastinate_fetch_job_v2" in error.message
    assert error.next_step.endswith("pip install --upgrade procrastinate")


def test_a_newer_queue_that_still_has_all_we_need_is_accepted(postgres_url):
    make(postgres_url, after="CREATE FUNCTION procrastinate_fetch_job_v9() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    asyncio.run(queue.prepare(postgres_url))


def test_a_role_that_may_not_make_or_use_the_queue_is_told(postgres_url):
    with postgres.as_role(postgres_url, "USAGE") as url:
        made = refusal(url)
        make(postgres_url)
        with closing(postgres.connected(postgres_url)) as owner:
            name = postgres.schema_of(url)
            owner.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {name} TO {name}".encode())
        used = refusal(url)

    assert "the queue's tables cannot be created: permission denied for schema" in made.message
    assert "GRANT CREATE ON SCHEMA" in made.next_step
    assert "lacks the right to INSERT on procrastinate_jobs" in used.message
    assert "GRANT INSERT ON procrastinate_jobs TO" in used.next_step


def test_worker_and_submitter_end_with_8_before_any_order(fleet):
    scene = fleet(accounts=1, campaigns=1)
    Store.open(scene.url).close()
    make(scene.url, before="03.01")
    ended = [scene.worker().wait(), scene.submit().wait()]

    assert ended == [8, 8], scene.log("worker") + scene.log("submit")
    for log in ("worker", "submit"):
        assert "an older Procrastinate than this one" in scene.log(log)
        assert "next: stop all workers, then apply with psql" in scene.log(log)
    with closing(postgres.connected(scene.url)) as connection:
        assert connection.execute("SELECT count(*) FROM journal").fetchone() == (0,)


def test_a_queue_that_is_migrated_under_a_worker_does_not_end_it(fleet):
    scene = fleet(accounts=1, campaigns=1)
    worker = scene.worker()
    assert scene.submit().wait() == 0, scene.log("submit")
    with closing(postgres.connected(scene.url)) as connection:
        connection.execute("ALTER FUNCTION procrastinate_fetch_job_v2 RENAME TO procrastinate_fetch_job_v9")
        scene.wait_for_log("worker", "a newer Procrastinate than this one")
        connection.execute("ALTER FUNCTION procrastinate_fetch_job_v9 RENAME TO procrastinate_fetch_job_v2")
    scene.wait_for_log("worker", "worker_ready", count=2)

    assert worker.poll() is None
