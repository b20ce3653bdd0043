"""`run --fleet`: submit a launch to the workers, and watch it."""

import asyncio
import signal
import sys
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

import click

from orchestrator.app import journal_reader as journals
from orchestrator.app.command_checks import CommandChecks
from orchestrator.app.open_run import SANDBOX
from orchestrator.cli.reporting import write_reports
from orchestrator.cli.run_local import SIGNALS, Observers, RunOptions, wants_bars
from orchestrator.clock import SystemClock
from orchestrator.console.confirm import ask
from orchestrator.console.logs import LogObserver, set_up
from orchestrator.console.progress import ProgressObserver, shown
from orchestrator.core.events import EVENTS_VERSION
from orchestrator.core.journal.control import check_not_aborted
from orchestrator.core.journal.states import fold
from orchestrator.core.journal.subruns import headers
from orchestrator.core.plan import plan as plans
from orchestrator.core.plan.plan import Action, Plan, check_cap
from orchestrator.core.result.build import Result
from orchestrator.engine.stop_signal import StopRequested, StopSignal
from orchestrator.errors import NothingSelected, OrchestratorError, Refused
from orchestrator.fleet import queue
from orchestrator.fleet.orders import Job, Order, order_of, records_of
from orchestrator.fleet.submit import Submission
from orchestrator.fleet.tail import Tail
from orchestrator.ledger.store import Store
from orchestrator.loading.manifest_file import LoadedManifest, load_manifest
from orchestrator.model import Record, Stop, StopReason
from orchestrator.ports import Checks, Observer
from orchestrator.redaction import Redactor

_SUPERSEDED: Final = Stop(StopReason.CRASHED, "it was ordered anew, with another manifest or another selection")


class Detached(OrchestratorError):  # noqa: N818 - a decision, not a malfunction
    """A signal ended the watching; the workers go on."""

    def __init__(self, stop: Stop, source: str) -> None:
        super().__init__(f"{stop.detail}: the launch goes on at the workers",
                         next_step=f"python -m orchestrator run {source} --fleet")  # fmt: skip
        self.exit_code = SIGNALS[signal.Signals[str(stop.reason)]]  # type: ignore[misc]


async def run_fleet(path: Path, options: RunOptions, watching: Iterable[Observer] = ()) -> Result:
    """Submit a launch and watch it until every lane is done. Raises OrchestratorError; here nothing is ever sent."""
    loaded, stop_signal, observers = load_manifest(path), StopSignal(), Observers(*watching)
    redactor = Redactor()
    set_up(options.log_format, redactor, verbose=options.verbose)
    if not wants_bars(options):
        observers.members.append(LogObserver())
    _check(loaded)
    with _signals(stop_signal):
        store = await asyncio.to_thread(Store.open, loaded.manifest.ledger)
        try:
            clock = await asyncio.to_thread(SystemClock, store.time)
            order = await asyncio.to_thread(_ordered, store, clock, loaded, options)
            checks = CommandChecks(path.parent, redactor)
            await _watched(store, clock, order, stop_signal, checks, observers=observers, options=options)
            result = await asyncio.to_thread(journals.result, store, loaded.manifest.launch, order.header.run_id)
            write_reports(result, store.stream(loaded.manifest.launch), loaded.manifest.report, options.ci)
        except StopRequested:
            raise _detached(stop_signal, loaded) from None
        finally:
            store.close()
    return result


def _detached(stop_signal: StopSignal, loaded: LoadedManifest) -> Detached:
    return Detached(stop_signal.stop or Stop(StopReason.SIGINT, "stopped"), loaded.source_name)


def _check(loaded: LoadedManifest) -> None:
    if loaded.manifest.host == SANDBOX:
        raise Refused(
            "host: sandbox lives within one process, and a fleet is many",
            next_step="python -m orchestrator sandbox, and name its address as host",
        )
    if loaded.manifest.approval == "plan":
        raise Refused(
            "approval: plan is for one plan made from the live state, and with --fleet each worker makes its own",
            next_step="run without --fleet, or take approval out",
        )


