"""The manifest as frozen models, closed at every level. `parse` builds one, or says all that is wrong with it."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    TypeAdapter,
    model_validator,
)
from pydantic import ValidationError as _ValidationError
from pydantic_core import ErrorDetails

from orchestrator.core import manifest_checks, manifest_faults
from orchestrator.core.manifest_checks import Issue
from orchestrator.core.manifest_rules import AccountRules, BreakerRules, OpenHours, Part, Pass, StopWhen, Wave
from orchestrator.core.manifest_values import (
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
    "Account", "AccountRules", "BreakerRules", "Campaign", "Defaults", "Issue", "Limits", "Manifest", "OpenHours",
    "Pass", "Preflight", "Probe", "Report", "Retry", "Sandbox", "SecretRef", "StopWhen", "Threshold", "Timeouts",
    "Wave", "manifest_schema", "parse",
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


class SecretRef(Part):
    """Where a secret is found: an environment variable, a file or a command's output. Exactly one is set."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    env: EnvName | None = None
    file: FilledText | None = None
    command: Annotated[tuple[FilledText, ...], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(value is not None for value in (self.env, self.file, self.command)) != 1:
            raise fault("a secret must be exactly one reference", "write one of {env: …}, {file: …}, {command: […]}")
        return self


_Secret = Annotated[SecretRef, BeforeValidator(_reference)]


class Account(Part):
    """One account of the host: its id, its credentials and its budget. No windows (`rate: ()`) means unlimited."""

    account_id: Id
    client_id: _Secret | None = None
    client_secret: _Secret | None = None
    algorithm: Literal["HS256", "HS512", "RS256", "RS512"] = "HS256"
    rate: Annotated[tuple[Window, ...], RATE] = Field(
        default=DEFAULT_RATE, json_schema_extra={"default": ["50/60s", "10/10s"]}
    )
    in_flight: StrictInt = Field(default=8, ge=1, le=256)


class Defaults(Part):
    """What campaigns have that do not say otherwise."""

    account: Id | None = None
    type: CampaignType = CampaignType.SMS
    window: Id | None = None


def _without_default(schema: dict[str, Any]) -> None:
    del schema["default"]  # "" only says that `parse` has not filled it in


class Campaign(Part):
    """One campaign to be started. `parse` fills `account`, `type` and `window` in from the defaults."""

    stream: Id
    campaign: Id
    account: Id = Field(default="", json_schema_extra=_without_default)
    type: CampaignType = CampaignType.SMS
    iid: Id | None = None
    name: Text = ""
    tags: tuple[Id, ...] = ()
    window: Id | None = None
    rerun: StrictBool = False
    enabled: StrictBool = True

    @property
    def key(self) -> CampaignKey:
        """`stream/campaign`."""
        return CampaignKey(f"{self.stream}/{self.campaign}")


class Preflight(Part):
    """What is looked at before the first start. `hours`: each campaign's own calling hours too, a call each."""

    check: Literal["list", "status", "off"] = "list"
    startable: Annotated[tuple[FilledText, ...], Field(min_length=1)] = ("Ready",)
    require_dnc: StrictBool = False
    hours: StrictBool = False


class Probe(Part):
    """How long an unknown start may take to show. None: twice `timeouts.total`."""

    settle: Annotated[float, duration(0, 3600)] | None = None


class Sandbox(Part):
    """The built-in platform's behaviour."""

    faults: Literal["none", "calm", "realistic", "nasty"] = "none"
    seed: StrictInt = 0
    limit: Annotated[Window, WINDOW] | None = None


class Retry(Part):
    """How often, how fast and how long a start that certainly did not happen is tried again."""

    attempts: StrictInt = Field(default=4, ge=1, le=20)
    backoff: Annotated[tuple[float, float], BACKOFF] = Field(
        default=(1.0, 60.0), json_schema_extra={"default": "1s..60s"}
    )
    max_elapsed: Annotated[float, duration(0, 86400)] = 600.0


class Timeouts(Part):
    """Seconds to connect, and for a whole call."""

    connect: Annotated[float, duration(0.01, 300)] = 5.0
    total: Annotated[float, duration(0.01, 3600)] = 30.0


class Limits(Part):
    """A cap on the starts of one run."""

    max_starts: StrictInt | None = Field(default=None, ge=1)


class Report(Part):
    """Where reports go, and which."""

    dir: FilledText = "reports"
    formats: tuple[ReportFormat, ...] = ("json", "csv")


def _version(value: Any) -> Any:
    if isinstance(value, bool):  # True == 1
        raise fault("must be 1")
    return value


class Manifest(Part):
    """One launch: what to start, where, how fast, and when to stop."""

    version: Annotated[Literal[1], BeforeValidator(_version)]
    launch: Id
    host: Annotated[str, HOST]
    accounts: Annotated[dict[Id, Account], Field(min_length=1)]
    defaults: Defaults = Defaults()
    campaigns: tuple[Campaign, ...] = ()
    campaigns_from: tuple[FilledText, ...] = ()
    preflight: Preflight = Preflight()
    probe: Probe = Probe()
    sandbox: Sandbox = Sandbox()
    windows: dict[Id, OpenHours] = Field(default={})
    windows_wait: Annotated[float, duration(0, 7 * 86400)] = 4 * 3600.0
    waves: tuple[Wave, ...] = ()
    retry: Retry = Retry()
    timeouts: Timeouts = Timeouts()
    stop_when: StopWhen | None = None
    breaker: BreakerRules = BreakerRules()
    approval: Literal["none", "plan"] = "none"
    limits: Limits = Limits()
    repeat_guard: Annotated[float, duration(1, 366 * 86400)] | None = None
    ledger: Annotated[str, LEDGER] = "sqlite:///.orchestrator/ledger.db"
    report: Report = Report()


_PARTS: Final[Mapping[str, type[BaseModel]]] = {
    "accounts": Account, "defaults": Defaults, "campaigns": Campaign, "preflight": Preflight, "probe": Probe,
    "sandbox": Sandbox, "windows": OpenHours, "waves": Wave, "retry": Retry, "timeouts": Timeouts,
    "stop_when": StopWhen, "per_account": AccountRules, "breaker": BreakerRules, "limits": Limits, "report": Report,
    "pass": Pass,
}  # fmt: skip
_KNOWN: Final[Mapping[str, type[BaseModel]]] = {"": Manifest, **_PARTS}
_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    name: tuple(field.alias or key for key, field in part.model_fields.items()) for name, part in _KNOWN.items()
}


