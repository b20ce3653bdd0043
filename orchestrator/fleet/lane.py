"""One lane of one wave, carried out by a worker: a run of the ordinary engine over a part of the manifest."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

from sqlalchemy.exc import IntegrityError

from orchestrator.core.journal.control import ControlCommand
from orchestrator.core.journal.records import HALT, RunRecords, header_of
from orchestrator.core.journal.subruns import PART_OF
from orchestrator.core.manifest.models import Manifest
from orchestrator.core.plan import recipients
from orchestrator.core.plan.approval import held_unlike
from orchestrator.core.plan.plan import Plan
from orchestrator.core.plan.selection import Choice, Selection
from orchestrator.engine.control_watch import abort_stop
from orchestrator.engine.run import Run
from orchestrator.engine.stop_signal import StopRequested, StopSignal
from orchestrator.errors import (
    CredentialError,
    JournalWriteError,
    LaneLeased,
    LeaseLost,
    LedgerError,
    OrchestratorError,
    Refused,
)
from orchestrator.fleet.orders import ORDERED, PROGRESS, Job, Order, order_of
from orchestrator.ledger.store import Store
from orchestrator.model import CampaignKey, Record, Stop, StopReason

_LOOK_EVERY: Final = 2.0
_ORDERS_KEPT: Final = 4
_FINAL: Final = frozenset({
    StopReason.RULE, StopReason.CREDENTIAL, StopReason.LIMITED, StopReason.BREAKER, StopReason.PREFLIGHT,
    StopReason.ABORTED,
})  # fmt: skip
"""Stops after which a lane is over. After any other it goes on, here or on another worker."""


class LaneNotDone(Exception):  # noqa: N818 - a decision, not a malfunction
    """The lane is not done, and goes on in `after` seconds."""

    def __init__(self, reason: str, *, after: float) -> None:
        super().__init__(reason)
        self.after = after


@dataclass(frozen=True, slots=True)
class Work:
    """What a lane's run is made from. `subrun` names the fleet's run that it is a part of.

    `neighbours` are the account's campaigns in all waves: they may use the contact lists of this one's.
    """

    manifest: Manifest
    source: str
    environment: str | None
    sha256: str
    subrun: Mapping[str, Any]
    neighbours: Sequence[CampaignKey]
    no_wait: bool


class AssembleRun(Protocol):
    """Makes a run with its lease taken, which is released in the end."""

    def __call__(self, work: Work, stop_signal: StopSignal, /) -> AbstractAsyncContextManager[Run]:
        """The run of a piece of work."""
        ...


class LaneJobRunner:
    """Carries jobs out against one ledger."""

    def __init__(self, store: Store, assemble: AssembleRun) -> None:
        self._store = store
        self._assemble = assemble
        self._orders: dict[str, Order] = {}  # by run
        self._reading = asyncio.Lock()

    async def carry_out(self, job: Job, stop_signal: StopSignal) -> None:
        """Carry a job out, and journal that it is done. Raises LaneNotDone if it is not."""
        try:
            await self._in_ledger(self._store, job, stop_signal)
        except LaneLeased as error:
            raise LaneNotDone(error.message, after=5.0) from error
        except (JournalWriteError, LeaseLost, LedgerError) as error:
            raise LaneNotDone(error.message, after=2.0) from error

    async def _in_ledger(self, store: Store, job: Job, stop_signal: StopSignal) -> None:
        order = await self._order(store, job)
        if order.is_ended or job.number in order.lanes:
            return  # a copy of the job: an earlier worker was slow to report that it had finished
        if order.stop is not None:
            stop_signal.set(order.stop)
        # A stop that is not final is not recorded: the job goes back to the queue, and the lane goes on elsewhere.
        stop = await self._stop_of(store, order, job, stop_signal)
        if stop is not None and stop.reason not in _FINAL:
            raise LaneNotDone(stop.detail, after=1.0)
        await _record_done(store, job, stop, alone=stop_signal.stop is None)

    async def _order(self, store: Store, job: Job) -> Order:
        # Once for all lanes of a run, and in a thread: where each read thousands of campaigns in the event loop, calls
        # of the other lanes took longer than their timeouts.
        async with self._reading:
            if job.run_id not in self._orders:
                order = await asyncio.to_thread(order_of, await _read_order(store, job, ORDERED), job.run_id)
                newest = list(self._orders.items())[1 - _ORDERS_KEPT :]
                self._orders = dict([*newest, (job.run_id, order)])
            order = self._orders[job.run_id]
        return order.after(await _read_order(store, job, PROGRESS))

    async def _stop_of(self, store: Store, order: Order, job: Job, stop_signal: StopSignal) -> Stop | None:
        # 1. An abort holds for lanes that have not begun, too.
        control_state = await asyncio.to_thread(store.control_state, job.launch)
        if control_state.command is ControlCommand.ABORT:
            stop_signal.set(abort_stop(job.launch, control_state))
            return stop_signal.stop
        manifest = await asyncio.to_thread(self._manifest, store, order, job)
        if not manifest.campaigns:
            return None
        # 2. A run of the ordinary engine over this lane's part of the manifest.
        header, subrun = order.header, {PART_OF: job.run_id, "wave": job.wave, "account": job.account}
        data = header_of(header)
        work = Work(
            manifest, data["manifest"], data.get("environment"), data["manifest_sha256"], subrun,
            neighbours=order.campaigns_of(job.account), no_wait=order.waits_for_no_window,
        )  # fmt: skip
        try:
            async with self._assemble(work, stop_signal) as run, _obeying_halts(store, job, stop_signal):
                return await run.execute(await _plan(run, order, manifest))
        except CredentialError as error:
            return Stop(StopReason.CREDENTIAL, f"account {job.account}: {_with_fix(error)}")
        except Refused as error:
            return Stop(StopReason.PREFLIGHT, _with_fix(error))
        except StopRequested:
            return stop_signal.stop

    def _manifest(self, store: Store, order: Order, job: Job) -> Manifest:
        manifest = order.manifest_of(job, store.url)
        records = store.read_some(job.launch, [campaign.key for campaign in manifest.campaigns])
        return order.without_failed(manifest, store.fold(records))


async def _plan(run: Run, order: Order, manifest: Manifest) -> Plan:
    """The lane's plan; of an order that was approved, with what was edited since held. Raises as `Run.plan` does."""
    approved = order.approved
    details, nonce = (approved.has_details, approved.nonce) if approved else (False, "")
    plan = await run.plan(Choice(Selection(), order.retries_failed, details), nonce)
    recipients.check(plan, manifest)
    return held_unlike(approved, plan) if approved else plan


