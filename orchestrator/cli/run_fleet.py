"""`run --fleet`: submit a launch to the workers, and watch it."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

from orchestrator.app.command_checks import CommandChecks
from orchestrator.app.notifier import Notifier, telling
from orchestrator.app.refusal_notice import telling_refusal
from orchestrator.app.run import after_starts, watched_result
from orchestrator.cli.fleet_order import Detached, place_order
from orchestrator.cli.run_end import RunEnd
from orchestrator.cli.run_options import Display, Observers, RunOptions
from orchestrator.clock import SystemClock
from orchestrator.console.logs import LogObserver, set_up
from orchestrator.console.progress import Phase
from orchestrator.console.signals import handled
from orchestrator.core.result.types import Result
from orchestrator.engine.stop_signal import StopRequested, StopSignal
from orchestrator.fleet.ordering import check_request
from orchestrator.fleet.orders import Order
from orchestrator.fleet.submit import check_queue, watch
from orchestrator.ledger.store import Store
from orchestrator.loading.manifest_file import load_manifest
from orchestrator.ports import Checks, Clock, Observer
from orchestrator.redaction import Redactor


async def run_fleet(path: Path, options: RunOptions, end: RunEnd, watching: Iterable[Observer] = ()) -> Result:
    """Submit a launch and watch it until every lane is done. Raises OrchestratorError; nothing is sent from here."""
    loaded = load_manifest(path, options.environment)
    stop_signal, observers, redactor = StopSignal(), Observers(*watching), Redactor()
    set_up(options.log_format, redactor, verbose=options.verbose)
    end.reads(loaded.manifest)
    if not options.wants_bars:
        observers.members.append(LogObserver())
    check_request(loaded.manifest)
    # A signal ends the watching alone: the workers carry on.
    with handled(stop_signal.set):
        # 1. The order. In threads: a database on the network may keep one waiting.
        store = await asyncio.to_thread(Store.open, loaded.manifest.ledger)
        if store.made:
            observers.event("ledger_created", ledger=store.made)
        try:
            await check_queue(loaded.manifest.ledger)
            notifier = await Notifier.of(loaded, redactor, observers)
            unattended = telling_refusal(notifier, loaded)
            order = await place_order(store, loaded, options, observers, stop_signal, unattended=unattended)
            end.begins(order.header.run_id, lambda: True)  # workers may send as from now
            clock = await asyncio.to_thread(SystemClock, store.time)
            # 2. Watch it, then report as any run does.
            checks = CommandChecks(path.parent, redactor)
            with after_starts(loaded.manifest.launch, store.url):
                run_id = order.header.run_id
                async with telling(notifier, loaded, run_id, store, clock):
                    display = Display(options, observers, stop_signal)
                    await _watch(store, clock, order, stop_signal, checks, observer=notifier, display=display)
                    result = await notifier.finished(await watched_result(store, order.header.launch, run_id))
                end.report(result, store.stream(loaded.manifest.launch))
        except StopRequested:
            raise Detached(stop_signal.stop, loaded.words) from None
        finally:
            store.close()
    return result


async def _watch(
    store: Store,
    clock: Clock,
    order: Order,
    stop_signal: StopSignal,
    checks: Checks,
    *,
    observer: Observer,
    display: Display,
) -> None:
    names = {str(lane): name for name, lane in order.lane_of_account.items()}
    display.begin(order.manifest, names, clock)
    display.plan({str(lane): count for lane, count in order.expected().items()})
    async with display.showing(Phase.STARTS):
        await watch(store, order, clock, observer, stop_signal=stop_signal, checks=checks)
