"""The manifest as frozen models, closed at every level: unknown keys are faults. `parse` builds them from a file."""

from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, ConfigDict, Field, StrictBool, StrictInt
from pydantic.dataclasses import dataclass

from orchestrator.core.manifest.links import Links
from orchestrator.core.manifest.notify import MAX_ENTRIES, Notify
from orchestrator.core.manifest.rules import AccountRules, BreakerRules, OpenHours, Pass, Section, StopWhen, Wave
from orchestrator.core.manifest.secret_ref import Secret, SecretRef
from orchestrator.core.manifest.signers import Approval, Signers
from orchestrator.core.manifest.start_times import START_TIME, StartTime
from orchestrator.core.manifest.values import (
    BACKOFF,
    HOST,
    LEDGER,
    RATE,
    RERUN,
    WINDOW,
    FilledText,
    Id,
    PathText,
    Rerun,
    Text,
    Threshold,
    duration,
    fault,
)
from orchestrator.core.manifest.words import TAGS, TAGS_SCHEMA, TYPE_SCHEMA
from orchestrator.core.text import DEFAULT_LEDGER
from orchestrator.model import CampaignKey, CampaignType, Window

__all__ = [
    "Account", "AccountRules", "BreakerRules", "Campaign", "Defaults", "Limits", "Manifest", "Notify", "OpenHours",
    "Pass", "Preflight", "Probe", "Report", "Retry", "Sandbox", "SecretRef", "Signers", "StopWhen", "Threshold",
    "Timeouts",
    "Wave",
]  # fmt: skip

DEFAULT_RATE: Final = (Window(50, 60.0), Window(10, 10.0))

ReportFormat = Literal["json", "csv", "junit", "markdown", "html", "prometheus", "dotenv"]


class Account(Section):
    """One account of the host: its id, its credentials and its rate limit."""

    account_id: Id
    """The platform's id of the account: 24 hex digits, in quotes."""
    client_id: Secret | None = None
    """The app's Client ID. Optional with `host: sandbox`."""
    client_secret: Secret | None = None
    """The app's Client Secret; for RS256 and RS512, the private key in PEM. Optional with `host: sandbox`."""
    algorithm: Literal["HS256", "HS512", "RS256", "RS512"] = "HS256"
    """The algorithm that signs tokens."""
    rate: Annotated[tuple[Window, ...], RATE] = Field(
        default=DEFAULT_RATE, json_schema_extra={"default": ["50/60s", "10/10s"]}
    )
    """Limits for all calls, which apply together: `50/60s` is at most 50 in any 60 seconds. `unlimited` sets none."""
    in_flight: StrictInt = Field(default=8, ge=1, le=256)
    """The largest number of calls that wait for an answer at a time."""
    messages_per_minute: StrictInt | None = Field(default=None, ge=1)
    """The platform's setting Total Messages Per Minute: with it, `plan` forecasts when texting ends. All of the
    account's campaigns share it."""


class Defaults(Section):
    """Values for campaigns that do not set their own."""

    account: Id | None = None
    """The account of campaigns that name none: a key of `accounts`."""
    type: Annotated[CampaignType, TYPE_SCHEMA] = CampaignType.SMS
    """The type of campaigns that name none."""
    window: Id | None = None
    """The window of campaigns that name none: a key of `windows`."""


def _without_default(schema: dict[str, Any]) -> None:
    del schema["default"]  # "" is only a mark for the checks: neither the row nor the defaults name an account


# A dataclass with slots: a model takes five times the memory, and there may be a million campaigns.
@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class Campaign:
    """One campaign to start. Values that it leaves out come from `defaults`."""

    stream: Id
    """The stream's id, which the platform also calls bot or application id."""
    campaign: Id
    """The campaign's id."""
    account: Id = Field(default="", json_schema_extra=_without_default)
    """A key of `accounts`. Left out: the account of `defaults`."""
    type: Annotated[CampaignType, TYPE_SCHEMA] = CampaignType.SMS
    """`sms` or `voice`. Left out: the type of `defaults`."""
    iid: Id | None = None
    """The value of the `iid` header, if it is not the stream's id."""
    name: Text = ""
    """A name for people, shown in reports."""
    tags: Annotated[tuple[Id, ...], TAGS, TAGS_SCHEMA] = ()
    """Labels for `waves`, `--select` and `--exclude`: a list, or one text with spaces, commas or semicolons between."""
    window: Id | None = None
    """A key of `windows`: the hours in which the campaign may start. Left out: the window of `defaults`."""
    rerun: Annotated[bool | Rerun, RERUN] = False
    """Starts it even if it is Completed or Stopped: the whole list gets the message again. With an instance, only while
    that is its last one."""
    enabled: StrictBool = True
    """`false` skips it."""

    @property
    def key(self) -> CampaignKey:
        """`stream/campaign`."""
        return CampaignKey(f"{self.stream}/{self.campaign}")

    @property
    def instance(self) -> str | None:
        """The instance after which alone it may start; None: its `rerun` names none."""
        return self.rerun.instance if isinstance(self.rerun, Rerun) else None


