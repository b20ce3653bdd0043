"""The journal's records: their kinds, how each one is made, and how its data is read back.

In place of a campaign, records about a run have `@RUN-ID`, those about a plan `@plan`, about a lease `@lease`, and
those about the launch as a whole `@launch`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from sys import intern
from typing import Annotated, Any, Final, NamedTuple, cast

from orchestrator.core.attempt.verdict import Verdict
from orchestrator.core.journal.lease import Lease
from orchestrator.core.journal.packing import packed, packed_value, unpacked, unpacked_value
from orchestrator.core.journal.record_data import Ending, Header
from orchestrator.core.journal.states import Event
from orchestrator.core.json_shape import COLUMNS, Count, one_of
from orchestrator.core.manifest.models import Manifest
from orchestrator.core.plan.approvers import NOT_ASKED, Approved
from orchestrator.core.plan.decision import Action
from orchestrator.core.text import plural
from orchestrator.model import (
    CampaignKey,
    Fault,
    Lane,
    Outcome,
    PosixSeconds,
    Reason,
    Record,
    Reply,
    Stop,
    key_of,
)

# About a run.
RUN: Final = "run"  # the header: a run begins
PLAN: Final = "plan"  # its plan, a thousand campaigns a record
END: Final = "end"  # it has ended, and why
RUN_KINDS: Final = (RUN, PLAN, END)
"""The kinds of record that a result needs besides those of its campaigns."""

# About a plan that waits for approval, and about a fleet's run.
PLANNED: Final = "planned"  # a plan was made, and may be approved
MANIFEST: Final = "manifest"  # a fleet's order: the manifest as it was written
APPROVED: Final = "approved"  # the plan that a fleet's order was approved by
LANE: Final = "lane"  # a fleet's lane of one wave is done
HALT: Final = "halt"  # a rule or a person stops every lane of a fleet

# About one campaign: starts, what people found out, and stops.
VERDICT: Final = "verdict"
RESOLVE: Final = "resolve"
RELEASE: Final = "release"
LEASES: Final = "@lease"
"""The `campaign` of a record about a lease."""

STOP_INTENT: Final = "stop_intent"
STOP_REPLY: Final = "stop_reply"
LATE_STOP_REPLY: Final = f"late_{STOP_REPLY}"  # came when the lane was lost
STOP_KINDS: Final = (STOP_INTENT, STOP_REPLY, LATE_STOP_REPLY)
STOPPED: Final = "stopped"
NOT_STOPPED: Final = "not_stopped"

Held = Mapping[CampaignKey, tuple[Reason, str]]
"""Campaigns that were held, each for its own reason: the reason, and the same in words."""


class _HeldRow(NamedTuple):
    reason: Annotated[str, one_of(Reason)]
    message: str


_HELD: Final = dict[str, Annotated[_HeldRow, COLUMNS]]


class PlanRow(NamedTuple):
    """A campaign of a plan, as the journal keeps it: all that the reports need to be rebuilt."""

    account: str
    stream: str
    campaign: str
    name: str
    wave: str
    action: Annotated[str, one_of(Action)]
    outcome: Annotated[str, one_of(Outcome)] | None
    reason: Annotated[str, one_of(Reason)] | None
    message: str
    tags: str = ""
    recipients: Count | None = None  # people on its contact lists; None: unknown

    @property
    def key(self) -> CampaignKey:
        """Stream and campaign in one."""
        return key_of(self.stream, self.campaign)


_LATER: Final = len(PlanRow._field_defaults)


def plan_rows(records: Iterable[Record]) -> Iterator[PlanRow]:
    """The rows of the plans among the records, in their order. Raises RecordDamaged if one cannot be understood.

    Columns that a later version added are left out.
    """
    # Recurring texts are interned: JSON gives each of a million rows its own.
    for account, stream, campaign, name, wave, action, outcome, reason, message, *later in unpacked(
        (r for r in records if r.kind == PLAN), Annotated[PlanRow, COLUMNS]
    ):
        more = (intern(one) if isinstance(one, str) else one for one in later[:_LATER])
        known: Any = action, outcome, reason, message, *more
        yield PlanRow(intern(account), intern(stream), campaign, name, intern(wave), *known)


@dataclass(frozen=True, slots=True)
class PlanRows:
    """The rows of a run's plan, unpacked anew whenever they are read: as records, they take a tenth of the memory."""

    records: Sequence[Record]

    def __iter__(self) -> Iterator[PlanRow]:
        return plan_rows(self.records)


def header_of(record: Record) -> Header:
    """The data of a record of kind RUN."""
    return cast("Header", record.data)