_TOGETHER: Final = 100
_CAMPAIGN: Final = TypeAdapter(Campaign)
_CAMPAIGNS: Final = TypeAdapter(list[Campaign])


def parse(
    raw: Mapping[str, Any], rows: Sequence[Mapping[str, Any]] = (), *, complete: bool = True
) -> tuple[Manifest | None, tuple[Issue, ...]]:
    """The manifest, or every fault of it.

    `rows` come from `campaigns_from` and are campaigns after the inline ones: a fault in row n has the path
    `("campaigns", inline + n, …)`. Not `complete`: some rows could not be read, so nothing is said about campaigns
    that are missing.
    """
    campaigns, issues = manifest_checks.gather(raw, rows)
    issues += manifest_checks.cross_check(raw, campaigns, complete=complete and not issues)
    read, found = _read_campaigns(campaigns, keep=not issues)
    issues += manifest_faults.issues(found, _KEYS)
    try:
        manifest = Manifest.model_validate({**raw, "campaigns": read}, by_name=False)
    except _ValidationError as error:
        return None, (*issues, *islice(manifest_faults.issues(error.errors(), _KEYS), manifest_checks.MAX_ISSUES))
    return (None, tuple(issues)) if issues else (manifest, ())


def _read_campaigns(rows: Sequence[Any], *, keep: bool) -> tuple[list[Campaign], list[ErrorDetails]]:
    """The campaigns, or the first thousand faults of theirs: to note a million would cost seconds and gigabytes.

    Not `keep`: they are only looked at, for the manifest is at fault already.
    """
    read: list[Campaign] = []
    found: list[ErrorDetails] = []
    for start in range(0, len(rows), _TOGETHER):
        try:
            good = _CAMPAIGNS.validate_python(rows[start : start + _TOGETHER], by_name=False)
            read += good if keep else []
        except _ValidationError:
            found += _faults_of(rows, start)
        if len(found) >= manifest_checks.MAX_ISSUES:
            break
    return ([], found) if found else (read, [])


def _faults_of(rows: Sequence[Any], start: int) -> Iterator[ErrorDetails]:
    """The faults of some rows, one row after the other."""
    for number, row in enumerate(rows[start : start + _TOGETHER], start):
        try:
            _CAMPAIGN.validate_python(row, by_name=False)
        except _ValidationError as error:
            for details in islice(error.errors(), manifest_checks.MAX_ISSUES):
                yield {**details, "loc": ("campaigns", number, *details["loc"])}


def manifest_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a manifest file: what an editor completes and checks."""
    schema = Manifest.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
