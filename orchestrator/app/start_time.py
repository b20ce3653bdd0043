"""A run that may not start yet: it is planned and agreed to now, waits without a lease, and is planned again."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

from orchestrator.app.open_run import OpenRun
from orchestrator.app.refusal_notice import telling_refusal
from orchestrator.app.run import before_starts
from orchestrator.core.journal.control import ControlState
from orchestrator.core.journal.waits import SHOW_SECONDS, WAITER
from orchestrator.core.manifest.models import Manifest
from orchestrator.core.manifest.start_times import StartTime
from orchestrator.core.plan.approvers import Approved
from orchestrator.core.plan.estimate import start_of
from orchestrator.core.plan.plan import Plan
from orchestrator.engine.preflight import held_if_changed
from orchestrator.engine.start_wait import StartWait
from orchestrator.engine.stop_signal import StopSignal
from orchestrator.engine.work_queue import FRESH_SECONDS
from orchestrator.errors import LedgerError
from orchestrator.ledger.machine_id import this_holder
from orchestrator.ledger.store import Store
from orchestrator.model import PosixSeconds
from orchestrator.ports import Observer

__all__ = ["ReadyRun", "agreed_by_the_call", "ready_run", "start_at", "start_of", "wait_without_lease"]


@dataclass(frozen=True, slots=True)
class ReadyRun:
    """A run whose plan is made and agreed to, and whose time has come. `approved` is how it was agreed to."""

    opened: OpenRun
    plan: Plan
    approved: Approved


def start_at(at: datetime | None) -> StartTime | None:
    """The time that a program gives. Raises ValueError for one that has no time zone, or has long passed."""
    if at is None:
        return None
    if at.tzinfo is None:
        raise ValueError("at has no time zone, so it may mean another time elsewhere")
    start = StartTime(PosixSeconds(at.timestamp()))
    if start.is_late(PosixSeconds(time.time())):
        raise ValueError(f"at was {start.words()}, which has passed")
    return start


@asynccontextmanager
async def ready_run(
    opening: Callable[[], AbstractAsyncContextManager[OpenRun]],
    start: StartTime | None,
    prepare: Callable[[OpenRun], Awaitable[tuple[Plan, Approved]]],
    agree: Callable[[OpenRun, Plan, Approved], Awaitable[Approved]],
    wait: Callable[[StartTime], Awaitable[None]],
) -> AsyncIterator[ReadyRun]:
    """The run with its leases, once it may start. `prepare` plans it, `agree` asks for consent, `wait` for the time.

    While it waits it holds no lease: others use the accounts, and the same command on another host can take its place.
    What was changed meanwhile, or while the question was open for long, is held. Raises what these raise; from the
    wait on, those whom `notify` names are told of a refusal.
    """
    agreed: tuple[Plan, Approved] | None = None
    has_waited = False
    async with AsyncExitStack() as unattended:
        while True:
            async with opening() as opened:
                plan, approved = await prepare(opened)
                clock, planned_at = opened.deps.clock, opened.deps.clock.now()
                if agreed is None:
                    agreed = plan, await agree(opened, plan, approved)
                else:
                    plan = held_if_changed(agreed[0], plan)
                # A person may have thought about it overnight: the plan may be old by now, and the campaigns edited.
                is_fresh = clock.now() - planned_at <= FRESH_SECONDS
                if is_fresh and (start is None or clock.now() >= start.at):
                    # From here on starts may leave: an error is no longer a refusal, and the run sends its own notices.
                    await unattended.aclose()
                    # Do not keep the plan here: a large plan must free its memory for the result.
                    ready = [ReadyRun(opened, plan, agreed[1])]
                    del plan, agreed
                    yield ready.pop()
                    return
                waits_for = start if start is not None and clock.now() < start.at else None
            if waits_for is not None:
                if not has_waited:
                    refusal = telling_refusal(opened.notifier, opened.loaded, opened.deps.run_id)
                    await unattended.enter_async_context(refusal)
                has_waited = True
                await wait(waits_for)


async def agreed_by_the_call(_: OpenRun, __: Plan, approved: Approved) -> Approved:
    """The consent of a program that calls the library: nobody is asked."""
    return approved


async def wait_without_lease(
    manifest: Manifest, start: StartTime, stop_signal: StopSignal, observer: Observer, *, ledger: Store | None = None
) -> None:
    """Wait by the clock of all who share the ledger. Raises Interrupted, LedgerError, and Refused for an abort.

    `ledger` is the open one, where the caller has it.
    """
    store = await asyncio.to_thread(Store.open, manifest.ledger) if ledger is None else ledger

    async def read_state(launch: str) -> ControlState:
        return await asyncio.to_thread(store.control_state, launch)

    async def read_time() -> PosixSeconds:
        return await asyncio.to_thread(store.time)

    shown = _ShownWait(store, manifest.launch)
    try:
        with before_starts(stop_signal, "the wait"):
            await StartWait(manifest, read_state, read_time, stop_signal, observer, show=shown.show).until(start)
    finally:
        await shown.end()
        if ledger is None:
            store.close()


class _ShownWait:
    """Shows everyone who looks at the launch in the ledger that this process waits."""

    def __init__(self, store: Store, launch: str) -> None:
        self._store = store
        self._holder = this_holder(f"{WAITER}{uuid.uuid4().hex[:12]}", launch)
        self._shown = 0.0  # when it was written last, in POSIX seconds

    async def show(self, start: StartTime, now: PosixSeconds) -> None:
        # The clock may have been set back: then it has not been seen for long.
        if abs(now - self._shown) < SHOW_SECONDS:
            return
        # A ledger that cannot be written keeps nobody from waiting: what cannot be shown now is shown later.
        with suppress(LedgerError):
            await asyncio.to_thread(self._store.show_wait, self._holder, start, now)
            self._shown = now

    async def end(self) -> None:
        # In a ledger that is away it ends by itself, as a dead one's does.
        with suppress(LedgerError):
            await asyncio.to_thread(self._store.end_wait, self._holder.run_id)
