"""The mark of a run that waits for its time: it shows people who waits, and keeps nobody from anything."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from orchestrator.core.manifest.start_times import StartTime
from orchestrator.core.text import duration, timestamp
from orchestrator.model import PosixSeconds

WAITER: Final = "w-"
"""The beginning of the id under which a run waits. It is no run yet: that gets an id once its time has come."""

SHOW_SECONDS: Final = 10.0
"""Seconds after which a waiting run renews its mark, which ages as a lease does."""


@dataclass(frozen=True, slots=True)
class Wait:
    """A process that waits until `start`. Times are POSIX seconds; `read_at` is when the mark was read.

    `is_live`: it was seen so lately that it may still wait.
    """

    launch: str
    start: StartTime
    machine: str
    pid: int
    since: PosixSeconds
    seen: PosixSeconds
    read_at: PosixSeconds
    is_live: bool

    @property
    def sentence(self) -> str:
        """Until when it waits, where, and since when, in one line that stays true while it waits."""
        return self._said("")

    @property
    def words(self) -> str:
        """The same, with how long that is from when it was read."""
        left = self.start.at - self.read_at
        return self._said(f", {duration(left)} to go" if left > 0 else "")

    def _said(self, left: str) -> str:
        until, process = self.start.words(), f"pid {self.pid} on {self.machine}"
        if self.is_live:
            return f"a run waits until {until}{left}: {process}, since {_minute(self.since)}"
        return f"the run that waited until {until} is gone: {process} was last seen {_minute(self.seen)}; run it again"

    def as_json(self) -> dict[str, Any]:
        """For a machine."""
        return {
            "until": timestamp(self.start.at), "zone": self.start.zone, "machine": self.machine, "pid": self.pid,
            "since": timestamp(self.since), "seen": timestamp(self.seen), "is_live": self.is_live,
        }  # fmt: skip


def _minute(at: PosixSeconds) -> str:
    return f"{timestamp(at)[:16].replace('T', ' ')} UTC"


def current(waits: Collection[Wait], launch: str, run_began: str | None) -> tuple[Wait, ...]:
    """The waits of a launch that a person has to know: those that go on, else those that ended without a run.

    `run_began` is when its newest run began (RFC 3339), None if it has none.
    """
    own = sorted((wait for wait in waits if wait.launch == launch), key=lambda wait: (wait.start.at, wait.since))
    live = tuple(wait for wait in own if wait.is_live)
    return live or tuple(wait for wait in own if run_began is None or timestamp(wait.seen) > run_began)
