"""Commands on a ledger whose records somebody changed: each says which record it is, and nothing is lost or sent."""

import json
import sqlite3
from contextlib import closing

import pytest

READING = (
    ["status"],
    ["list"],
    ["history"],
    ["why", "spring", "st-1/cd-1"],
    ["report", "spring"],
    ["diff", "spring", "spring"],
    ["resolve", "spring", "st-1/cd-1", "--as", "started", "--reason", "seen"],
    ["stop-started", "spring", "--reason", "wrong list", "--yes"],
    ["follow", "spring"],
    ["run", "launch.yaml"],
)
"""Commands that read a launch's records: of its runs, of its campaigns, or of both."""
OF_RUNS = {"status", "list", "history", "why", "report", "diff", "resolve", "stop-started", "follow"}
OF_PLANS = {"status", "list", "why", "report", "diff"}
OF_CAMPAIGNS = {"status", "list", "why", "report", "diff", "resolve", "stop-started", "follow", "run"}


def ledger(workplace):
    return closing(sqlite3.connect(workplace.path / ".orchestrator" / "ledger.db"))


def rows(workplace):
    with ledger(workplace) as connection:
        return connection.execute("SELECT * FROM journal ORDER BY id").fetchall()


def damage(workplace, kind, change):
    """Change the data of the first record of a kind, as somebody may who can write to the ledger."""
    with ledger(workplace) as connection, connection:
        found = "SELECT id, data FROM journal WHERE kind = ? ORDER BY id LIMIT 1"
        number, data = connection.execute(found, (kind,)).fetchone()
        changed = json.dumps(change(json.loads(data)))
        connection.execute("UPDATE journal SET data = ? WHERE id = ?", (changed, number))


def without(key):
    return lambda data: {name: value for name, value in data.items() if name != key}


@pytest.mark.parametrize(
    ("kind", "change", "words", "ending"),
    [
        ("run", without("host"), "run 0 of @r-", OF_RUNS),
        ("end", lambda data: {**data, "stop": {"reason": "x", "detail": ""}}, "stop.reason is 'x'", OF_RUNS),
        ("plan", lambda data: {**data, "rows": "AAAA"}, "rows cannot be unpacked", OF_PLANS),
        ("verdict", lambda data: {**data, "sent_at": 1e300}, "verdict 1 of st-1/cd-", OF_CAMPAIGNS - {"why"}),
        ("intent", lambda data: {**data, "deadline": None}, "deadline is None", OF_CAMPAIGNS - {"why"}),
    ],
    ids=["run", "end", "plan", "verdict", "intent"],
)
def test_a_damaged_record_ends_its_readers_with_8(workplace, kind, change, words, ending):
    workplace.run("run", workplace.manifest())
    damage(workplace, kind, change)
    before = rows(workplace)

    for command in READING:
        done = workplace.run(*command)
        assert "Traceback" not in done.stderr, command
        if command[0] in ending:
            assert (done.returncode, command) == (8, command), done.stderr
            assert "the ledger is damaged: " in done.stderr
            assert words in done.stderr, command
    assert [row for row in rows(workplace) if row in before] == before
