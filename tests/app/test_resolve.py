"""What a person may record about a campaign that a crash left open."""

import os
import time

import pytest

from orchestrator.app.resolve import resolve
from orchestrator.core.journal.decisions import Decision
from orchestrator.core.journal.lease import Holder
from orchestrator.core.journal.states import State, fold
from orchestrator.errors import Refused
from orchestrator.ledger.machine_id import this_machine
from orchestrator.ledger.store import Store
from orchestrator.model import Home
from tests.raw_server import TARGET, record_of

KEY = TARGET.key
DONE = []
STARTED, NOT = True, False


def crashed(tmp_path, deadline, *verdicts):
    """A ledger in which a run journaled an intent that is good until `deadline` (POSIX seconds), and died."""
    tmp_path.chmod(0o700)
    url = f"sqlite:///{tmp_path}/ledger.db"
    store, now = Store.open(url), time.time()
    store.bind_launch("launch-1", Home("http://host"), now)
    store.acquire([TARGET.lane], Holder("run-1", "launch-1", this_machine(), os.getpid()), now)
    intent = record_of(KEY, "intent", data={"deadline": deadline})
    store.commit([intent, *verdicts], "run-1", {}, now)
    store.release("run-1", {TARGET.lane: []}, now)
    store.close()
    return url


def state(url):
    store = Store.open(url)
    found = fold(store.read("launch-1"))[KEY].state
    store.close()
    return found


@pytest.mark.parametrize(("is_started", "after"), [(True, State.STARTED), (False, State.CLEARED)])
def test_an_open_intent_can_be_resolved_by_a_person(tmp_path, is_started, after):
    url = crashed(tmp_path, time.time() - 100)
    resolve(url, "launch-1", [Decision(KEY, is_started, "seen at the console")], DONE.append)
    assert state(url) is after


def test_a_start_that_may_be_on_its_way_cannot_be_resolved_yet(tmp_path):
    url = crashed(tmp_path, time.time() + 3600)
    with pytest.raises(Refused, match="may still be on its way; resolve it after"):
        resolve(url, "launch-1", [Decision(KEY, NOT, "too early")], DONE.append)
    assert state(url) is State.INTENDED


def test_a_suspect_can_be_resolved_before_its_deadline(tmp_path):
    lost = record_of(KEY, "verdict", data={"event": "indeterminate", "message": "HTTP 500"})
    url = crashed(tmp_path, time.time() + 3600, lost)
    resolve(url, "launch-1", [Decision(KEY, STARTED, "seen at the console")], DONE.append)
    assert state(url) is State.STARTED
