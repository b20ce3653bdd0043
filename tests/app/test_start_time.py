"""A run until it may start: what was agreed to, and what it has come to by then."""

from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest

from orchestrator.app.start_time import ready_run
from orchestrator.core.content import digest
from orchestrator.core.plan.approvers import Approved
from orchestrator.model import Outcome, Reason
from tests.core.builders import key, manifest, planned, ready

BASE = 1_700_000_000.0


class Clock:
    def __init__(self):
        self.time = BASE

    def now(self):
        return self.time


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