NOTES: Final = ("status", "contact_lists", "instance_id", "updated_at")
"""Columns that a CSV file may have beside a campaign's: what the platform said when `discover` wrote it. Never read."""


class Preflight(Section):
    """Checks before the first start."""

    check: Literal["list", "status", "off"] = "list"
    """`list` reads 50 campaigns per call, or one if cheaper; `status` reads one; `off` starts without a check."""
    startable: Annotated[tuple[FilledText, ...], Field(min_length=1)] = ("Ready",)
    """States in which a campaign may be started."""
    require_dnc: StrictBool = False
    """`true` skips campaigns without a DNC list; the global DNC list does not apply to SMS."""
    hours: StrictBool = False
    """`true` also compares each campaign's own calling hours with its window, at one call per campaign at most."""
    lists: Literal["warn", "refuse"] = "warn"
    """`refuse` starts nothing if a contact list is empty, not Ready or Validated, or not among its stream's."""
    names: Literal["warn", "match"] = "warn"
    """`match` starts nothing if a campaign's `name` is another one on the platform."""


class Probe(Section):
    """How a start without an answer is looked up."""

    settle: Annotated[float, duration(0, 3600)] | None = None
    """The time from a lost answer to the last look at the campaign. Left out: twice `timeouts.total`."""


class Sandbox(Section):
    """The behavior of the built-in platform."""

    faults: Literal["none", "calm", "realistic", "nasty"] = "none"
    """The faults that the built-in platform simulates."""
    seed: StrictInt = 0
    """The seed of the faults: the same seed gives the same faults."""
    limit: Annotated[Window, WINDOW] | None = None
    """The built-in platform's own rate limit per account."""


class Retry(Section):
    """How a start is tried again that was certainly not delivered."""

    attempts: StrictInt = Field(default=4, ge=1, le=20)
    """The largest number of attempts per campaign, the first one included."""
    backoff: Annotated[tuple[float, float], BACKOFF] = Field(
        default=(1.0, 60.0), json_schema_extra={"default": "1s..60s"}
    )
    """The wait before another attempt is random, up to a limit that doubles from the first value to the second."""
    max_elapsed: Annotated[float, duration(0, 86400)] = 600.0
    """The time after which a campaign is not tried again."""


class Timeouts(Section):
    """Time limits of a call."""

    connect: Annotated[float, duration(0.01, 300)] = 5.0
    """The longest time to connect."""
    total: Annotated[float, duration(0.01, 3600)] = 30.0
    """The longest time of a whole call. A start without an answer by then is looked up, never sent again."""


class Limits(Section):
    """Limits of one run."""

    max_starts: StrictInt | None = Field(default=None, ge=1)
    """A plan with more starts is refused. `--max-starts` can only lower it."""
    max_recipients: StrictInt | None = Field(default=None, ge=1)
    """A plan that texts more people, or a number that is unknown, is refused. `--max-recipients` can only lower it."""


class Report(Section):
    """Reports: their folder and formats."""

    dir: PathText = "reports"
    """The folder of the reports, with a folder for each launch, and in it for each environment. The default lies beside
    the default ledger's folder."""
    formats: tuple[ReportFormat, ...] = ("json", "csv")
    """The formats that a run writes."""

    @property
    def chosen_dir(self) -> str | None:
        """The folder, if the manifest names one."""
        return self.dir if "dir" in self.model_fields_set else None


def _version(value: Any) -> Any:
    if isinstance(value, bool):  # True == 1
        raise fault("must be 1")
    return value


