"""What the engine needs of the world. Real parts and fakes run the same contract tests."""

from collections.abc import Callable
from typing import Any, Protocol

from orchestrator.core.control import Standing
from orchestrator.core.permit import Permit
from orchestrator.model import CallTarget, Fault, Lane, Read, Record, Reply


class Clock(Protocol):
    """The one source of time."""

    def now(self) -> float:
        """POSIX seconds that never jump: set once, then advanced by a monotonic clock."""
        ...


class CampaignApi(Protocol):
    """The remote API. A reply, or a fault that says how far the bytes got; no exception of the HTTP library."""

    async def start(self, target: CallTarget, permit: Permit, *, check: Callable[[], str | None]) -> Reply | Fault:
        """Send one start and use the permit up. `check` is asked right before the first byte: a text forbids it."""
        ...

    async def stop(self, target: CallTarget) -> Reply | Fault:
        """Send `trigger=stop`. It is not an undo: messages that went out stay out."""
        ...

    async def list(self, target: CallTarget, page: int) -> Read:
        """One page, from 1, of the stream's campaigns of the target's type."""
        ...

    async def status(self, target: CallTarget) -> Read:
        """The state of one campaign."""
        ...


class Journal(Protocol):
    """The append-only record of one run, whose leases its writer keeps."""

    async def permit(self, intent: Record) -> Permit:
        """Commit the intent, then grant. Raises LeaseLost, LaunchHeld, JournalWriteError; then nothing may be sent."""
        ...

    async def standing(self, launch: str) -> Standing:
        """Where a launch stands by people's word. Raises JournalWriteError where the ledger cannot be read."""
        ...

    async def record(self, record: Record) -> None:
        """Commit the record. Raises JournalWriteError."""
        ...

    def holds(self, lane: Lane) -> bool:
        """Whether, as far as is known here, the run holds the lane now: it may make calls there."""
        ...


class Observer(Protocol):
    """Anybody who watches. An observer never changes the course of a run."""

    def event(self, name: str, **fields: Any) -> None:
        """Something of a stable name happened."""
        ...
