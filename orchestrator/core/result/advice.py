"""What to type next about a campaign."""

from dataclasses import dataclass

from orchestrator.core.journal.control import ControlState, lifting_command
from orchestrator.core.journal.records import PlanRow, header_of
from orchestrator.core.text import command_line, manifest_words
from orchestrator.model import Outcome, Reason, Record


@dataclass(frozen=True, slots=True)
class Advice:
    """The commands to type next: to look again (at the same part or at all), to try again what failed, and to resolve.

    They name the program as `core.text.PROGRAM` does, for every reader: a result depends on its journal alone.
    """

    again: str
    of_all: str
    retry: str
    launch: str
    ledger: str

    @classmethod
    def of(cls, header: Record, control_state: ControlState) -> "Advice":
        """Advice about a run by its header."""
        data = header_of(header)
        # With the selection of this run: without it, the command would start campaigns that nobody asked for.
        words = manifest_words(data["manifest"], data.get("environment"))
        of_all = command_line("run", *words)
        again = command_line("run", *words, *data.get("options", ()))
        # A run of a paused or aborted launch starts nothing, so the pause or abort is lifted first.
        lifting = lifting_command(control_state, header.launch, data["ledger"])
        retry = f"{again} --retry-failed"
        return cls(lifting or again, lifting or of_all, lifting or retry, header.launch, data["ledger"])

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
        return self.again if outcome in {Outcome.UNKNOWN, Outcome.HELD} else None
