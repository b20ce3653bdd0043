"""The manifest as frozen models, closed at every level: unknown keys are faults. `parse` builds them from a file."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, StrictBool, StrictInt, model_validator
from pydantic.dataclasses import dataclass

from orchestrator.core.manifest.rules import AccountRules, BreakerRules, OpenHours, Pass, Section, StopWhen, Wave
from orchestrator.core.manifest.values import (
    BACKOFF,
    HOST,
    LEDGER,
    RATE,
    WINDOW,
    EnvName,
    FilledText,
    Id,
    Text,
    Threshold,
    duration,
    fault,
)
from orchestrator.model import CampaignKey, CampaignType, Window

__all__ = [
    "Account", "AccountRules", "BreakerRules", "Campaign", "Defaults", "Limits", "Manifest", "OpenHours", "Pass",
    "Preflight", "Probe", "Report", "Retry", "Sandbox", "SecretRef", "StopWhen", "Threshold", "Timeouts", "Wave",
    "manifest_schema",
]  # fmt: skip

DEFAULT_RATE: Final = (Window(50, 60.0), Window(10, 10.0))

ReportFormat = Literal["json", "csv", "junit", "markdown", "html", "prometheus", "dotenv"]


def _reference(value: Any) -> Any:
    if isinstance(value, SecretRef):
        return value
    if not isinstance(value, Mapping):
        raise fault("a secret must be a reference, never the value itself", "write {env: NAME} or {file: PATH}")
    if len(value) != 1 or not value.keys() <= SecretRef.model_fields.keys():
        raise fault("a secret must be exactly one reference", "write one of {env: …}, {file: …}, {command: […]}")
    return value


class SecretRef(Section):
    """Where a secret is found: an environment variable, a file or a command's output. Exactly one is set."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    env: EnvName | None = None
    """The name of an environment variable that holds the secret."""
    file: FilledText | None = None
    """A file that holds the secret, relative to the manifest; `~` is the home directory."""
    command: Annotated[tuple[FilledText, ...], Field(min_length=1)] | None = None
    """A program and its arguments, which prints the secret within 30 seconds. No shell."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(value is not None for value in (self.env, self.file, self.command)) != 1:
            raise fault("a secret must be exactly one reference", "write one of {env: …}, {file: …}, {command: […]}")
        return self


_Secret = Annotated[SecretRef, BeforeValidator(_reference)]


class Account(Section):
    """One account of the host: its id, its credentials and its budget."""

    account_id: Id
    """The platform's id of the account: 24 hex digits, in quotes."""
    client_id: _Secret | None = None
    """The app's Client ID. With `host: sandbox` it may be left out."""
    client_secret: _Secret | None = None
    """The app's Client Secret, or the private key in PEM for RS256 and RS512."""
    algorithm: Literal["HS256", "HS512", "RS256", "RS512"] = "HS256"
    """How tokens are signed."""
    rate: Annotated[tuple[Window, ...], RATE] = Field(
        default=DEFAULT_RATE, json_schema_extra={"default": ["50/60s", "10/10s"]}
    )
    """Windows that all hold, for every call: `50/60s` is at most 50 in any 60 seconds. `unlimited`: no window."""
    in_flight: StrictInt = Field(default=8, ge=1, le=256)
    """Calls that may be unanswered at a time."""


class Defaults(Section):
    """What campaigns have that do not say otherwise."""

    account: Id | None = None
    """The account of campaigns that name none: a key of `accounts`."""
    type: CampaignType = CampaignType.SMS
    """The type of campaigns that name none."""
    window: Id | None = None
    """The window of campaigns that name none: a key of `windows`."""


def _without_default(schema: dict[str, Any]) -> None:
    del schema["default"]  # "" only says that `parse` has not filled it in


# Not a model, which takes five times the memory: there may be a million.
@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid", use_attribute_docstrings=True))
class Campaign:
    """One campaign to be started. What it does not say, it has from `defaults`."""

    stream: Id
    """The stream's id (the platform also says bot or application id)."""
    campaign: Id
    """The campaign's id."""
    account: Id = Field(default="", json_schema_extra=_without_default)
    """A key of `accounts`; left out, that of `defaults`."""
    type: CampaignType = CampaignType.SMS
    """`sms` or `voice`; left out, that of `defaults`."""
    iid: Id | None = None
    """The `iid` header, where it is not the stream's id."""
    name: Text = ""
    """For people; it stands in reports."""
    tags: tuple[Id, ...] = ()
    """Words that waves, `--select` and `--exclude` can name."""
    window: Id | None = None
    """A key of `windows`: when this campaign may be started. Left out, that of `defaults`."""
    rerun: StrictBool = False
    """Start it even if it is Completed or Stopped: the whole list is texted again."""
    enabled: StrictBool = True
    """`false` skips it."""

    @property
    def key(self) -> CampaignKey:
        """`stream/campaign`."""
        return CampaignKey(f"{self.stream}/{self.campaign}")