def _ordered(store: Store, clock: SystemClock, loaded: LoadedManifest, options: RunOptions) -> Order:
    """The order that is being carried out, or a new one."""
    manifest, choice = loaded.manifest, options.choice
    terms = {"retry_failed": choice.retry_failed, "select": [list(term) for term in choice.selection.select],
             "exclude": [list(term) for term in choice.selection.exclude], "no_wait": options.no_wait}  # fmt: skip
    store.bind_launch(manifest.launch, manifest.host, clock.now())
    check_not_aborted(store.control_state(manifest.launch), manifest.launch)
    records = store.read(manifest.launch)
    for header in (h for h in headers(records) if "fleet" in h.data):
        if any(r.kind == "end" and r.campaign == header.campaign for r in records):
            continue
        if (header.data["manifest_sha256"], header.data["fleet"]) == (loaded.sha256, terms):
            click.echo(f"run {header.run_id} is on its way: watching it", err=True)
            return order_of(records, header.run_id)
        ending: dict[str, Any] = {"stop": _SUPERSEDED.as_json(), "budget": {}, "waves": []}
        end = Record(header.launch, header.campaign, 0, "end", header.run_id, clock.now(), "", ending)
        store.commit([end], header.run_id, {}, clock.now())
    return _new_order(store, clock, loaded, options, terms)


def _new_order(
    store: Store, clock: SystemClock, loaded: LoadedManifest, options: RunOptions, terms: dict[str, object]
) -> Order:
    manifest = loaded.manifest
    plan = _candidates(store, loaded, options)
    check_cap(plan, manifest.limits.max_starts, options.max_starts)
    ask(manifest, plan, yes=options.yes)
    run_id = f"r-{uuid.uuid4().hex[:12]}"
    data = {
        "manifest": loaded.source_name, "manifest_sha256": loaded.sha256, "plan_sha256": plan.sha256,
        "host": manifest.host, "ledger": manifest.ledger, "warnings": [],
        "limits": {name: [str(w) for w in account.rate] for name, account in manifest.accounts.items()}, "fleet": terms,
    }  # fmt: skip
    header = Record(manifest.launch, f"@{run_id}", 0, "run", run_id, clock.now(), "", data)
    records = records_of(header, plan, loaded.raw, loaded.rows)
    store.commit(records, run_id, {}, clock.now())
    return order_of(records, run_id)


def _candidates(store: Store, loaded: LoadedManifest, options: RunOptions) -> Plan:
    """The plan as far as manifest and journal decide it: the live state is looked at by the workers."""
    manifest, choice = loaded.manifest, options.choice
    histories = fold(store.read(manifest.launch))
    if not any(choice.selection.matches(c, histories.get(c.key)) for c in manifest.campaigns):
        raise NothingSelected("the selection matches no campaign")
    blind = manifest.model_copy(update={"preflight": manifest.preflight.model_copy(update={"check": "off"})})
    return plans.build(blind, histories, {}, choice.selection, manifest_sha256=loaded.sha256,
                       retry_failed=choice.retry_failed)  # fmt: skip


async def _watched(
    store: Store,
    clock: SystemClock,
    order: Order,
    stop_signal: StopSignal,
    checks: Checks,
    *,
    observers: Observers,
    options: RunOptions,
) -> None:
    async def never(_: Job) -> None:
        raise AssertionError("this process takes no job")

    actions = Counter(row.action for row in order.rows)
    observers.event(
        "run_started", events_version=EVENTS_VERSION, launch=order.header.launch, run_id=order.header.run_id,
        starts=actions[Action.START], judgements=actions[Action.JUDGE], skips=actions[Action.SKIP],
    )  # fmt: skip
    async with _progress(order, clock, observers, options), queue.opened(order.manifest.ledger, never) as app:
        tail = Tail(store, order, observers)
        stop = await Submission(app, store, order, clock, observers, stop_signal, tail, checks).carry_out()
    observers.event("run_finished", run_id=order.header.run_id, stop=stop.detail if stop else None)


@asynccontextmanager
async def _progress(order: Order, clock: SystemClock, observers: Observers, options: RunOptions) -> AsyncIterator[None]:
    if options.log_format == "json":
        yield
        return
    manifest = order.manifest
    names = {str(plans.lane_of(manifest, name)): name for name in manifest.accounts}
    wanted = Counter((row.wave, row.account) for row in order.rows if row.action != Action.SKIP)
    expected: Counter[str] = Counter()
    for (_, account), count in wanted.items():
        expected[str(plans.lane_of(manifest, account))] += count
    progress = ProgressObserver(expected, clock)
    observers.members.append(progress)
    async with shown(progress, sys.stderr, names, bars=wants_bars(options)):
        yield


@contextmanager
def _signals(stop_signal: StopSignal) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        stop = Stop(StopReason(number.name), f"{number.name} received")
        loop.add_signal_handler(number, stop_signal.set, stop)
    try:
        yield
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
