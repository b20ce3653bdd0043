"""The order of `run --fleet`: a person's consent, the wait for its time, and the order itself."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import replace

import click

from orchestrator.app.approval import as_journaled, check_signatures
from orchestrator.app.cancellation import Interrupted
from orchestrator.app.start_time import start_of
from orchestrator.cli.run_options import Display, Observers, RunOptions, consent
from orchestrator.clock import SystemClock
from orchestrator.core.exit_codes import ExitCode, signal_code
from orchestrator.core.journal.control import check_not_aborted
from orchestrator.core.manifest.start_times import StartTime
from orchestrator.core.plan.approval import check_not_too_late
from orchestrator.core.plan.approvers import Approved, Signature
from orchestrator.core.plan.plan import Plan
from orchestrator.core.text import command_line
from orchestrator.engine.stop_signal import StopSignal
from orchestrator.errors import OrchestratorError
from orchestrator.fleet.ordering import Request, candidates, order_launch
from orchestrator.fleet.orders import Order
from orchestrator.ledger.store import Store
from orchestrator.loading.manifest_file import LoadedManifest
from orchestrator.model import Home, Stop

_Ask = Callable[[Plan], Approved]


class Detached(OrchestratorError):  # noqa: N818 - a decision, not a malfunction
    """A signal ended the watching; the workers go on."""

    def __init__(self, stop: Stop | None, words: Sequence[str]) -> None:
        detail = stop.detail if stop is not None else "stopped"
        super().__init__(f"{detail}: the workers go on with the launch",
                         next_step=command_line("run", *words, "--fleet"))  # fmt: skip
        self.exit_code = signal_code(stop) or ExitCode.SIGINT  # type: ignore[misc]


async def place_order(
    store: Store,
    loaded: LoadedManifest,
    options: RunOptions,
    observers: Observers,
    stop_signal: StopSignal,
    *,
    unattended: AbstractAsyncContextManager[None],
) -> Order:
    """Give the order, once it may be carried out. In threads: a database on the network may keep one waiting.

    `unattended` is around all that comes after a wait for the time.

    Raises Interrupted, LedgerError, NothingSelected and Refused; no worker has it then.
    """
    consent = await asyncio.to_thread(as_journaled, options.consent, store, loaded.manifest.launch)
    options = replace(options, consent=consent)
    request = Request(
        loaded.manifest, loaded.source_name, loaded.environment, loaded.sha256, lambda: [loaded.raw, *loaded.rows],
        options.choice, options.no_wait, options.consent.max_starts, loaded.warnings, options.consent.proposal,
    )  # fmt: skip
    start, clock = start_of(loaded.manifest, options.at), await asyncio.to_thread(SystemClock, store.time)
    begins = max(clock.now(), start.at) if start is not None else clock.now()
    check_not_too_late(loaded.manifest, begins)
    signatures = await asyncio.to_thread(check_signatures, loaded, options.consent, begins)
    ask = _question(loaded, options, stop_signal, store, signatures)
    async with AsyncExitStack() as stack:
        if start is not None and clock.now() < start.at:
            # A person is asked before the wait: nobody may be there after it.
            ask = await asyncio.to_thread(_agreed, store, request, ask)
            await stack.enter_async_context(unattended)
            await _wait(store, loaded, start, Display(options, observers, stop_signal), clock)
            clock = await asyncio.to_thread(SystemClock, store.time)
            # Once more: a key may have been revoked meanwhile.
            await asyncio.to_thread(check_signatures, loaded, options.consent, clock.now())
        order, is_new = await asyncio.to_thread(order_launch, store, clock, request, ask)
    # The command was given again, perhaps because its first watcher was lost.
    if not is_new:
        click.echo(f"run {order.header.run_id} is already in progress: watching it", err=True)
    return order


def _question(
    loaded: LoadedManifest,
    options: RunOptions,
    stop_signal: StopSignal,
    store: Store,
    signatures: tuple[Signature, ...],
) -> _Ask:
    """Asks for consent, from any thread: the terminal and the signals belong to the event loop's."""
    loop = asyncio.get_running_loop()

    async def ask(plan: Plan) -> Approved:
        if stop_signal.stop is not None:
            raise Interrupted(stop_signal.stop)
        approved = options.consent.approved(plan, options.consent.proposal, signatures, store.time())
        return await consent(loaded.manifest, plan, stop_signal, options, store=store, approved=approved)

    return lambda plan: asyncio.run_coroutine_threadsafe(ask(plan), loop).result()


def _agreed(store: Store, request: Request, ask: _Ask) -> _Ask:
    """Ask now. What it returns gives the same answer for the same plan, and asks again for another."""
    # Known from now on: people can pause or abort what waits.
    store.bind_launch(request.manifest.launch, Home(request.manifest.host, request.environment), store.time())
    check_not_aborted(store.control_state(request.manifest.launch), request.manifest.launch, store.url)
    agreed = candidates(store, request)
    approved = ask(agreed)
    return lambda plan: approved if plan.sha256 == agreed.sha256 else ask(plan)


async def _wait(store: Store, loaded: LoadedManifest, start: StartTime, display: Display, clock: SystemClock) -> None:
    display.begin(loaded.manifest, {}, clock)
    await display.wait(loaded.manifest, start, store)
    display.end()