class Preflight(Section):
    """What is looked at before the first start. `hours`: each campaign's own calling hours too, a call each."""

    check: Literal["list", "status", "off"] = "list"
    """`list` reads 50 campaigns a call, `status` one; `off` starts without looking."""
    startable: Annotated[tuple[FilledText, ...], Field(min_length=1)] = ("Ready",)
    """States in which a campaign may be started."""
    require_dnc: StrictBool = False
    """Skip campaigns without a DNC list: the global one does not apply to SMS."""
    hours: StrictBool = False
    """Also compare each campaign's own calling hours with its window, a call each."""


class Probe(Section):
    """How long an unknown start may take to show."""

    settle: Annotated[float, duration(0, 3600)] | None = None
    """How long after a lost answer the campaign is looked at again. Left out: twice `timeouts.total`."""


class Sandbox(Section):
    """The built-in platform's behaviour."""

    faults: Literal["none", "calm", "realistic", "nasty"] = "none"
    """How bad the built-in platform's day is."""
    seed: StrictInt = 0
    """The same seed brings the same faults."""
    limit: Annotated[Window, WINDOW] | None = None
    """The built-in platform's own limit, of each account."""


class Retry(Section):
    """How often, how fast and how long a start that certainly did not happen is tried again."""

    attempts: StrictInt = Field(default=4, ge=1, le=20)
    """Attempts to start a campaign, the first one included."""
    backoff: Annotated[tuple[float, float], BACKOFF] = Field(
        default=(1.0, 60.0), json_schema_extra={"default": "1s..60s"}
    )
    """Waits between attempts are drawn at random below a ceiling, which doubles from the first to the second."""
    max_elapsed: Annotated[float, duration(0, 86400)] = 600.0
    """How long one campaign is attempted."""


class Timeouts(Section):
    """Seconds to connect, and for a whole call."""

    connect: Annotated[float, duration(0.01, 300)] = 5.0
    """How long a connection may take."""
    total: Annotated[float, duration(0.01, 3600)] = 30.0
    """How long a whole call may take. A start without an answer by then is looked for."""


class Limits(Section):
    """A cap on the starts of one run."""

    max_starts: StrictInt | None = Field(default=None, ge=1)
    """A plan with more starts is refused. `--max-starts` can only tighten it."""


class Report(Section):
    """Where reports go, and which."""

    dir: FilledText = "reports"
    """The folder for reports, relative to where the command runs; each launch has a folder in it."""
    formats: tuple[ReportFormat, ...] = ("json", "csv")
    """Reports that a run writes."""


def _version(value: Any) -> Any:
    if isinstance(value, bool):  # True == 1
        raise fault("must be 1")
    return value


class Manifest(Section):
    """One launch: what to start, where, how fast, and when to stop."""

    version: Annotated[Literal[1], BeforeValidator(_version)]
    """The version of this format."""
    launch: Id
    """The identity of the send: a campaign is never started twice within one launch."""
    host: Annotated[str, HOST]
    """`sandbox`, or the address of a Kore host. `http` is for this machine only."""
    accounts: Annotated[dict[Id, Account], Field(min_length=1)]
    """Accounts by a name of your choice."""
    defaults: Defaults = Defaults()
    """What campaigns have that do not say otherwise."""
    campaigns: tuple[Campaign, ...] = ()
    """The campaigns, in the order in which they start."""
    campaigns_from: tuple[FilledText, ...] = ()
    """CSV or JSON lines files with more campaigns, relative to the manifest."""
    preflight: Preflight = Preflight()
    """What is looked at before the first start."""
    probe: Probe = Probe()
    """How a start is looked for whose answer was lost."""
    sandbox: Sandbox = Sandbox()
    """The built-in platform's behaviour; only with `host: sandbox`."""
    windows: dict[Id, OpenHours] = Field(default={})
    """Opening hours by a name of your choice."""
    windows_wait: Annotated[float, duration(0, 7 * 86400)] = 4 * 3600.0
    """How long a run waits for windows; what opens later is held."""
    waves: tuple[Wave, ...] = ()
    """Groups that start one after the other. None: all campaigns are one."""
    retry: Retry = Retry()
    """How a start is tried again that certainly did not happen."""
    timeouts: Timeouts = Timeouts()
    """How long a call may take."""
    stop_when: StopWhen | None = None
    """When a run or an account stops itself."""
    breaker: BreakerRules = BreakerRules()
    """When an account's starts are held because they get lost."""
    approval: Literal["none", "plan"] = "none"
    """`plan`: a run needs `--approve` with the hash that `plan` prints."""
    limits: Limits = Limits()
    """Caps on one run."""
    repeat_guard: Annotated[float, duration(1, 366 * 86400)] | None = None
    """Skip what another launch of the same ledger started within this time."""
    ledger: Annotated[str, LEDGER] = "sqlite:///.orchestrator/ledger.db"
    """Where the journal is. A PostgreSQL one can be shared; a password is refused here."""
    report: Report = Report()
    """Where reports go, and which."""


def manifest_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a manifest file: what an editor completes and checks."""
    schema = Manifest.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
