"""Pause, unpause and abort: a person's commands to a running launch, and the permits that they refuse."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from orchestrator.core.journal import lease as leases
from orchestrator.core.text import DEFAULT_LEDGER, command_line
from orchestrator.errors import LeaseLost, Refused
from orchestrator.model import Lane, PosixSeconds, Record

CONTROL: Final = "@launch"
"""The `campaign` of a control record, which is about the launch as a whole."""


class ControlCommand(StrEnum):
    """A person's command to a launch; also the kind of its record."""

    PAUSE = "pause"
    UNPAUSE = "unpause"
    ABORT = "abort"


_COMMANDS: Final = frozenset(map(str, ControlCommand))


@dataclass(frozen=True, slots=True)
class ControlState:
    """The command in force for a launch; `command` is None where starts are permitted.

    `by` and `reason` are that command's, `at` is its time in POSIX seconds. `number` counts all commands so far: of two
    states of a launch, the one with the higher number is the newer.
    """

    command: ControlCommand | None = None
    by: str = ""
    reason: str = ""
    at: PosixSeconds = PosixSeconds(0.0)
    number: int = 0

    @property
    def sentence(self) -> str:
        """`paused by ann: reason`; empty where starts are permitted."""
        if self.command is None:
            return ""
        return f"{'paused' if self.command is ControlCommand.PAUSE else 'aborted'} by {self.by}: {self.reason}"


OPEN: Final = ControlState()


class LaunchHeld(Exception):  # noqa: N818 - a decision, not a malfunction
    """A permit was refused, because the launch is paused or aborted."""

    def __init__(self, control_state: ControlState) -> None:
        super().__init__(control_state.sentence)
        self.control_state = control_state


def apply(control_state: ControlState, record: Record) -> ControlState:
    """The state after a control record. An abort stays in force until it is lifted.

    A record of another kind, as a later version may write it, commands nothing.
    """
    if record.kind not in _COMMANDS:
        return control_state
    command, number = ControlCommand(record.kind), control_state.number + 1
    if command is ControlCommand.UNPAUSE:
        return ControlState(number=number)
    # A pause by somebody who has not seen the abort must not weaken it.
    if command is ControlCommand.PAUSE and control_state.command is ControlCommand.ABORT:
        return replace(control_state, number=number)
    return ControlState(command, str(record.data.get("by", "")), str(record.data.get("reason", "")), record.at, number)


def control_state_of(records: Iterable[Record]) -> ControlState:
    """The command in force for a launch, by its journal. Records of other kinds are passed over."""
    control_state = OPEN
    for record in records:
        if record.campaign == CONTROL:
            control_state = apply(control_state, record)
    return control_state


def command_record(
    control_state: ControlState,
    launch: str,
    command: ControlCommand,
    by: str,
    reason: str,
    *,
    now: PosixSeconds,
    is_running: bool,
    ledger: str = DEFAULT_LEDGER,
) -> Record:
    """The record of a command given at `now` (POSIX seconds).

    Raises Refused if the command would change nothing, or is not safe. `is_running`: the launch has a live run.
    """
    if command is ControlCommand.PAUSE and control_state.command is ControlCommand.ABORT:
        raise Refused(
            f"launch {launch} is already {control_state.sentence}; it cannot be paused",
            next_step=command_line("status", launch, ledger=ledger),
        )
    if command is ControlCommand.UNPAUSE:
        _check_unpause(control_state, launch, reason, ledger, is_running=is_running)
    data = {"by": by, "reason": reason}
    return Record(launch, CONTROL, control_state.number + 1, str(command), f"person:{by}", now, "", data)


def _check_unpause(control_state: ControlState, launch: str, reason: str, ledger: str, *, is_running: bool) -> None:
    if control_state.command is None:
        raise Refused(f"launch {launch} is not paused", next_step=command_line("status", launch, ledger=ledger))
    if control_state.command is not ControlCommand.ABORT:
        return
    if is_running:
        # If the abort were lifted now, the run that it stops might get its next permit without ever seeing the abort.
        raise Refused(
            f"launch {launch} is {control_state.sentence}; its run is still ending",
            next_step=command_line("status", launch, ledger=ledger),
        )
    if not reason.strip():
        raise Refused(
            f"launch {launch} is {control_state.sentence}; lifting an abort needs a reason",
            next_step=lifting_command(control_state, launch, ledger),
        )


def lifting_command(control_state: ControlState, launch: str, ledger: str) -> str:
    """The command that lifts a pause or an abort; empty where starts are permitted."""
    if control_state.command is None:
        return ""
    reason = " --reason" if control_state.command is ControlCommand.ABORT else ""  # a pause is lifted without
    return command_line("unpause", launch, ledger=ledger) + reason


def check_not_aborted(control_state: ControlState, launch: str, ledger: str = DEFAULT_LEDGER) -> None:
    """Raise Refused for a run of a launch that was aborted."""
    if control_state.command is ControlCommand.ABORT:
        lifting = lifting_command(control_state, launch, ledger)
        raise Refused(f"launch {launch} is {control_state.sentence}", next_step=lifting)


@dataclass(frozen=True, slots=True)
class Committed:
    """What a commit found in its own transaction: the run's lost lanes, and the command in force for each launch."""

    lost: frozenset[Lane] = frozenset()
    control_states: Mapping[str, ControlState] = field(default_factory=dict)

    def refusal(self, record: Record) -> LeaseLost | LaunchHeld | None:
        """Why an intent is not stored; None for every record that is."""
        if record.kind != "intent":
            return None
        # Check the lease first: without it, another run may be sending for this account.
        if record.lane in self.lost:
            return LeaseLost("this run's lease has ended, or another run has taken it")
        control_state = self.control_states.get(record.launch, OPEN)
        return None if control_state.command is None else LaunchHeld(control_state)

    def kept(self, records: Iterable[Record]) -> list[Record]:
        """The records as they are stored: without refused intents; those of lost lanes as kind `late_...`."""
        lines = (leases.kept(record, self.lost) for record in records if self.refusal(record) is None)
        return [line for line in lines if line is not None]
