"""What goes wrong before the first start is an error that says so; nothing ends the process."""

import pytest

from orchestrator import (
    CredentialError,
    Interrupted,
    JournalWriteError,
    LedgerError,
    ManifestError,
    NothingSelected,
    OrchestratorError,
    Refused,
    Stop,
    StopReason,
    StopSignal,
    load_manifest,
    plan_launch,
    run_launch,
)
from orchestrator.core.journal.control import ControlCommand
from orchestrator.ledger.store import Store
from orchestrator.sandbox.limiter import Limit
from orchestrator.sandbox.server import SandboxServer
from orchestrator.sandbox.world import world_of
from tests.app.conftest import Place
from tests.system.crash.conftest import ACCOUNT, SECRET


def stopped():
    stop_signal = StopSignal()
    stop_signal.set(Stop(StopReason.SIGTERM, "the service was stopped"))
    return stop_signal


def spoil(place):
    file = place.directory / ".orchestrator" / "ledger.db"
    file.parent.mkdir(mode=0o700)
    file.write_bytes(b"no ledger at all")


def nothing(_):
    pass


CASES = {
    "selection": (NothingSelected, 5, {}, {"select": ["tag:nobody"]}, nothing),
    "cap": (Refused, 4, {"limits": {"max_starts": 4}}, {}, nothing),
    "tighter cap": (Refused, 4, {}, {"max_starts": 2}, nothing),
    "approval": (Refused, 4, {"approval": "plan"}, {}, nothing),
    "unknown plan": (Refused, 4, {}, {"approve": "0123456789"}, nothing),
    "ledger": (LedgerError, 8, {}, {}, spoil),
    "stop": (Interrupted, 143, {}, {"stop": stopped()}, nothing),
    "host": (Refused, 4, {"host": "http://127.0.0.1:9", "retry": {"attempts": 1}}, {}, nothing),
}


@pytest.mark.parametrize("name", CASES)
async def test_an_error_is_of_its_class_and_says_that_nothing_was_sent(places, name):
    kind, code, changes, options, prepare = CASES[name]
    place = await places()
    prepare(place)
    with pytest.raises(OrchestratorError) as caught:
        await run_launch(place.load(**changes), **options)

    assert type(caught.value) is kind
    assert caught.value.exit_code == code
    assert caught.value.nothing_was_sent
    assert caught.value.sentence.endswith("; no start was sent")
    assert caught.value.__notes__ == ["no start was sent"]
    assert place.starts == {}


async def test_a_missing_secret_is_found_before_any_call(places, monkeypatch):
    place = await places()
    monkeypatch.delenv("ACME_SECRET")
    with pytest.raises(CredentialError, match="ACME_SECRET is unset"):
        await run_launch(place.load())

    assert place.server.platform.arrivals[ACCOUNT].total == 0


async def test_an_aborted_launch_is_refused_until_it_is_unpaused(places):
    place = await places(count=2)
    manifest = place.load()
    await plan_launch(manifest)
    store = Store.open(manifest.manifest.ledger)
    store.record_command("crash", ControlCommand.ABORT, "ann", "the list is wrong", store.time())
    with pytest.raises(Refused, match="the list is wrong"):
        await run_launch(manifest)
    store.record_command("crash", ControlCommand.UNPAUSE, "ann", "the list is right", store.time())
    store.close()

    assert (await run_launch(manifest)).exit_code == 0


async def test_an_account_limited_throughout_preflight_is_refused(tmp_path, monkeypatch):
    """The third look at a campaign is limited for ten minutes, the fourth is not made: that was a traceback once."""
    monkeypatch.setenv("ACME_ID", "cs-acme")
    monkeypatch.setenv("ACME_SECRET", SECRET)
    tmp_path.chmod(0o700)
    campaigns = [f"cd-{n}" for n in range(4)]
    world = world_of(
        [(ACCOUNT, "cs-acme", SECRET, "HS256")], [(ACCOUNT, "st-1", c, c, "sms") for c in campaigns], Limit(2, 600.0)
    )
    async with SandboxServer(world) as server:
        place = Place(tmp_path, server, campaigns, {"preflight": {"hours": True}, "retry": {"max_elapsed": "1s"}})
        with pytest.raises(Refused, match="the platform limits the account for longer") as caught:
            await run_launch(place.load())

    assert caught.value.nothing_was_sent
    assert server.platform.start_counts == {}


def test_a_manifest_names_every_fault_with_its_place(tmp_path):
    (tmp_path / "m.yaml").write_text("version: 2\nlaunch: [a]\n", encoding="utf-8")
    with pytest.raises(ManifestError) as caught:
        load_manifest(str(tmp_path / "m.yaml"))

    assert {problem.path for problem in caught.value.problems} >= {"version", "launch"}
    assert caught.value.nothing_was_sent


@pytest.mark.parametrize("options", [{"select": ["everything"]}, {"exclude": "tag:a"}, {"approve": ""}])
async def test_an_invalid_argument_is_a_value_error(places, options):
    place = await places()
    with pytest.raises(ValueError, match=r"is not a selection|at least 8 characters"):
        await run_launch(place.load(), **options)

    assert place.starts == {}
    assert not (place.directory / ".orchestrator").exists()


def test_only_errors_that_promise_it_say_that_nothing_was_sent():
    assert not JournalWriteError("the disk is full").nothing_was_sent
    assert JournalWriteError("the disk is full").sentence == "the disk is full"
