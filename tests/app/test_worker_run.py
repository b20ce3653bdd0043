"""What the lanes of one worker share."""

from contextlib import AsyncExitStack
from types import SimpleNamespace

import pytest

from orchestrator.app.worker_run import WorkerRuns
from orchestrator.core.manifest.parse import parse
from orchestrator.core.plan.plan import lane_of
from orchestrator.engine.stop_signal import StopSignal
from orchestrator.ledger.store import Store
from orchestrator.model import Record
from orchestrator.redaction import Redactor
from tests.fakes import RecordingObserver


@pytest.fixture
def store(tmp_path):
    tmp_path.chmod(0o700)
    store = Store.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield store
    store.close()


def lane_work(account):
    """A lane of one account, as a worker gets it."""
    secret = {"client_id": {"env": "ACME_ID"}, "client_secret": {"env": "ACME_SECRET"}}
    manifest, issues = parse({
        "version": 1, "launch": "spring", "host": "http://127.0.0.1:9", "connections": 50,
        "accounts": {account: {"account_id": account, **secret}},
        "campaigns": [{"account": account, "stream": "s", "campaign": f"c-{account}"}],
    })  # fmt: skip
    assert manifest is not None, issues
    return SimpleNamespace(
        manifest=manifest, source="m.yaml", sha256="0" * 64, environment="", subrun={"part_of": "r-1"}, no_wait=True,
        neighbours=[f"s/c-{account}", "s/earlier"],
    )  # fmt: skip


async def test_a_workers_lanes_share_one_door_and_its_connections(store, monkeypatch):
    monkeypatch.setenv("ACME_ID", "cs-acme")
    monkeypatch.setenv("ACME_SECRET", "s" * 64)
    runs = WorkerRuns(store, Redactor(), RecordingObserver(), connections=7, allow_commands=False)
    async with AsyncExitStack() as stack:
        first, second = [
            await stack.enter_async_context(runs.assemble(lane_work(account), StopSignal())) for account in ("a1", "a2")
        ]
        assert first.deps.door is second.deps.door
        assert repr(first.deps.door) == "<Door: 0 of 7 inside, 0 waiting>"
        assert first.deps.api._session.connector is second.deps.api._session.connector
        assert first.deps.api._session.connector.limit == 7


async def test_a_lane_knows_what_earlier_waves_may_have_started(store, monkeypatch):
    monkeypatch.setenv("ACME_ID", "cs-acme")
    monkeypatch.setenv("ACME_SECRET", "s" * 64)
    lane = lane_of(lane_work("a1").manifest, "a1")
    sent = {"deadline": 31.0}
    intents = [Record("spring", key, 1, "intent", "r-1", 1.0, lane, sent) for key in ("s/earlier", "s/other")]
    store.commit(intents, "r-1", {}, 1.0)
    runs = WorkerRuns(store, Redactor(), RecordingObserver(), connections=7, allow_commands=False)
    async with runs.assemble(lane_work("a1"), StopSignal()) as run:
        assert {key: str(state.state) for key, state in run.deps.states.items()} == {"s/earlier": "intended"}
