"""What a session must really have, whatever a pooler, a role or an address made of what it was asked for."""

from contextlib import closing

import psycopg
import pytest
import sqlalchemy as sa

from orchestrator.core.journal.control import ControlCommand
from orchestrator.core.journal.lease import Holder
from orchestrator.errors import JournalWriteError, LedgerError
from orchestrator.ledger.committer import Committer
from orchestrator.ledger.postgres_session import advice, check_session
from orchestrator.ledger.store import Store
from orchestrator.model import Home
from tests import postgres
from tests.ledger.pooler import Pooler
from tests.raw_server import NOW, TARGET, StillClock, intent_of


def holder():
    return Holder("run-1", "launch-1", "here", 1)


TIMEOUTS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")


def refused(url):
    with pytest.raises(LedgerError) as caught:
        Store.open(url).close()
    assert caught.value.exit_code == 8
    return caught.value


def asking(url, **settings):
    """The address with options of its own, which come last."""
    parsed = sa.make_url(url)
    words = " ".join(f"-c{name}={value}" for name, value in settings.items())
    return parsed.update_query_dict({"options": f"{parsed.query['options']} {words}"}).render_as_string()


@pytest.fixture
def through(postgres_url):
    """The address behind a pooler that drops settings."""
    poolers = []

    def make(*dropped, url=postgres_url):
        poolers.append(Pooler(url, *dropped))
        return poolers[-1]

    yield make
    for pooler in poolers:
        pooler.close()


def test_a_pooler_that_passes_settings_on_equals_the_server(through):
    Store.open(through().url).close()


@pytest.mark.parametrize("dropped", TIMEOUTS)
def test_a_session_without_a_timeout_is_refused(through, dropped):
    error = refused(through(dropped).url)

    assert f"the session has {dropped} = 0, which is not what was asked for: a pooler" in error.message
    assert f"ALTER ROLE postgres SET {dropped} = " in error.next_step


def test_every_setting_that_was_dropped_is_named_at_once(postgres_url, through):
    with postgres.as_role(postgres_url, "ALL", synchronous_commit="off") as url:
        error = refused(through("synchronous_commit", *TIMEOUTS, url=url).url)

    assert "the session has synchronous_commit = off, statement_timeout = 0, lock_timeout = 0" in error.message
    assert error.next_step.count("ALTER ROLE t_") == 4
    assert "SET synchronous_commit = 'on'" in error.next_step


def test_a_role_with_the_settings_needs_none_from_the_pooler(postgres_url, through):
    settings = {"synchronous_commit": "on", "statement_timeout": "10s", "lock_timeout": "8s",
                "idle_in_transaction_session_timeout": "10s"}  # fmt: skip
    with postgres.as_role(postgres_url, "ALL", **settings) as url:
        Store.open(through(*settings, url=url).url).close()


@pytest.mark.parametrize(
    ("name", "value", "is_fine"),
    [
        ("synchronous_commit", "off", False),
        ("synchronous_commit", "local", False),
        ("synchronous_commit", "remote_write", False),
        ("synchronous_commit", "remote_apply", True),
        ("statement_timeout", "0", False),
        ("statement_timeout", "500ms", True),
        ("statement_timeout", "30s", True),
        ("statement_timeout", "31s", False),
        ("lock_timeout", "2min", False),
        ("idle_in_transaction_session_timeout", "1h", False),
    ],
)
def test_an_address_may_not_ask_for_less_than_a_permit_needs(postgres_url, name, value, is_fine):
    if is_fine:
        Store.open(asking(postgres_url, **{name: value})).close()
        return
    assert f"the session has {name} = {value}" in refused(asking(postgres_url, **{name: value})).message


def test_every_new_connection_is_looked_at(through):
    """A pooler that is set up anew in mid-run: the commit that needs a new connection is refused, and the run ends."""
    pooler = through()
    store = Store.open(pooler.url)
    (lane,) = store.acquire([TARGET.lane], holder(), NOW)
    committer = Committer(store, "run-1", [lane], StillClock())
    assert committer.commit([intent_of("s/a")]) == [None]
    pooler.dropped = ("statement_timeout",)
    store._backend.engine.dispose()
    (answer,) = committer.commit([intent_of("s/b")])
    store.close()

    assert isinstance(answer, JournalWriteError)
    assert "the session has statement_timeout = 0" in answer.message
    assert committer.broken is answer


@pytest.mark.parametrize("name", ["fsync", "full_page_writes"])
def test_a_server_that_may_lose_what_it_acknowledged_is_refused(name):
    server = postgres.own_server()
    try:
        Store.open(server.url).close()
        with psycopg.connect(server.url, autocommit=True) as administrator:
            administrator.execute(f"ALTER SYSTEM SET {name} = off".encode())
            administrator.execute("SELECT pg_reload_conf()")
        wait_for(server.url, name, "off")
        error = refused(server.url)
    finally:
        server.close()

    assert f"the server runs with {name} = off, and may lose in a crash what it acknowledged" in error.message
    assert f"ALTER SYSTEM SET {name} = on" in error.next_step


