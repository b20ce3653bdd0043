"""The manifest's rules about when: opening hours, waves, stop rules, the breaker."""

from datetime import date, time
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StrictInt, model_validator

from orchestrator.core.manifest.values import (
    DATE,
    HOURS,
    SHARE,
    THRESHOLD,
    ZONE,
    EnvName,
    FilledText,
    Id,
    KeyText,
    Threshold,
    duration,
    fault,
)

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class Section(BaseModel):
    """A mapping of the manifest: frozen, and closed to keys that it does not know."""

    # The texts under the fields become the schema's descriptions, and docs/reference.
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, use_attribute_docstrings=True)


class OpenHours(Section):
    """Hours in which campaigns may be started: open in every zone at once.

    `except` are dates of each zone's own calendar. Nothing is started in the last `last_start` before closing.
    """

    zones: Annotated[tuple[Annotated[str, ZONE], ...], Field(min_length=1)]
    """IANA names; the window is open when it is open in all of them."""
    hours: Annotated[tuple[time, time], HOURS]
    """From and to on each zone's clocks; `24:00` is the end of the day."""
    days: Annotated[tuple[Day, ...], Field(min_length=1)] = _DAYS
    """Days of the week."""
    except_: tuple[Annotated[date, DATE], ...] = Field(default=(), alias="except")
    """Days on which it stays closed, of each zone's own calendar."""
    last_start: Annotated[float, duration(0, 86400)] = 0.0
    """Nothing is started for so long before closing."""


class Pass(Section):
    """What must be so before the next wave opens: a share of the wave started, and a command of the user's that agrees.

    The command runs after the bake, without a shell; `env` names the variables it may see besides PATH and its like.
    """

    started: Annotated[float, SHARE] | None = None
    """The share of the wave that must be started."""
    command: Annotated[tuple[FilledText, ...], Field(min_length=1)] | None = None
    """A program and its arguments that must end with 0. No shell."""
    timeout: Annotated[float, duration(0.1, 3600)] = 60.0
    """How long the command may take."""
    env: tuple[EnvName, ...] = ()
    """Environment variables that the command may see."""

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.started is None and self.command is None:
            raise fault("must say what passes", "write {started: 100%}, {command: [./check.sh]} or both")
        return self


class Wave(Section):
    """Campaigns that go before the next wave. With neither tags nor campaigns: all that no earlier wave names."""

    name: Id
    """For people, and for the journal."""
    tags: tuple[Id, ...] = ()
    """Campaigns with one of these tags."""
    campaigns: tuple[KeyText, ...] = ()
    """Campaigns by `STREAM/CAMPAIGN`."""
    bake: Annotated[float, duration(0, 7 * 86400)] = 0.0
    """How long to wait after its last start, before `pass` is looked at and the next wave opens."""
    pass_: Pass | None = Field(default=None, alias="pass")
    """What must be so before the next wave opens."""


class AccountRules(Section):
    """Rules that end one account's lane; the others go on. A share counts from `min_sample` attempted campaigns on."""

    failed: Annotated[Threshold, THRESHOLD] | None = None
    """Stop when so many failed: a number, or a share of those attempted."""
    unknown: Annotated[Threshold, THRESHOLD] | None = None
    """Stop when so many are unknown: a number, or a share of those attempted."""
    min_sample: StrictInt = Field(default=10, ge=1)
    """Attempted campaigns from which on a share counts."""


class StopWhen(AccountRules):
    """Rules that end a run. A share counts from `min_sample` attempted campaigns on."""

    per_account: AccountRules | None = None
    """The same for each account alone: its lane ends, others go on."""


class BreakerRules(Section):
    """After `opens_after` starts in a row that got lost, an account's lane holds its starts until a read works.

    It looks every `looks_every`; where no read works for `gives_up_after`, the lane stops.
    """

    opens_after: StrictInt = Field(default=5, ge=1, le=1000)
    """Lost starts in a row."""
    looks_every: Annotated[float, duration(1, 3600)] = 30.0
    """Time between two reads that look whether the platform answers."""
    gives_up_after: Annotated[float, duration(0, 86400)] = 900.0
    """Where no read works for so long, the account stops."""
