"""The event loop is asyncio's own or uvloop's, and a launch comes to the same on both."""

import asyncio
import sys

import pytest

from orchestrator.cli import event_loop as loops

COUNT = 20
CAMPAIGNS = [{"stream": "st-1", "campaign": f"cd-{n}"} for n in range(COUNT)]


async def loop_in_use():
    return type(asyncio.get_running_loop()).__module__.split(".")[0]


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_launch_comes_to_the_same_on_either_loop(loop, workplace):
    """With refused connections, lost answers and limited calls, and to the end of the process."""
    workplace.environment["ORCHESTRATOR_LOOP"] = loop
    sandbox, retry = {"faults": "realistic", "seed": 7, "limit": "100/1s"}, {"attempts": 9, "backoff": "0.2s..0.5s"}
    done = workplace.run("run", workplace.manifest(campaigns=CAMPAIGNS, sandbox=sandbox, retry=retry))
    outcomes = {row["campaign"]: row["outcome"] for row in workplace.result()["campaigns"]}

    assert done.returncode in {0, 11}, done.stderr
    assert len(outcomes) == COUNT
    assert set(outcomes.values()) <= {"started", "unknown"}


@pytest.mark.parametrize(("wanted", "module"), [("asyncio", "asyncio"), ("uvloop", "uvloop"), ("", "uvloop")])
def test_an_installed_uvloop_is_used_unless_asyncio_is_wanted(wanted, module, monkeypatch):
    monkeypatch.setenv(loops.VARIABLE, wanted)

    assert loops.run(loop_in_use()) == module


def test_without_uvloop_there_is_asyncio(monkeypatch):
    monkeypatch.setenv(loops.VARIABLE, "")
    monkeypatch.setitem(sys.modules, "uvloop", None)

    assert loops.run(loop_in_use()) == "asyncio"


@pytest.mark.parametrize(("wanted", "said"), [("twisted", "write asyncio or uvloop"), ("uvloop", "extra `speed`")])
def test_an_unavailable_loop_is_a_usage_error_and_sends_nothing(wanted, said, workplace):
    hidden = workplace.path / "hidden"
    hidden.mkdir()
    (hidden / "uvloop.py").write_text("raise ImportError\n", encoding="utf-8")
    workplace.environment["PYTHONPATH"] = f"{hidden}:{workplace.environment['PYTHONPATH']}"
    workplace.environment["ORCHESTRATOR_LOOP"] = wanted
    done = workplace.run("run", workplace.manifest())

    assert done.returncode == 2
    assert said in done.stderr
    assert "RuntimeWarning" not in done.stderr
    assert not (workplace.path / ".orchestrator").exists()
