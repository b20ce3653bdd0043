"""The journal's file cut anywhere, moved away, replaced; the disk failing, and its places being unsafe."""

import os

import pytest

from orchestrator.core.journal.states import State, fold
from orchestrator.errors import LedgerError
from orchestrator.ledger.store import Store
from tests.system.crash.conftest import Scene, Zygote


@pytest.fixture
async def journal(tmp_path):
    """The bytes of a 20-campaign journal after a whole run."""
    async with Scene.opened(tmp_path / "whole", count=20) as scene, Zygote.started() as zygote:
        assert await zygote.run(scene.directory, "run", "m.yaml") == 0
    return (tmp_path / "whole" / ".orchestrator" / "ledger.db").read_bytes()


async def test_no_prefix_of_a_journal_opens_as_a_smaller_one(journal, tmp_path):
    """Every byte prefix: the documented error, or all of the journal. A smaller one would be sent again."""
    place = tmp_path / "cut"
    place.mkdir(mode=0o700)
    file = place / "ledger.db"
    file.write_bytes(journal)
    file.chmod(0o600)
    for size in range(len(journal) - 1, -1, -1):
        os.truncate(file, size)
        with pytest.raises(LedgerError):
            Store.open(f"sqlite:///{file}")
    file.write_bytes(journal)
    store = Store.open(f"sqlite:///{file}")
    histories = fold(store.read("crash"))
    store.close()

    assert [h.state for h in histories.values()] == [State.STARTED] * 20


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
async def test_a_cut_journal_ends_the_command_with_8_and_sends_nothing(tmp_path, share):
    async with Scene.opened(tmp_path / "scene") as scene, Zygote.started() as zygote:
        assert await zygote.run(scene.directory, "run", "m.yaml") == 0
        file = scene.directory / ".orchestrator" / "ledger.db"
        whole = file.read_bytes()
        file.write_bytes(whole[: int(len(whole) * share) // 4096 * 4096])

        assert await zygote.run(scene.directory, "run", "m.yaml") == 8
        assert all(count == 1 for count in scene.starts.values())


async def test_a_full_disk_before_the_first_start_sends_nothing(tmp_path):
    async with Scene.opened(tmp_path / "scene") as scene, Zygote.started() as zygote:
        code = await zygote.run(scene.directory, "run", "m.yaml", fault="ENOSPC", after=3)

        assert code == 8, scene.log
        assert scene.starts == {}
        assert "no start was sent" in scene.log


@pytest.mark.parametrize("fault", ["ENOSPC", "EIO"])
async def test_a_disk_failing_in_mid_run_ends_sending_and_loses_none(tmp_path, fault):
    async with Scene.opened(tmp_path / "scene", count=12) as scene, Zygote.started() as zygote:
        code = await zygote.run(scene.directory, "run", "m.yaml", fault=fault, after=8)
        sent = sum(scene.starts.values())

        assert code == 13, scene.log
        assert 0 < sent < 12
        assert await zygote.run(scene.directory, "run", "m.yaml") in {0, 11}
        scene.check_never_twice()


GOES_AWAY = {
    "git clean": "git init -q . && git clean -xdfq -e m.yaml -e child.log",
    "backup restored": "cp backup.db .orchestrator/new; mv .orchestrator/new .orchestrator/ledger.db",
    "symbolic link turned": "mv .orchestrator one; cp -a one two; ln -s two .orchestrator",
}


@pytest.mark.parametrize("how", GOES_AWAY)
async def test_a_ledger_that_goes_away_in_mid_run_ends_it_with_13(tmp_path, how):
    async with Scene.opened(tmp_path / "scene", count=12) as scene, Zygote.started() as zygote:
        assert await zygote.run(scene.directory, "plan", "m.yaml") == 0
        (scene.directory / "backup.db").write_bytes((scene.directory / ".orchestrator" / "ledger.db").read_bytes())
        code = await zygote.run(scene.directory, "run", "m.yaml", point="after_start", nth=4, shell=GOES_AWAY[how])

        assert code == 13, scene.log
        assert 4 <= sum(scene.starts.values()) <= 5  # two may be in flight
        assert "put the old one back before you run again" in scene.log
        scene.check_never_twice()


async def test_a_ledger_that_is_put_back_goes_on_where_it_was(tmp_path):
    """What was not sent is not called unknown: no intent is committed where the file is gone."""
    async with Scene.opened(tmp_path / "scene", count=12) as scene, Zygote.started() as zygote:
        away = "mv .orchestrator old"
        assert await zygote.run(scene.directory, "run", "m.yaml", point="before_start", nth=4, shell=away) == 13
        (scene.directory / "old").rename(scene.directory / ".orchestrator")

        assert await zygote.run(scene.directory, "run", "m.yaml") == 0, scene.log
        scene.check_the_end(0)


async def test_reports_that_cannot_be_written_lose_nothing(tmp_path):
    async with Scene.opened(tmp_path / "scene", report={"dir": "m.yaml"}) as scene, Zygote.started() as zygote:
        code = await zygote.run(scene.directory, "run", "m.yaml")

        assert code == 0
        assert "cannot write result.json of launch crash to m.yaml" in scene.log
        assert await zygote.run(scene.directory, "report", "crash") == 0
        assert len(scene.result["campaigns"]) == 5
