"""A run until it may start: what was agreed to, and what it has come to by then."""

from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest

from orchestrator.app.notifier import Notifier
from orchestrator.app.start_time import agreed_by_the_call, ready_run
from orchestrator.core.content import digest
from orchestrator.core.manifest.notify import NoticeEvent
from orchestrator.core.manifest.start_times import StartTime
from orchestrator.core.plan.approvers import Approved
from orchestrator.errors import LedgerError
from orchestrator.model import Outcome, PosixSeconds, Reason
from tests.core.builders import key, manifest, planned, ready

BASE = 1_700_000_000.0


class Clock:
    def __init__(self):
        self.time = BASE

    def now(self):
        return self.time


class Addressee:
    """Somebody whom the manifest names, with what they were told."""

    on, name = frozenset({NoticeEvent.STOPPED}), "notify 1"

    def __init__(self):
        self.told = []

    def tell(self, notice, _now, _until):
        self.told.append(notice.sentence)
        return ""


@pytest.mark.parametrize("fails_in", ["wait", "run"])
async def test_only_what_fails_before_the_starts_is_a_refusal(fails_in):
    """Once starts may have left, no notice may promise that none was sent."""
    clock, somebody, gone = Clock(), Addressee(), LedgerError("the ledger is away")
    loaded = SimpleNamespace(manifest=manifest({"campaign": "cd-1"}), environment=None)

    @asynccontextmanager
    async def opening():
        deps = SimpleNamespace(clock=clock, run_id="r-1")
        yield SimpleNamespace(deps=deps, notifier=Notifier([somebody]), loaded=loaded)

    async def prepare(_):
        return planned(loaded.manifest, live={key("cd-1"): ready()}), Approved()

    async def wait(start):
        clock.time = start.at
        if fails_in == "wait":
            raise gone

    at = StartTime(PosixSeconds(BASE + 60))
    with pytest.raises(LedgerError):
        async with ready_run(opening, at, prepare, agreed_by_the_call, wait):
            raise gone

    expected = "a run that waited for its time ended with exit code 8: the ledger is away; no start was sent"
    assert somebody.told == ([expected] if fails_in == "wait" else [])


@pytest.mark.parametrize(("thought", "plans"), [(300, 1), (301, 2)])
async def test_what_was_edited_while_a_question_was_open_is_held(thought, plans):
    clock, made, texts = Clock(), [], {"cd-1": "Hello"}

    @asynccontextmanager
    async def opening():
        yield SimpleNamespace(deps=SimpleNamespace(clock=clock))

    async def prepare(_):
        parsed = manifest({"campaign": "cd-1"}, {"campaign": "cd-2"})
        live = {key(name): ready(content=digest({"message": texts.get(name)})) for name in ("cd-1", "cd-2")}
        made.append(planned(parsed, live=live))
        return made[-1], Approved()

    async def agree(_opened, _plan, _approved):
        clock.time += thought
        texts["cd-1"] = "Another"
        return Approved("at a terminal")

    async def wait(_):
        raise AssertionError("there is nothing to wait for")

    async with ready_run(opening, None, prepare, agree, wait) as run:
        first, second = [entry.decision for entry in run.plan.entries]

    assert (len(made), run.approved.words, second.outcome) == (plans, "at a terminal", None)
    if plans == 2:
        assert (first.outcome, first.reason) == (Outcome.HELD, Reason.CHANGED)
        assert first.message == "it was edited while it waited: message changed since the plan"