def ending_of(record: Record) -> Ending:
    """The data of a record of kind END."""
    return cast("Ending", record.data)


def held_of(end: Record) -> dict[CampaignKey, tuple[str, str]]:
    """The campaigns that a run held each for a reason of its own, as the record of its end has them."""
    reasons = unpacked_value(end, "held", _HELD) if ending_of(end).get("held") else {}
    return {CampaignKey(key): (reason, message) for key, (reason, message, *_) in reasons.items()}


def lane_stops_of(end: Record) -> dict[str, Stop]:
    """Why lanes stopped before their run did, by account."""
    stops = ((account, Stop.of(stop)) for account, stop in ending_of(end).get("lane_stops", {}).items())
    return {account: stop for account, stop in stops if stop is not None}


def header_data(
    manifest: Manifest,
    *,
    source: str,
    sha256: str,
    plan_sha256: str,
    warnings: Sequence[str],
    options: Sequence[str] = (),
    environment: str | None = None,
    by: str = "",
    approved: Approved = NOT_ASKED,
    version: str = "",
) -> dict[str, Any]:
    """The data of a run's header. `source` and `sha256` are the manifest's file name and hash.

    `options` are those of the command that chose the campaigns: a next command must repeat them.
    `environment` is the one that was chosen, where the manifest has some. `by` is who runs it, `approved` how it was
    approved, `version` that of this program.
    """
    optional = {
        "environment": environment, "by": by, **approved.as_json(), "version": version,
        "approval": {"none": "", "plan": "plan"}.get(str(manifest.approval), "signers"),
        "zones": list(dict.fromkeys(zone for window in manifest.windows.values() for zone in window.zones)),
        "consoles": {name: manifest.links.console_of(account.account_id) for name, account in manifest.accounts.items()}
        if manifest.links.console else {},
    }  # fmt: skip
    return {
        "manifest": source,
        **{key: value for key, value in optional.items() if value},
        "manifest_sha256": sha256,
        "plan_sha256": plan_sha256,
        "host": manifest.host,
        "ledger": manifest.ledger,
        "warnings": list(warnings),
        "options": list(options),
        # Also in the record of the end, which a crashed run does not have.
        "limits": {name: [str(window) for window in account.rate] for name, account in manifest.accounts.items()},
    }


