"""What a run in this process and one at the workers share: options, observers, a person's consent, progress."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from orchestrator.app.approval import Consent
from orchestrator.app.cancellation import Interrupted
from orchestrator.console.confirm import confirm
from orchestrator.console.progress import ProgressObserver, shown
from orchestrator.console.terminal import has_bars
from orchestrator.core.manifest.models import Manifest
from orchestrator.core.plan.plan import Plan
from orchestrator.core.plan.selection import Choice
from orchestrator.engine.stop_signal import StopSignal
from orchestrator.errors import Refused
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
    log_format: str = "text"
    verbose: bool = False
    ci: System = System.NONE

    @property
    def wants_bars(self) -> bool:
        """Whether progress is drawn as bars: at a terminal, unless its lines are wanted."""
        return self.log_format == "text" and not self.verbose and has_bars(sys.stderr, os.environ)


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


async def consent(manifest: Manifest, plan: Plan, stop_signal: StopSignal, options: RunOptions) -> None:
    """A person's consent at a terminal. Raises Refused without it, Interrupted where a signal ended the question."""
    try:
        # A hash that a person approved says as much as an answer, where none can be given.
        is_approved = options.reads_stdin and options.consent.approve is not None
        confirm(manifest, plan, yes=options.yes or is_approved, reads_stdin=options.reads_stdin)
    except Refused:
        await asyncio.sleep(0)  # the event loop, which the question held up, learns of the signal now
        if stop_signal.stop is not None:
            raise Interrupted(stop_signal.stop) from None
        raise


@asynccontextmanager
async def show_progress(
    expected: Mapping[str, int], names: Mapping[str, str], clock: Clock, observers: Observers, options: RunOptions
) -> AsyncIterator[None]:
    """Show a run's progress while the block runs. `expected` campaigns and account `names` are by lane."""
    # Nothing but JSON lines: a progress line among them would break their reader.
    if options.log_format == "json":
        yield
        return
    progress = ProgressObserver(expected, clock)
    observers.members.append(progress)
    async with shown(progress, sys.stderr, names, bars=options.wants_bars):
        yield
