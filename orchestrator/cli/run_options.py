"""What a run in this process and one at the workers share: options, observers, a person's consent, progress."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from orchestrator.app.approval import Consent, read_plan, read_signatures
from orchestrator.app.cancellation import Interrupted
from orchestrator.app.start_time import wait_without_lease
from orchestrator.console.confirm import confirm, has_terminal
from orchestrator.console.live import Notices, shown
from orchestrator.console.live_words import stopping, waiting_words
from orchestrator.console.progress import Phase, ProgressObserver
from orchestrator.console.terminal import has_bars
from orchestrator.core.gauge import RunGauge
from orchestrator.core.manifest.models import Manifest
from orchestrator.core.manifest.start_times import StartTime
from orchestrator.core.plan.approvers import NOT_ASKED, Approved
from orchestrator.core.plan.plan import Plan
from orchestrator.core.plan.selection import Choice
from orchestrator.engine.stop_signal import StopSignal
from orchestrator.errors import Refused
from orchestrator.ledger.store import Store
from orchestrator.model import Stop
from orchestrator.ports import Clock, Observer
from orchestrator.report.ci import System


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The options of a run."""

    choice: Choice
    consent: Consent
    environment: str | None = None
    yes: bool = False
    reads_stdin: bool = False
    no_wait: bool = False
    at: StartTime | None = None
    follows: bool = False
    log_format: str = "text"
    verbose: bool = False
    ci: System = System.NONE

    def check_fleet(self) -> None:
        """Raise click.UsageError where workers cannot do what is asked for."""
        given = self.consent
        if given.approve is not None or (given.proposal is not None and not given.signatures):
            raise click.UsageError(
                "with --fleet the workers make the plan, so there is none to --approve before. With signers, give "
                "--plan and --approval"
            )
        if self.follows:
            raise click.UsageError("--follow does not work with --fleet: run `follow LAUNCH` when the launch has ended")
        if given.max_recipients is not None:
            raise click.UsageError(
                "with --fleet each worker plans a part of the launch, and none of them can check --max-recipients"
            )

    @property
    def wants_bars(self) -> bool:
        """Whether progress is drawn as bars: at a terminal, unless its lines are wanted."""
        return self.log_format == "text" and not self.verbose and has_bars(sys.stderr, os.environ)


def consent_of(
    approve: str | None,
    plan_file: Path | None,
    approvals: tuple[Path, ...],
    max_starts: int | None,
    max_recipients: int | None,
    *,
    new_ledger: bool,
) -> Consent:
    """What the options agree to. Raises click.UsageError where they do not go together, PlanInvalid for no plan."""
    if approvals and plan_file is None:
        raise click.UsageError("--approval is a signature over a plan's file: name that file with --plan")
    proposal = read_plan(plan_file) if plan_file is not None else None
    signatures = read_signatures(approvals)
    try:
        return Consent(approve, proposal, signatures, max_starts, new_ledger or has_terminal(), max_recipients)
    except ValueError as error:
        raise click.UsageError(f"--approve: {error}") from error


class Observers:
    """Several observers as one; some join later."""

    def __init__(self, *members: Observer) -> None:
        self.members = list(members)

    def event(self, name: str, **fields: Any) -> None:
        """Pass the event to all."""
        for member in self.members:
            try:
                member.event(name, **fields)
            except Exception as error:  # noqa: BLE001 - raised through the engine, it would end a lane in a start
                sys.excepthook(type(error), error, error.__traceback__)


async def consent(
    manifest: Manifest,
    plan: Plan,
    stop_signal: StopSignal,
    options: RunOptions,
    *,
    store: Store,
    approved: Approved = NOT_ASKED,
) -> Approved:
    """A person's consent at a terminal, added to how the plan was approved. `store` is the run's ledger.

    Raises Refused without it, Interrupted where a signal ended the question.
    """
    try:
        # A plan that a person approved says as much as an answer, where none can be given.
        is_approved = options.reads_stdin and bool(options.consent.approve or options.consent.signatures)
        is_asked = not is_approved or options.yes
        answer = confirm(
            manifest, plan, yes=options.yes, reads_stdin=options.reads_stdin,
            ledger=store.place, knows_starts=store.has_starts, approved=approved,
            now=store.time, at=options.at,
        ) if is_asked else ""  # fmt: skip
        return replace(approved, words="; ".join(filter(None, [approved.words, answer])))
    except Refused:
        await asyncio.sleep(0)  # the event loop, which the question held up, learns of the signal now
        if stop_signal.stop is not None:
            raise Interrupted(stop_signal.stop) from None
        raise


class Display:
    """What a person sees of a run while it goes on, from the first read to the last report."""

    def __init__(self, options: RunOptions, observers: Observers, stop_signal: StopSignal) -> None:
        self._options = options
        self._observers = observers
        self._stop_signal = stop_signal
        self._progress: ProgressObserver | None = None
        self._shown: list[Observer] = []

    def begin(
        self,
        manifest: Manifest,
        names: Mapping[str, str],
        clock: Clock,
        gauge: Callable[[], RunGauge] = RunGauge,
    ) -> None:
        """The run is known: from now on its events count. `names` are the accounts' by lane.

        Called again after a run has waited for its time: it begins anew.
        """
        zones = {name: hours.zones[0] for name, hours in manifest.windows.items()}
        self._progress = ProgressObserver(
            manifest.launch, names, clock,
            zones=zones, patience=manifest.timeouts.total, gauge=gauge, stop=lambda: self._stop_signal.stop,
        )  # fmt: skip
        # At a terminal the view takes the place of the log.
        self.end()
        self._shown = [self._progress, *([Notices(self._progress)] * self._options.wants_bars)]
        self._observers.members += self._shown

    def end(self) -> None:
        """Its events no longer count: another display begins."""
        self._observers.members[:] = [one for one in self._observers.members if one not in self._shown]

    def plan(self, expected: Mapping[str, int]) -> None:
        """The plan is made: `expected` campaigns by lane are to get an outcome."""
        if self._progress is not None:
            self._progress.begin(expected)

    @asynccontextmanager
    async def showing(self, phase: Phase) -> AsyncIterator[None]:
        """Show a phase of the run while the block runs."""
        # Nothing but JSON lines: a progress line among them would break their reader.
        if self._progress is None or self._options.log_format == "json":
            yield
            return
        self._progress.phase = phase
        async with shown(self._progress, sys.stderr, bars=self._options.wants_bars,
                         can_stop_waiting=lambda: self._stop_signal.can_stop_waiting):  # fmt: skip
            yield

    async def wait(self, manifest: Manifest, start: StartTime, ledger: Store | None = None) -> None:
        """Wait for the time of a run, in sight. `ledger` is the open one. Raises Interrupted, Refused, LedgerError."""
        if self._progress is not None and self._options.log_format == "text" and not self._options.wants_bars:
            words = waiting_words(start, self._progress.now())
            click.echo(f"waits until {words}; nothing is started, and no account is held", err=True)
        async with self.showing(Phase.WAITING):
            await wait_without_lease(manifest, start, self._stop_signal, self._observers, ledger=ledger)

    def stopping(self, received: Stop) -> str:
        """What is awaited once a signal has come, in a sentence."""
        if self._progress is None:
            return f"{received.reason}: no new start"
        return stopping(self._progress, can_stop_waiting=self._stop_signal.can_stop_waiting)