@dataclass(frozen=True, slots=True)
class RunRecords:
    """Makes the records of one run. `now` gives the time of a record, in POSIX seconds."""

    launch: str
    run_id: str
    now: Callable[[], PosixSeconds]

    # About the run.

    def header(self, data: Mapping[str, Any]) -> Record:
        """The run begins; `data` is that of `header_data`, and in a subrun the id of the run it belongs to."""
        return self._of_run(RUN, 0, {**data})

    def plan(self, rows: Iterable[PlanRow]) -> Iterator[Record]:
        """The plan that is carried out."""
        # Later columns only where they hold something: earlier versions do not read them.
        short = (row if row.recipients is not None else row[:-1] if row.tags else row[:-2] for row in rows)
        return (self._of_run(PLAN, number, data) for number, data in enumerate(packed(short)))

    def planned(self, number: int, plan_sha256: str, identity: Mapping[str, Any], by: Sequence[str] = ()) -> Record:
        """A plan was made, the `number`-th of its launch.

        `by` are the names of its maker, `identity` is what it covers.
        """
        names = {"by": by[0], "planned_by": list(by)} if by else {}
        data = {"plan_sha256": plan_sha256, "identity": packed_value(identity), **names}
        return Record(self.launch, "@plan", number, PLANNED, self.run_id, self.now(), "", data)

    def manifest(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[Record]:
        """The manifest of a fleet's order: its document first, then the rows of its files, as they were written."""
        return (self._of_run(MANIFEST, number, data) for number, data in enumerate(packed(map(dict, rows))))

    def end(
        self,
        stop: Stop | None,
        waves: Sequence[Any],
        budget: Mapping[Lane, Any],
        held: Held | None,
        lane_stops: Mapping[str, Stop],
    ) -> Record:
        """The run has ended: why early, if so, how its waves went, and what its calls took by lane.

        `lane_stops` is why single lanes stopped, by account.
        """
        data = {
            "stop": stop.as_json() if stop else None,
            "lane_stops": {account: one.as_json() for account, one in lane_stops.items()},
            "budget": dict(budget),
            "waves": list(waves),
        }
        # A fleet's run holds no campaign itself, so it has no `held`: its subruns journal theirs.
        return self._of_run(END, 0, data if held is None else {**data, "held": packed_value(held)})

    # About a fleet's lanes.

    def lane_done(self, number: int, wave: str, account: str, stop: Stop | None, *, alone: bool) -> Record:
        """A fleet's lane of one wave is done. `alone`: what stopped it is about its account only."""
        data = {"wave": wave, "account": account, "stop": stop.as_json() if stop else None, "alone": alone}
        return self._of_run(LANE, number, data)

    def halt(self, stop: Stop) -> Record:
        """Every lane of a fleet's run must stop."""
        return self._of_run(HALT, 0, {"stop": stop.as_json()})

    # About one campaign: its attempts, the search for a lost answer, and its stops.

    def intent(
        self, key: CampaignKey, attempt: int, lane: Lane, *, deadline: PosixSeconds, baseline: Mapping[str, Any] | None,
        recipients: int | None = None,
    ) -> Record:  # fmt: skip
        """A start is about to be sent, before `deadline` (POSIX seconds). `baseline` is the live state seen before."""
        # Later runs skip it, and do not read its contact lists again.
        known = {} if recipients is None else {"recipients": recipients}
        data = {"deadline": deadline, "baseline": baseline, **known}
        return self._of_campaign(key, attempt, Event.INTENT, lane, data)

    def verdict(self, key: CampaignKey, attempt: int, lane: Lane, answer: Reply | Fault, verdict: Verdict) -> Record:
        """What came of an attempt."""
        data = {
            "event": str(verdict.kind),
            "message": verdict.message,
            "http_status": answer.http_status,
            "sent_at": answer.sent_at,
            "elapsed_ms": round(answer.elapsed * 1000, 1),
            "updated_at": verdict.updated_at,
        }
        return self._of_campaign(key, attempt, VERDICT, lane, data)

    def gave_up(self, key: CampaignKey, attempt: int, lane: Lane, last: str) -> Record:
        """Attempts or time are used up, and no attempt was carried out. `last` is the last one's message."""
        fate = "which was not carried out" if attempt == 1 else "none of which was carried out"
        message = f"gave up after {plural(attempt, 'attempt')}, {fate}: {last}"
        return self._of_campaign(key, attempt, Event.GAVE_UP, lane, {"message": message})

    def probed(self, key: CampaignKey, attempt: int, lane: Lane, evidence: str | None) -> Record:
        """What a search for evidence found, in words; None: nothing."""
        kind = Event.EVIDENCE if evidence else Event.NO_EVIDENCE
        message = evidence or "no evidence of a start was found; it may still have been carried out"
        return self._of_campaign(key, attempt, kind, lane, {"message": message})

    def stop_intent(self, key: CampaignKey, number: int, lane: Lane, *, by: str, reason: str) -> Record:
        """A campaign is about to be stopped, for the `number`-th time."""
        return self._of_campaign(key, number, STOP_INTENT, lane, {"by": by, "reason": reason})

    def stop_reply(self, key: CampaignKey, number: int, lane: Lane, *, event: str, message: str) -> Record:
        """What came of a stop: `event` is STOPPED or NOT_STOPPED."""
        return self._of_campaign(key, number, STOP_REPLY, lane, {"event": event, "message": message})

    def _of_run(self, kind: str, number: int, data: dict[str, Any]) -> Record:
        return Record(self.launch, f"@{self.run_id}", number, kind, self.run_id, self.now(), "", data)

    def _of_campaign(self, key: str, attempt: int, kind: str, lane: Lane, data: dict[str, Any]) -> Record:
        return Record(self.launch, key, attempt, kind, self.run_id, self.now(), lane, data)


def resolution(
    launch: str, key: CampaignKey, attempt: int, lane: str, *, is_started: bool, by: str, reason: str, now: PosixSeconds
) -> Record:
    """What a person found out about an unknown campaign."""
    event = Event.RESOLVED_STARTED if is_started else Event.RESOLVED_NOT_STARTED
    data = {"event": str(event), "message": f"{by}: {reason}", "by": by}
    return Record(launch, key, attempt, RESOLVE, f"person:{by}", now, lane, data)


def lease_release(number: int, lane: Lane, lease: Lease, *, by: str, reason: str, now: PosixSeconds) -> Record:
    """A person released a lane whose holder is dead, the `number`-th of its launch. `lease` is as the holder had it."""
    holder = lease.holder
    data = {"by": by, "reason": reason, "holder": asdict(holder), "fence": lease.fence}
    return Record(holder.launch, LEASES, number, RELEASE, f"person:{by}", now, lane, data)