class Manifest(Section):
    """One launch: what to start, where, how fast, and when to stop."""

    version: Annotated[Literal[1], BeforeValidator(_version)]
    """The version of this format."""
    launch: Id
    """The identity of the send: within a launch, a campaign is never started twice."""
    host: Annotated[str, HOST]
    """`sandbox`, or the address of a Kore host. `http` is for this machine only."""
    accounts: Annotated[dict[Id, Account], Field(min_length=1)]
    """Accounts, by names of your choice."""
    defaults: Defaults = Defaults()
    """Values for campaigns that do not set their own."""
    campaigns: tuple[Campaign, ...] = ()
    """The campaigns, in the order in which they start."""
    campaigns_from: tuple[PathText, ...] = ()
    """Files with more campaigns, relative to the manifest; `~` is the home directory. CSV, JSON lines, or sheets of
    Excel workbooks (extra `xlsx`): `list.xlsx` is the first visible sheet, `list.xlsx#May` the sheet `May`."""
    preflight: Preflight = Preflight()
    """Checks before the first start."""
    probe: Probe = Probe()
    """How a start without an answer is looked up."""
    sandbox: Sandbox = Sandbox()
    """The behavior of the built-in platform. Only with `host: sandbox`."""
    windows: dict[Id, OpenHours] = Field(default={})
    """Hours in which campaigns may start, by names of your choice."""
    windows_wait: Annotated[float, duration(0, 7 * 86400)] = 4 * 3600.0
    """The longest time that a run waits for a window to open. Campaigns whose window opens later are held."""
    not_before: Annotated[StartTime, START_TIME] | None = None
    """The time before which nothing starts: a run waits for it. Local time with its zone, or a text with an offset."""
    not_after: Annotated[StartTime, START_TIME] | None = None
    """The time from which on nothing starts: a run is refused then, and what has not started by then is held."""
    same_list: Literal["hold", "sequence", "warn"] = "hold"
    """Campaigns that share a contact list, which the platform cannot run at the same time: `hold` starts the first
    and holds the others, `sequence` waits in the run until the first is over, `warn` starts them all."""
    same_list_wait: Annotated[float, duration(0, 7 * 86400)] = 4 * 3600.0
    """The longest time that a campaign waits for its contact lists with `same_list: sequence`; then it is held."""
    waves: tuple[Wave, ...] = ()
    """Groups of campaigns that start one after the other. Left out: all campaigns are one group."""
    retry: Retry = Retry()
    """How a start is tried again that was certainly not delivered."""
    timeouts: Timeouts = Timeouts()
    """Time limits of a call."""
    connections: StrictInt = Field(default=100, ge=1, le=10_000)
    """The largest number of connections at a time, for all accounts together. Fewer where the process may not open
    twice as many files. A worker has its own number: `worker --connections`."""
    stop_when: StopWhen | None = None
    """Rules that stop a run, or one account, early."""
    breaker: BreakerRules = BreakerRules()
    """The circuit breaker: it pauses an account whose starts get lost."""
    approval: Approval = "none"
    """`plan`: a run needs `--approve` with the hash that `plan` prints. `{signers: FILE}`: it needs `--plan` with the
    plan's file, and `--approval` with signatures over it that `approve` makes."""
    limits: Limits = Limits()
    """Limits of one run."""
    repeat_guard: Annotated[float, duration(1, 366 * 86400)] | None = None
    """Campaigns that another launch in the same ledger started within this time are skipped."""
    ledger: Annotated[str, LEDGER] = DEFAULT_LEDGER
    """The database of the journal; `postgresql://USER@HOST/DATABASE` can be shared. A password here is refused. The
    default is looked for from the working directory upwards, as git looks for `.git`."""
    report: Report = Report()
    """Reports: their folder and formats."""
    links: Links = Links()
    """Addresses that reports and notices lead to."""
    notify: Annotated[tuple[Notify, ...], Field(max_length=MAX_ENTRIES)] = ()
    """Who gets notices of which events. A notice that cannot be delivered changes no outcome and no exit code."""

    @property
    def campaign_names(self) -> dict[CampaignKey, str]:
        """The names of the campaigns that have one."""
        return {campaign.key: campaign.name for campaign in self.campaigns if campaign.name}

    @property
    def account_names(self) -> dict[str, str]:
        """The accounts' names in the manifest, by their ids on the platform."""
        return {account.account_id: name for name, account in self.accounts.items()}


ENVIRONMENT_KEYS: Final = ("host", "accounts", "stop_when", "approval", "limits", "ledger", "report", "notify")
"""What an environment may change."""
