"""What the engine needs of the world. Real parts and fakes run the same contract tests."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from orchestrator.core.attempt.permit import Permit
from orchestrator.core.journal.control import ControlState
from orchestrator.core.manifest.models import Pass
from orchestrator.model import CallTarget, Fault, Lane, PosixSeconds, Read, Record, Reply

Check = Callable[[], str | None]
"""Asked right before the first byte of a call: a text forbids it, and says why."""


class Clock(Protocol):
    """The one source of time."""

    def now(self) -> PosixSeconds:
        """POSIX seconds that never jump: set once, then advanced by a monotonic clock."""
        ...


class TokenSource(Protocol):
    """Where a client's tokens come from."""

    def mint(self, account_id: str) -> str:
        """A fresh token for an account. Raises CredentialError."""
        ...


class CampaignApi(Protocol):
    """The remote API. A reply, or a fault that says how far the bytes got; no exception of the HTTP library.

    Where `check` forbids a call, its answer is a Fault with `withheld`.
    """

    async def start(self, target: CallTarget, permit: Permit, *, check: Check) -> Reply | Fault:
        """Send one start and use the permit up. `check` is asked right before the first byte: a text forbids it."""
        ...

    async def stop(self, target: CallTarget, *, check: Check | None = None) -> Reply | Fault:
        """Send `trigger=stop`. It is not an undo: messages that went out stay out. `check` as for a start."""
        ...

    async def list(self, target: CallTarget, page: int, *, is_ordered: bool = True, check: Check | None = None) -> Read:
        """One page, from 1, of the stream's campaigns of the target's type. `check` as for a start.

        `is_ordered` asks for the oldest first, so that a new campaign cannot shift the pages.
        """
        ...

    async def status(self, target: CallTarget, *, check: Check | None = None) -> Read:
        """The state of one campaign. `check` as for a start."""
        ...

    async def get(self, target: CallTarget, *, check: Check | None = None) -> Read:
        """All that the platform has of one campaign, its calling hours too. `check` as for a start."""
        ...

    async def contact_lists(self, target: CallTarget, *, check: Check | None = None) -> Read:
        """All contact lists of the target's stream, in one call. `check` as for a start."""
        ...


class Journal(Protocol):
    """The append-only record of one run, whose leases its writer keeps."""

    async def permit(self, intent: Record) -> Permit:
        """Commit the intent, then grant. Raises LeaseLost, LaunchHeld, JournalWriteError; then nothing may be sent."""
        ...

    async def control_state(self, launch: str) -> ControlState:
        """Whether a launch is paused or aborted.

        Raises LedgerError if that cannot be read now, JournalWriteError if nothing can be journaled any more.
        """
        ...

    def record(self, record: Record) -> asyncio.Future[None]:
        """Commit the record, whether or not the future is awaited; it raises JournalWriteError."""
        ...

    def holds(self, lane: Lane) -> bool:
        """Whether, as far as is known here, the run holds the lane now, so that it may make calls there."""
        ...


class Checks(Protocol):
    """Runs the user's checks (`pass.command`)."""

    async def run(self, check: Pass, facts: Mapping[str, str]) -> str | None:
        """Run the command. Why it did not pass, in words; None if it did.

        The command sees `facts` as ORCHESTRATOR_… and the variables that the check names; cancelling ends it.
        """
        ...


class Observer(Protocol):
    """Watches a run, and never changes its course."""

    def event(self, name: str, **fields: Any) -> None:
        """Something happened; names and fields are those of `core.events`."""
        ...