def wait_for(url, name, value):
    while True:
        with psycopg.connect(url) as connection:
            if connection.execute(f"SHOW {name}".encode()).fetchone() == (value,):
                return


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_that_cannot_keep_every_text_is_refused(postgres_server, encoding):
    parsed, name = sa.make_url(postgres_server.url), f"e_{encoding.lower()}"
    with psycopg.connect(postgres_server.url, autocommit=True) as owner:
        owner.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'".encode())
        try:
            error = refused(parsed.set(database=name).render_as_string())
        finally:
            owner.execute(f"DROP DATABASE {name}".encode())

    assert f"the database's encoding is {encoding}, which cannot store every text unchanged" in error.message
    assert "createdb --template=template0 --encoding=UTF8" in error.next_step


def test_a_setting_the_server_lacks_is_not_held_against_it():
    class Connection:
        def execute(self, _, names):
            self.names = names[0]
            return self

        def fetchall(self):
            known = dict.fromkeys(TIMEOUTS, "10s") | {"synchronous_commit": "on"}
            return [(name, known.get(name)) for name in self.names]

        def rollback(self):
            pass

    check_session(Connection(), "postgresql://h/d")


# Rights


def test_a_role_that_may_not_make_tables_learns_what_it_lacks(postgres_url):
    with postgres.as_role(postgres_url, "USAGE") as url:
        error = refused(url)

    name = postgres.schema_of(postgres_url)
    assert f"role {name} has no right to create the ledger's tables in schema {name}" in error.message
    assert error.next_step == f"have the schema's owner run: GRANT CREATE ON SCHEMA {name} TO {name}"


def test_a_role_that_may_not_write_is_told_every_right_it_lacks(postgres_url):
    Store.open(postgres_url).close()
    name = postgres.schema_of(postgres_url)
    with postgres.as_role(postgres_url, "USAGE") as url, closing(postgres.connected(postgres_url)) as owner:
        owner.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {name} TO {name}".encode())
        error = refused(url)
        for grant in error.next_step.partition(": ")[2].split("; "):
            owner.execute(grant.encode())
        Store.open(url).close()

    lacking = (
        "INSERT on launches, UPDATE on launches, INSERT on leases, UPDATE on leases, INSERT on journal, "
        f"USAGE on SEQUENCE {name}."
    )
    assert f"role {name} lacks the right to {lacking}" in error.message


def test_a_role_that_may_only_read_can_read(postgres_url):
    store = Store.open(postgres_url)
    store.bind_launch("spring", Home("https://h"), NOW)
    store.close()
    name = postgres.schema_of(postgres_url)
    with postgres.as_role(postgres_url, "USAGE") as url, closing(postgres.connected(postgres_url)) as owner:
        owner.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {name} TO {name}".encode())
        reader = Store.open(url, create=False)
        assert reader.read("spring") == []
        with pytest.raises(LedgerError, match="permission denied for table") as caught:
            reader.record_command("spring", ControlCommand.ABORT, "ann", "x", NOW)
        reader.close()

    assert caught.value.exit_code == 8
    assert "grant SELECT, INSERT and UPDATE on the tables" in caught.value.next_step


def test_a_ledger_of_a_newer_program_asks_for_that_program(postgres_url):
    Store.open(postgres_url).close()
    with closing(postgres.connected(postgres_url)) as owner:
        owner.execute("COMMENT ON TABLE journal IS 'campaign-orchestrator ledger 2'")
    error = refused(postgres_url)

    assert "a newer program made it (ledger 2, this one reads 1)" in error.message
    assert error.next_step.startswith("use the program that made it, or a newer one: pip install --upgrade")


# Sessions that do not begin


def test_a_database_or_a_role_that_is_missing_is_named(postgres_url):
    parsed = sa.make_url(postgres_url)
    database = refused(parsed.set(database="nowhere").render_as_string())
    role = refused(parsed.set(username="nobody_here").render_as_string())

    assert database.next_step == "make it with: createdb --template=template0 --encoding=UTF8 nowhere"
    assert role.next_step == "name a role that the server has: postgresql://ROLE@HOST/DATABASE"


def test_a_role_that_may_not_connect_learns_what_right_it_lacks(postgres_server, postgres_url):
    name = postgres.schema_of(postgres_url)
    with postgres.as_role(postgres_url, "ALL") as url, psycopg.connect(postgres_server.url, autocommit=True) as owner:
        owner.execute(f"CREATE DATABASE {name}".encode())
        owner.execute(f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC".encode())
        try:
            error = refused(sa.make_url(url).set(database=name).render_as_string())
        finally:
            owner.execute(f"DROP DATABASE {name}".encode())

    assert f'permission denied for database "{name}"' in error.message
    assert error.next_step == f"have its owner run: GRANT CONNECT ON DATABASE {name} TO the role"


@pytest.mark.parametrize(
    ("words", "step"),
    [
        ('FATAL:  password authentication failed for user "ann"', "PGPASSWORD"),
        ("fe_sendauth: no password supplied", "PGPASSWORD"),
        ('no pg_hba.conf entry for host "10.0.0.1"', "pg_hba.conf"),
        ("FATAL:  sorry, too many clients already", "max_connections"),
        ("ERROR:  unsupported startup parameter in options: lock_timeout", "ignore_startup_parameters = options"),
    ],
)
def test_a_server_that_lets_nobody_in_is_explained(words, step):
    assert step in str(advice(psycopg.OperationalError(words)))
    assert advice(psycopg.OperationalError("connection refused")) is None
