"""A run from manifest to reports: what `run` and `plan` do."""

import asyncio
import json
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import click

from orchestrator.cli import journal as journals
from orchestrator.cli.session import SANDBOX, Opened, opened
from orchestrator.console.logs import LogObserver
from orchestrator.console.progress import ProgressObserver, shown
from orchestrator.core.manifest import Manifest
from orchestrator.core.outcome import State
from orchestrator.core.plan import Action, Plan, check_cap
from orchestrator.core.result import Result
from orchestrator.core.selection import Choice, Selection, parse_terms
from orchestrator.engine.halt import Halt, Halted
from orchestrator.engine.session import Session
from orchestrator.errors import JournalWriteError, LedgerError, OrchestratorError, Refused
from orchestrator.inputs.load import load_manifest
from orchestrator.model import Record, Stop, StopReason
from orchestrator.ports import Observer
from orchestrator.report.files import write

SIGNALS: Final = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
_SHORTEST_HASH: Final = 8


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line says about a run. `approve` is the beginning of a plan's hash."""

    choice: Choice
    approve: str | None = None
    yes: bool = False
    log_format: str = "text"
    verbose: bool = False


class Interrupted(OrchestratorError):  # noqa: N818 - a decision, not a malfunction
    """A signal came before the first start."""

    def __init__(self, stop: Stop) -> None:
        super().__init__(f"{stop.detail} before the first start; no start was sent", next_step="run again")
        self.exit_code = SIGNALS[signal.Signals[str(stop.reason)]]  # type: ignore[misc]


class Observers:
    """Several observers as one; some join later."""

    def __init__(self, *members: Observer) -> None:
        self.members = list(members)

    def event(self, name: str, **fields: Any) -> None:
        """Tell everybody."""
        for member in self.members:
            member.event(name, **fields)


def choose(select: tuple[str, ...], exclude: tuple[str, ...], *, retry_failed: bool) -> Choice:
    """The choice that the options make. Raises click.UsageError for a term that is none."""
    try:
        return Choice(Selection(parse_terms(select), parse_terms(exclude)), retry_failed)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def approval_of(approve: str | None, plan_file: Path | None) -> str | None:
    """The hash that the run's plan must have. Raises click.UsageError."""
    if plan_file is not None:
        try:
            approve = str(json.loads(plan_file.read_text(encoding="utf-8"))["plan_sha256"])
        except (ValueError, KeyError, TypeError) as error:
            raise click.UsageError(f"{plan_file} is no plan; make one with: plan -o FILE") from error
    if approve is not None and len(approve) < _SHORTEST_HASH:
        raise click.UsageError(f"--approve needs at least {_SHORTEST_HASH} characters of the plan's hash")
    return approve


async def make_plan(path: Path, choice: Choice) -> Plan:
    """The plan as it would be run now. Sends no start."""
    halt = Halt()
    with _signals(halt, None):
        async with opened(load_manifest(path), Observers(), halt, log_format="text", verbose=False) as run:
            return await _planned(run.session, choice)


async def run_launch(path: Path, options: RunOptions) -> Result:
    """Carry a manifest out and write its reports. Raises OrchestratorError only where no start was sent."""
    loaded = load_manifest(path)
    observers, halt = Observers(), Halt()
    # From here on a signal is an orderly stop, even while there is nothing to stop yet.
    with _signals(halt, asyncio.current_task()):
        async with opened(loaded, observers, halt, log_format=options.log_format, verbose=options.verbose) as run:
            if not has_bars(options):
                observers.members.append(LogObserver())
            plan = await _planned(run.session, options.choice)
            _permit(run, plan, options)
            if options.choice.retry_failed:
                _say_retries(run.session, plan)
            await _carry_out(run.session, plan, observers, options)
            return _finish(run)


def has_bars(options: RunOptions) -> bool:
    """Whether progress is drawn as bars: at a terminal, unless its lines are wanted."""
    return sys.stderr.isatty() and options.log_format == "text" and not options.verbose


async def _planned(session: Session, choice: Choice) -> Plan:
    try:
        return await session.plan(choice)
    except Halted:
        stop = session.context.halt.stop
        if stop is None:
            raise
        raise Interrupted(stop) from None


def _permit(run: Opened, plan: Plan, options: RunOptions) -> None:
    """Everything that may forbid the run once its plan is known. Raises Refused."""
    manifest, name = run.loaded.manifest, run.loaded.source_name
    starts = plan.count(Action.START)
    check_cap(plan, manifest.limits.max_starts)
    if manifest.approval == "plan" and options.approve is None:
        raise Refused(
            "approval: plan needs --approve with the plan's hash",
            next_step=f"python -m orchestrator run {name} --approve {plan.sha256[:16]}",
        )
    if options.approve is not None and not plan.sha256.startswith(options.approve.lower()):
        raise Refused(
            f"the plan has changed: it is {plan.sha256[:16]}, approved was {options.approve[:16]}",
            next_step=f"python -m orchestrator plan {name}",
        )
    if starts and manifest.host != SANDBOX and not options.yes and sys.stdin.isatty() and sys.stderr.isatty():
        ask(manifest, plan)


