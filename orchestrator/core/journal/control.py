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


class Word(StrEnum):
    """What a person may say; also the kind of its record."""

    PAUSE = "pause"
    UNPAUSE = "unpause"
    ABORT = "abort"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a launch stands by people's word. No `word`: starts are permitted. `said` counts the words so far."""

    word: Word | None = None
    by: str = ""
    reason: str = ""
    at: float = 0.0
    said: int = 0

    @property
    def sentence(self) -> str:
        """`paused by ann: reason`; empty where starts are permitted."""
        if self.word is None:
            return ""
        return f"{'paused' if self.word is Word.PAUSE else 'aborted'} by {self.by}: {self.reason}"


OPEN: Final = Standing()


class LaunchHeld(Exception):  # noqa: N818 - a decision, not a malfunction
    """A permit was refused, because the launch is paused or aborted."""

    def __init__(self, standing: Standing) -> None:
        super().__init__(standing.sentence)
        self.standing = standing


def hear(standing: Standing, record: Record) -> Standing:
    """The standing after a control record. An abort stays an abort until it is lifted."""
    word, said = Word(record.kind), standing.said + 1
    if word is Word.UNPAUSE:
        return Standing(said=said)
    if word is Word.PAUSE and standing.word is Word.ABORT:
        return Standing(standing.word, standing.by, standing.reason, standing.at, said)
    return Standing(word, str(record.data.get("by", "")), str(record.data.get("reason", "")), record.at, said)


def standing_of(records: Iterable[Record]) -> Standing:
    """Where a launch stands by its journal."""
    standing = OPEN
    for record in records:
        if record.campaign == CONTROL:
            standing = hear(standing, record)
    return standing


def say(standing: Standing, launch: str, word: Word, by: str, reason: str, *, now: float, is_running: bool) -> Record:
    """The record of a word that is said now. Raises Refused where it would change nothing, or too much."""
    if word is Word.PAUSE and standing.word is Word.ABORT:
        raise Refused(f"launch {launch} is {standing.sentence}; a pause would say less", next_step=_status(launch))
    if word is Word.UNPAUSE:
        _check_unpause(standing, launch, reason, is_running=is_running)
    data = {"by": by, "reason": reason}
    return Record(launch, CONTROL, standing.said + 1, str(word), f"person:{by}", now, "", data)


def _check_unpause(standing: Standing, launch: str, reason: str, *, is_running: bool) -> None:
    if standing.word is None:
        raise Refused(f"launch {launch} is not paused", next_step=_status(launch))
    if standing.word is not Word.ABORT:
        return
    if is_running:
        # Lifted now, the abort might pass unseen between two permits of the run that it was meant for.
        raise Refused(f"launch {launch} is {standing.sentence}; its run is still ending", next_step=_status(launch))
    if not reason.strip():
        raise Refused(
            f"launch {launch} is {standing.sentence}; an abort is lifted with a reason only",
            next_step=f"python -m orchestrator unpause {launch} --reason TEXT",
        )


def _status(launch: str) -> str:
    return f"python -m orchestrator status {launch}"


def check_not_aborted(standing: Standing, launch: str) -> None:
    """Raise Refused for a run of a launch that was aborted."""
    if standing.word is Word.ABORT:
        raise Refused(
            f"launch {launch} is {standing.sentence}",
            next_step=f"python -m orchestrator unpause {launch} --reason TEXT",
        )


@dataclass(frozen=True, slots=True)
class Committed:
    """What a commit found in its own transaction: the run's lost lanes, and where each launch stands."""

    lost: frozenset[Lane] = frozenset()
    standings: Mapping[str, Standing] = field(default_factory=dict)

    def refusal(self, record: Record) -> LeaseLost | LaunchHeld | None:
        """Why an intent is not kept; None for all that is."""
        if record.kind != "intent":
            return None
        if record.lane in self.lost:
            return LeaseLost("this run's lease has ended, or another run has taken it")
        standing = self.standings.get(record.launch, OPEN)
        return None if standing.word is None else LaunchHeld(standing)

    def kept(self, records: Iterable[Record]) -> list[Record]:
        """How the records are kept: without refused intents, and with what was learned late under its own kind."""
        lines = (leases.kept(record, self.lost) for record in records if self.refusal(record) is None)
        return [line for line in lines if line is not None]
