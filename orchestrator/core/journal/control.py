"""What people say of a launch while it runs, and what follows for a permit (design section 6)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from orchestrator.core.journal import lease as leases
from orchestrator.errors import LeaseLost, Refused
from orchestrator.model import Lane, Record

CONTROL: Final = "@launch"
"""The `campaign` of a control record: it is about the launch as a whole."""


class ControlCommand(StrEnum):
    """What a person may say; also the kind of its record."""

    PAUSE = "pause"
    UNPAUSE = "unpause"
    ABORT = "abort"


@dataclass(frozen=True, slots=True)
class ControlState:
    """Where a launch stands by people's word. No `word`: starts are permitted. `said` counts the words so far."""

    word: ControlCommand | None = None
    by: str = ""
    reason: str = ""
    at: float = 0.0
    said: int = 0

    @property
    def sentence(self) -> str:
        """`paused by ann: reason`; empty where starts are permitted."""
        if self.word is None:
            return ""
        return f"{'paused' if self.word is ControlCommand.PAUSE else 'aborted'} by {self.by}: {self.reason}"


OPEN: Final = ControlState()


class LaunchHeld(Exception):  # noqa: N818 - a decision, not a malfunction
    """A permit was refused, because the launch is paused or aborted."""

    def __init__(self, control_state: ControlState) -> None:
        super().__init__(control_state.sentence)
        self.control_state = control_state


def hear(control_state: ControlState, record: Record) -> ControlState:
    """The standing after a control record. An abort stays an abort until it is lifted."""
    word, said = ControlCommand(record.kind), control_state.said + 1
    if word is ControlCommand.UNPAUSE:
        return ControlState(said=said)
    if word is ControlCommand.PAUSE and control_state.word is ControlCommand.ABORT:
        return ControlState(control_state.word, control_state.by, control_state.reason, control_state.at, said)
    return ControlState(word, str(record.data.get("by", "")), str(record.data.get("reason", "")), record.at, said)


def control_state_of(records: Iterable[Record]) -> ControlState:
    """Where a launch stands by its journal."""
    control_state = OPEN
    for record in records:
        if record.campaign == CONTROL:
            control_state = hear(control_state, record)
    return control_state


def say(
    control_state: ControlState,
    launch: str,
    word: ControlCommand,
    by: str,
    reason: str,
    *,
    now: float,
    is_running: bool,
) -> Record:
    """The record of a word that is said now. Raises Refused where it would change nothing, or too much."""
    if word is ControlCommand.PAUSE and control_state.word is ControlCommand.ABORT:
        raise Refused(f"launch {launch} is {control_state.sentence}; a pause would say less", next_step=_status(launch))
    if word is ControlCommand.UNPAUSE:
        _check_unpause(control_state, launch, reason, is_running=is_running)
    data = {"by": by, "reason": reason}
    return Record(launch, CONTROL, control_state.said + 1, str(word), f"person:{by}", now, "", data)


def _check_unpause(control_state: ControlState, launch: str, reason: str, *, is_running: bool) -> None:
    if control_state.word is None:
        raise Refused(f"launch {launch} is not paused", next_step=_status(launch))
    if control_state.word is not ControlCommand.ABORT:
        return
    if is_running:
        # Lifted now, the abort might pass unseen between two permits of the run that it was meant for.
        raise Refused(
            f"launch {launch} is {control_state.sentence}; its run is still ending", next_step=_status(launch)
        )
    if not reason.strip():
        raise Refused(
            f"launch {launch} is {control_state.sentence}; an abort is lifted with a reason only",
            next_step=f"python -m orchestrator unpause {launch} --reason TEXT",
        )


def _status(launch: str) -> str:
    return f"python -m orchestrator status {launch}"


def check_not_aborted(control_state: ControlState, launch: str) -> None:
    """Raise Refused for a run of a launch that was aborted."""
    if control_state.word is ControlCommand.ABORT:
        raise Refused(
            f"launch {launch} is {control_state.sentence}",
            next_step=f"python -m orchestrator unpause {launch} --reason TEXT",
        )


@dataclass(frozen=True, slots=True)
class Committed:
    """What a commit found in its own transaction: the run's lost lanes, and where each launch stands."""

    lost: frozenset[Lane] = frozenset()
    control_states: Mapping[str, ControlState] = field(default_factory=dict)

    def refusal(self, record: Record) -> LeaseLost | LaunchHeld | None:
        """Why an intent is not kept; None for all that is."""
        if record.kind != "intent":
            return None
        if record.lane in self.lost:
            return LeaseLost("this run's lease has ended, or another run has taken it")
        control_state = self.control_states.get(record.launch, OPEN)
        return None if control_state.word is None else LaunchHeld(control_state)

    def kept(self, records: Iterable[Record]) -> list[Record]:
        """How the records are kept: without refused intents, and with what was learned late under its own kind."""
        lines = (leases.kept(record, self.lost) for record in records if self.refusal(record) is None)
        return [line for line in lines if line is not None]