def _say_retries(session: Session, plan: Plan) -> None:
    """Per campaign that failed or is unknown: whether it is sent again, and why."""
    for entry in plan.entries:
        history = session.context.histories.get(entry.key)
        if history is None or history.state not in {State.FAILED, State.UNKNOWN}:
            continue
        is_sent = entry.decision.action is Action.START
        why = f"certainly not started ({history.last.get('message', '')})" if is_sent else entry.decision.message
        click.echo(f"{'retry' if is_sent else 'no retry'}: {entry.key}: {why}", err=True)


def ask(manifest: Manifest, plan: Plan) -> None:
    """Let a person type the launch's name. Raises Refused for anything else."""
    launch, host = manifest.launch, manifest.host
    click.echo(f"{plan.count(Action.START)} campaigns will be started on {host}. It cannot be undone.", err=True)
    for warning in plan.warnings:
        click.echo(f"warning: {warning}", err=True)
    # The loop's own handler would only take note: Ctrl-C must end the question, too.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        answer = click.prompt(f"Type {launch} to go on", default="", show_default=False, err=True)
    except click.Abort:
        answer = ""
    finally:
        signal.signal(signal.SIGINT, handler)
    if answer.strip() != launch:
        raise Refused("not confirmed", next_step="run again and type the launch's name")


async def _carry_out(session: Session, plan: Plan, observers: Observers, options: RunOptions) -> None:
    context = session.context
    observers.event(
        "run_started", launch=context.launch, run_id=context.run_id, starts=plan.count(Action.START),
        judgements=plan.count(Action.JUDGE), skips=plan.count(Action.SKIP),
    )  # fmt: skip
    async with _progress(session, plan, observers, options):
        try:
            await session.carry_out(plan)
        except JournalWriteError as error:
            raise LedgerError(error.message, next_step=error.next_step) from error
    stop = context.halt.stop
    observers.event("run_finished", run_id=context.run_id, stop=stop.detail if stop else None)


@asynccontextmanager
async def _progress(session: Session, plan: Plan, observers: Observers, options: RunOptions) -> AsyncIterator[None]:
    if options.log_format == "json":
        yield
        return
    expected = Counter(str(entry.target.lane) for entry in plan.entries if entry.decision.action is not Action.SKIP)
    progress = ProgressObserver(expected, session.context.clock)
    observers.members.append(progress)
    names = {str(lane): runner.account for lane, runner in session.lanes.items()}
    async with shown(progress, sys.stderr, names, bars=has_bars(options)):
        yield


def _finish(run: Opened) -> Result:
    """The result from the journal; what the journal could not take goes to stderr. Writes the reports."""
    context, manifest = run.session.context, run.loaded.manifest
    _save(context.unrecorded)
    try:
        result = journals.result(run.store.read(context.launch), manifest.ledger, context.run_id)
    except LedgerError as error:
        # Not 8: that would say that nothing was sent.
        raise JournalWriteError(error.message, next_step=f"python -m orchestrator report {context.launch}") from error
    stop = context.halt.stop
    if stop is not None and stop.reason is StopReason.JOURNAL:
        result.run.update(exit_code=13, stop={"reason": str(stop.reason), "detail": stop.detail})
    write_reports(result, manifest)
    return result


def write_reports(result: Result, manifest: Manifest) -> None:
    """Write the reports that the manifest asks for, and say where they are."""
    launch = result.run["launch"]
    try:
        for path in write(result, Path(manifest.report.dir), manifest.report.formats):
            click.echo(f"report: {path}", err=True)
    except OSError as error:
        click.echo(f"cannot write the reports to {manifest.report.dir}: {error.strerror}; the journal has all of it\n"
                   f"next: python -m orchestrator report {launch} --dir DIR", err=True)  # fmt: skip


def _save(records: list[Record]) -> None:
    """The last resort against losing a record: JSON lines on stderr."""
    for record in records:
        click.echo(json.dumps({"unrecorded": asdict(record)}), err=True)


@contextmanager
def _signals(halt: Halt, task: "asyncio.Task[Any] | None") -> Iterator[None]:
    """A first signal stops new starts; a second one cuts the wait for what is in flight."""
    loop = asyncio.get_running_loop()
    seen: list[signal.Signals] = []

    def on_signal(received: signal.Signals) -> None:
        seen.append(received)
        if len(seen) == 1:
            halt.set(Stop(StopReason(received.name), f"{received.name} received"))
            click.echo(f"{received.name}: no new start; waiting for calls in flight (again to stop waiting)", err=True)
        elif task is not None:
            task.cancel()

    for number in SIGNALS:
        loop.add_signal_handler(number, on_signal, number)
    try:
        yield
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