async def _read_order(store: Store, job: Job, kinds: tuple[str, ...]) -> list[Record]:
    read: Callable[[], list[Record]] = lambda: store.read(job.launch, campaign=f"@{job.run_id}", kinds=kinds)  # noqa: E731
    return await asyncio.to_thread(read)


async def _record_done(store: Store, job: Job, stop: Stop | None, *, alone: bool) -> None:
    """Journal that a lane is done. `alone`: what stopped it is about its account only."""
    now = await asyncio.to_thread(store.time)
    records = RunRecords(job.launch, job.run_id, lambda: now)
    record = records.lane_done(job.number, job.wave, job.account, stop, alone=alone)
    with contextlib.suppress(IntegrityError):  # another worker, which was thought dead, recorded it too
        await asyncio.to_thread(store.commit, [record], job.run_id, {}, now)


@asynccontextmanager
async def _obeying_halts(store: Store, job: Job, stop_signal: StopSignal) -> AsyncIterator[None]:
    """While the block runs, a halt in the journal stops the lane."""

    async def look() -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            with contextlib.suppress(LedgerError):  # the lane's own journal says what is wrong with the ledger
                for record in await _read_order(store, job, (HALT,)):
                    if (stop := Stop.of(record.data["stop"])) is not None:
                        stop_signal.set(stop)

    task = asyncio.create_task(look())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


def _with_fix(error: OrchestratorError) -> str:
    """The error and what to do about it, for a person who is at another machine than the worker."""
    return f"{error.message}; {error.next_step}" if error.next_step else error.message
