"""Which campaigns a launch may stop: those it started, and no other (design section 6)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from orchestrator.core.exit_codes import ExitCode, signal_code
from orchestrator.core.journal.records import STOP_INTENT, STOP_KINDS, STOPPED
from orchestrator.core.journal.states import UNRESOLVED, CampaignState, State
from orchestrator.core.manifest.models import Manifest
from orchestrator.core.plan import plan as plans
from orchestrator.model import CallTarget, CampaignKey, Record, Stop


@dataclass(frozen=True, slots=True)
class StopJob:
    """One stop to be sent; `number` counts the stops asked for this campaign, from 1."""

    target: CallTarget
    number: int


@dataclass(frozen=True, slots=True)
class StopPlan:
    """What can be stopped, what cannot be addressed (and why), what was stopped before, and what may have started."""

    jobs: tuple[StopJob, ...]
    unaddressed: Mapping[CampaignKey, str]
    before: tuple[CampaignKey, ...]
    maybe: tuple[CampaignKey, ...]


@dataclass(frozen=True, slots=True)
class Stopped:
    """What became of a campaign's last stop."""

    number: int = 0
    is_confirmed: bool = False
    message: str = ""


@dataclass(frozen=True, slots=True)
class StopResult:
    """The result of stopping a launch. `stop` is why it ended early; None if it did not."""

    launch: str
    plan: StopPlan
    answers: Mapping[CampaignKey, Stopped]
    stop: Stop | None

    @property
    def confirmed(self) -> list[CampaignKey]:
        """Campaigns whose stop the platform confirmed."""
        return [job.target.key for job in self.plan.jobs if self.answers[job.target.key].is_confirmed]

    @property
    def missing(self) -> dict[CampaignKey, str]:
        """Campaigns that this launch started and whose stop is not confirmed, and why."""
        unsure = {job.target.key: self.answers[job.target.key] for job in self.plan.jobs}
        return {key: one.message for key, one in unsure.items() if not one.is_confirmed} | dict(self.plan.unaddressed)

    @property
    def exit_code(self) -> ExitCode:
        """A signal's code; else UNKNOWN where campaigns may be running, FAILED where a stop is not confirmed, OK."""
        if (code := signal_code(self.stop)) is not None:
            return code
        if self.plan.maybe:
            return ExitCode.UNKNOWN
        return ExitCode.FAILED if self.missing else ExitCode.OK


def stops(records: Iterable[Record]) -> dict[CampaignKey, Stopped]:
    """The last stop of every campaign that was to be stopped."""
    found: dict[CampaignKey, Stopped] = {}
    for record in records:
        if record.kind == STOP_INTENT:
            # Until the answer is recorded: a crash may have lost it.
            found[CampaignKey(record.campaign)] = Stopped(record.attempt, message="no answer is known")
        elif record.kind in STOP_KINDS:
            is_confirmed = record.data["event"] == STOPPED
            found[CampaignKey(record.campaign)] = Stopped(record.attempt, is_confirmed, str(record.data["message"]))
    return found


def started_targets(
    manifest: Manifest, histories: Mapping[CampaignKey, CampaignState]
) -> tuple[dict[CampaignKey, CallTarget], dict[CampaignKey, str]]:
    """How what the launch started is addressed; and what cannot be, with the reason in words."""
    addresses = {campaign.key: plans.target_of(manifest, campaign) for campaign in manifest.campaigns}
    targets, unaddressed = dict[CampaignKey, CallTarget](), dict[CampaignKey, str]()
    for key, history in histories.items():
        if history.state is not State.STARTED:
            continue
        target = addresses.get(key)
        if target is None:
            unaddressed[key] = "the manifest no longer names it"
        # In another account, the same ids mean another campaign than the one that was started.
        elif target.lane != history.lane:
            unaddressed[key] = "the manifest has it under another account now"
        else:
            targets[key] = target
    return targets, unaddressed


def plan_stops(
    manifest: Manifest, histories: Mapping[CampaignKey, CampaignState], stopped: Mapping[CampaignKey, Stopped]
) -> StopPlan:
    """The stops that are due: the journal says what this launch started, the manifest how it is addressed."""
    targets, unaddressed = started_targets(manifest, histories)
    known = {key: stopped.get(key, Stopped()) for key in (*targets, *unaddressed)}
    before = tuple(key for key, last in known.items() if last.is_confirmed)
    jobs = tuple(
        StopJob(target, known[key].number + 1) for key, target in targets.items() if not known[key].is_confirmed
    )
    left = {key: why for key, why in unaddressed.items() if not known[key].is_confirmed}
    # These may be running, but nothing proves that this launch started them: reported, not stopped.
    maybe = tuple(key for key, history in histories.items() if history.state in UNRESOLVED)
    return StopPlan(jobs, left, before, maybe)
