"""The sections that decide when a start may leave: windows, waves, stop rules, the circuit breaker."""

from datetime import date, time
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StrictInt, model_validator

from orchestrator.core.manifest.values import (
    DATE,
    HOURS,
    SHARE,
    THRESHOLD,
    ZONE,
    Command,
    EnvName,
    Id,
    KeyText,
    Threshold,
    duration,
    fault,
)
from orchestrator.core.manifest.words import DAYS, TAGS, TAGS_SCHEMA, WEEKDAYS


class Section(BaseModel):
    """A mapping of the manifest: frozen, and closed to unknown keys."""

    # The texts under the fields become the descriptions in schema/ and docs/reference.
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class OpenHours(Section):
    """Hours in which campaigns may start. The window is open when it is open in all of its time zones."""

    zones: Annotated[tuple[Annotated[str, ZONE], ...], Field(min_length=1)]
    """Time zones by their IANA names. Fixed offsets such as `EST` are refused: they know no summer time."""
    hours: Annotated[tuple[time, time], HOURS]
    """Opening and closing time in each zone. `24:00` is the end of the day."""
    days: Annotated[tuple[str, ...], WEEKDAYS] = DAYS
    """The days of the week on which it opens; `mon-fri` is a range."""
    except_: tuple[Annotated[date, DATE], ...] = Field(default=(), alias="except")
    """Dates on which it stays closed, in each zone's calendar."""
    last_start: Annotated[float, duration(0, 86400)] = 0.0
    """The time before closing in which nothing starts."""


class Pass(Section):
    """What a wave needs before the next one opens: shares of it, a command that exits with 0, or both."""

    started: Annotated[float, SHARE] | None = None
    """The share of the wave's campaigns that must be started."""
    completed: Annotated[float, SHARE] | None = None
    """The share of its started campaigns that must be Completed. The run reads them, after the bake, until they are."""
    sent: Annotated[float, SHARE] | None = None
    """The share of their recipients who must be sent to. Where they are unknown, only Completed campaigns count."""
    within: Annotated[float, duration(60, 30 * 86400)] = 6 * 3600.0
    """The longest wait for `completed` and `sent`, counted from the end of the bake."""
    command: Command | None = None
    """A program and its arguments. It runs after the bake, without a shell, and must exit with 0."""
    timeout: Annotated[float, duration(0.1, 3600)] = 60.0
    """The longest time of the command."""
    env: tuple[EnvName, ...] = ()
    """Environment variables that the command gets besides `PATH` and the like."""

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.started is None and self.command is None and not self.waits_for_delivery:
            raise fault("must name a condition", "write {started: 100%}, {completed: 100%} or {command: [./check.sh]}")
        return self

    @property
    def waits_for_delivery(self) -> bool:
        """Whether what was started must have got somewhere."""
        return self.completed is not None or self.sent is not None


class Wave(Section):
    """Campaigns that start before the next wave. Without `tags` and `campaigns`: all that no earlier wave takes."""

    name: Id
    """A name for people and for the journal."""
    tags: Annotated[tuple[Id, ...], TAGS, TAGS_SCHEMA] = ()
    """Campaigns with one of these tags: a list, or one text with spaces, commas or semicolons between them."""
    campaigns: tuple[KeyText, ...] = ()
    """Campaigns by `STREAM/CAMPAIGN`."""
    bake: Annotated[float, duration(0, 7 * 86400)] = 0.0
    """The wait after its last start, before `pass` is checked and the next wave opens."""
    pass_: Pass | None = Field(default=None, alias="pass")
    """Conditions for the next wave to open."""


class AccountRules(Section):
    """Rules that stop one account; the others continue."""

    failed: Annotated[Threshold, THRESHOLD] | None = None
    """Stop at this number of failed campaigns, or at this share of the attempted ones."""
    unknown: Annotated[Threshold, THRESHOLD] | None = None
    """Stop at this number of unknown campaigns, or at this share of the attempted ones."""
    min_sample: StrictInt = Field(default=10, ge=1)
    """Shares apply after this number of campaigns was attempted."""


class StopWhen(AccountRules):
    """Rules that stop a run."""

    per_account: AccountRules | None = None
    """The same rules for each account by itself: it stops, and the others continue."""


class BreakerRules(Section):
    """The circuit breaker: after lost starts in a row an account pauses, tries a read at intervals, and gives up."""

    opens_after: StrictInt = Field(default=5, ge=1, le=1000)
    """The number of lost starts in a row after which the account pauses."""
    looks_every: Annotated[float, duration(1, 3600)] = 30.0
    """The time between two reads that test whether the platform answers."""
    gives_up_after: Annotated[float, duration(0, 86400)] = 900.0
    """The account stops when no read has worked for this time."""
