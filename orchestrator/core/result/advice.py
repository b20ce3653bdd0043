"""What to type next about a campaign."""

from dataclasses import dataclass
from typing import Final

from orchestrator.core.journal.control import ControlState, lifting_command
from orchestrator.core.journal.records import PlanRow, header_of
from orchestrator.core.rules.waves import is_short_of_starts
from orchestrator.core.text import command_line, manifest_words
from orchestrator.model import Outcome, Reason, Record, Stop, StopReason

_PLAN_OPTIONS: Final = {"plan": (), "signers": ("-o", "plan.json")}
"""By what a manifest's `approval` asks for: the options of the plan that can be approved."""


@dataclass(frozen=True, slots=True)
class Advice:
    """The commands to type next: to look again (at the same part or at all), to try again what failed, and to resolve.

    `held` is for what was held: another try of what failed, where a wave waits for that, else to look again.

    They name the program as `core.text.PROGRAM` does, for every reader: a result depends on its journal alone.
    """

    again: str
    of_all: str
    retry: str
    held: str
    launch: str
    ledger: str

    @classmethod
    def of(cls, header: Record, control_state: ControlState, stop: Stop | None) -> "Advice":
        """Advice about a run by its header, and by the stop that held what it has not started."""
        data = header_of(header)
        words, options = manifest_words(data["manifest"], data.get("environment")), list(data.get("options", ()))
        approval = data.get("approval", "")
        # A run without approval would be refused: what is next is a plan to approve.
        command = "plan" if approval else "run"
        if approval:
            options = [*(one for one in options if one != "--fleet"), *_PLAN_OPTIONS[approval]]
        # With the selection of this run: without it, the command would start campaigns that nobody asked for.
        of_all = command_line(command, *words, *_PLAN_OPTIONS.get(approval, ()))
        again = command_line(command, *words, *options)
        # A run of a paused or aborted launch starts nothing, so the pause or abort is lifted first.
        lifting = lifting_command(control_state, header.launch, data["ledger"])
        retry = f"{again} --retry-failed"
        is_short = stop is not None and stop.reason is StopReason.WAVE and is_short_of_starts(stop.detail)
        held = retry if is_short else again
        return cls(
            lifting or again, lifting or of_all, lifting or retry, lifting or held, header.launch, data["ledger"]
        )

    def about(self, outcome: Outcome, reason: Reason, row: PlanRow) -> str | None:
        """The command to type about a campaign, or two, a line each, for two answers; None if nothing is to do."""
        # No run looks for evidence of a start in a campaign that its manifest does not name, or disables.
        is_looked_at = reason is Reason.OPEN_INTENT and row.reason != Reason.DISABLED
        if outcome is Outcome.UNKNOWN and not is_looked_at:
            resolve = command_line("resolve", self.launch, row.key, ledger=self.ledger)
            return f"{resolve} --as started --reason\n{resolve} --as not-started --reason"
        if outcome is Outcome.FAILED:
            return self.retry
        if outcome is Outcome.UNKNOWN and row.reason == Reason.DESELECTED:
            return self.of_all  # the same selection would leave it out again
        if outcome is Outcome.HELD:
            return self.held if reason is Reason.STOPPED else self.again
        return self.again if outcome is Outcome.UNKNOWN else None
