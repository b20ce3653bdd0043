"""A run that is ready to make calls: one lane per account in use, a plan to be made and carried out."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Final

from orchestrator.core.gauge import RunGauge
from orchestrator.core.journal.lease import AcquiredLease
from orchestrator.core.journal.states import UNRESOLVED, State
from orchestrator.core.manifest.models import Manifest
from orchestrator.core.plan import plan as plans
from orchestrator.core.plan import recipients
from orchestrator.core.plan.approvers import NOT_ASKED, Approved
from orchestrator.core.plan.plan import Plan
from orchestrator.core.plan.recipients import ReadLists
from orchestrator.core.plan.repeat_guard import PreviousStart
from orchestrator.core.plan.selection import Choice, no_campaign
from orchestrator.core.rules.pacing import Pacer
from orchestrator.core.text import command_line
from orchestrator.engine import preflight
from orchestrator.engine.lane import LaneRunner
from orchestrator.engine.reader import Reader
from orchestrator.engine.run_deps import RunDeps
from orchestrator.engine.waves import PlanExecution, stop_of
from orchestrator.errors import NothingSelected
from orchestrator.model import CallTarget, CampaignKey, ContactList, Lane, LiveState, PosixSeconds, Stop

_MAY_RUN: Final = UNRESOLVED | {State.STARTED}
PreviousStarts = Mapping[tuple[Lane, CampaignKey], PreviousStart]
_NONE: Final[PreviousStarts] = MappingProxyType({})


def lanes_in_use(manifest: Manifest) -> dict[Lane, str]:
    """The lanes that a run of the manifest needs, with their accounts' names; all lanes if it has no campaigns."""
    used = {campaign.account for campaign in manifest.campaigns if campaign.enabled}
    is_used = used.__contains__ if manifest.campaigns else manifest.accounts.__contains__
    return {plans.lane_of(manifest, name): name for name in filter(is_used, manifest.accounts)}


class Run:
    """One run over the lanes whose leases it holds.

    `previous` are the starts of other launches that `repeat_guard` looks at, `launches` the names in the ledger.
    `is_new_host`: the host came into being with this run, so nobody can have called it before.
    """

    def __init__(
        self,
        deps: RunDeps,
        leases: Iterable[AcquiredLease],
        *,
        previous: PreviousStarts = _NONE,
        launches: Sequence[str] = (),
        is_new_host: bool = False,
    ) -> None:
        names, now = lanes_in_use(deps.manifest), deps.clock.now()
        self.deps = deps
        self.lanes: Mapping[Lane, LaneRunner] = {
            lease.lane: LaneRunner(
                deps, lease.lane, names[lease.lane],
                _pacer(deps.manifest, names[lease.lane], None if is_new_host else lease, now),
            )
            for lease in leases
        }  # fmt: skip
        self._previous = previous
        self._launches = launches

    async def plan(self, choice: Choice, nonce: str = "") -> Plan:
        """Read the live state and build the plan. Raises Refused, CredentialError, NothingSelected, StopRequested.

        With a `nonce` (hexadecimal), its hash covers what the campaigns would send, and to whom.
        """
        manifest, states, origin = self.deps.manifest, self.deps.states, self.deps.origin
        # 1. Which campaigns is it about?
        if not any(choice.selection.matches(c, states.get(c.key)) for c in manifest.campaigns):
            message = no_campaign(manifest.campaigns, choice.selection)
            raise NothingSelected(message, next_step=command_line("plan", *origin.words))
        # 2. What does the platform know of those that the journal does not settle?
        live = await self._live_states(choice)
        # 3. Decide.
        decide = partial(
            plans.build, manifest, states, selection=choice.selection,
            manifest_sha256=origin.sha256, retry_failed=choice.retry_failed, tool=origin.tool, earlier=self._previous,
            launches=self._launches, environment=origin.environment, nonce=nonce,
            users={lane: runner.lists.users for lane, runner in self.lanes.items()},
        )  # fmt: skip
        plan = decide(live=live)
        # 4. Who would be texted, and what a list does not show: sender and calling hours.
        readers, lists = self._readers(), None
        if manifest.preflight.check == "list":
            lists = await preflight.contact_lists(readers, plan)
            # A stream's list may not be read to its end, so check who else uses its contact lists.
            if await self._look_for_users(plan, lists):
                plan = decide(live=live)
        if manifest.preflight.hours or choice.details:
            details, failed = await preflight.details(readers, plan)
            plan = decide(live={**live, **details})
            warnings = preflight.calling_hours_warnings(plan, failed, manifest, self.deps.clock.now())
            plan = replace(plan, warnings=plan.warnings + warnings)
        return plan if lists is None else recipients.counted(plan, lists, manifest)

    async def _look_for_users(self, plan: Plan, read: ReadLists) -> bool:
        """Read the campaigns that contact lists name, and that preflight did not show. Whether there were any."""
        lanes: dict[Lane, list[tuple[CallTarget, set[str], tuple[ContactList, ...]]]] = defaultdict(list)
        for stream, (target, names) in recipients.lists_needed(plan.entries).items():
            if stream in read.streams:
                lanes[target.lane].append((target, names, read.streams[stream]))

        async def look(lane: Lane) -> bool:
            runner = self.lanes[lane]
            return any([await runner.lists.look_for(runner.reader, *one) for one in lanes[lane]])

        return any(await preflight.together(map(look, lanes)))

    async def _live_states(self, choice: Choice) -> dict[CampaignKey, LiveState]:
        """What the platform reports about the campaigns that the journal does not settle."""
        manifest, states = self.deps.manifest, self.deps.states
        # This check comes first: a list of a million call targets that nobody reads would be the peak of a run's
        # memory.
        if manifest.preflight.check == "off":
            return {}
        undecided = plans.undecided(manifest, states, choice.selection, retry_failed=choice.retry_failed)
        targets = [plans.target_of(manifest, campaign) for campaign in undecided]
        self.deps.observer.event("preflight_begun", campaigns=len(targets))
        targets += self._maybe_running(targets)
        listed = {one.key for one in undecided if plans.needs_list(one, manifest, states.get(one.key))}
        return await preflight.live_states(self._readers(), targets, manifest.preflight.check, listed)

    def _maybe_running(self, targets: Sequence[CallTarget]) -> list[CallTarget]:
        """What this launch has started, or may have, in the same streams: it may still use its contact lists."""
        manifest = self.deps.manifest
        if manifest.preflight.check != "list" or manifest.same_list == "warn":
            return []
        known, by_stream = {one.key for one in targets}, {one.stream: one for one in targets}
        return [
            replace(by_stream[stream], campaign=campaign)
            for key, state in self.deps.states.items()
            if (place := key.split("/"))[0] in by_stream and state.state in _MAY_RUN and key not in known
            for stream, campaign in [place]
        ]

    def _readers(self) -> dict[Lane, Reader]:
        return {lane: runner.reader for lane, runner in self.lanes.items()}

    async def execute(self, plan: Plan, approved: Approved = NOT_ASKED) -> Stop | None:
        """Carry the plan out and journal how it went. Returns why it ended early, None if it did not.

        `approved` is how the plan was approved.

        Raises JournalWriteError only before the first start, when the header cannot be written.
        """
        return await PlanExecution(self.deps, plan, self.lanes, approved).run()

    @property
    def stop(self) -> Stop | None:
        """Why the run or one of its lanes stopped; None if none did."""
        return stop_of(self.deps, self.lanes)

    def gauge(self) -> RunGauge:
        """How the run stands now."""
        return RunGauge(self.deps.door.inside, {lane: runner.gauge() for lane, runner in self.lanes.items()})

    def recent_calls(self) -> dict[Lane, list[PosixSeconds]]:
        """By lane, when the calls ended whose slots are still held: what the next holder must know."""
        now = self.deps.clock.now()
        return {lane: runner.limiter.pacer.recent(now) for lane, runner in self.lanes.items()}


def inherited_calls(
    manifest: Manifest, leases: Iterable[AcquiredLease], now: PosixSeconds
) -> dict[Lane, list[PosixSeconds]]:
    """By lane, what a holder that made no call must hand on: the slots that it was given, or must assume.

    Otherwise a run that took over from a crashed one, and failed before its first call, would leave a lane that looks
    cleanly released, with an empty window.
    """
    names = lanes_in_use(manifest)
    return {lease.lane: _pacer(manifest, names[lease.lane], lease, now).recent(now) for lease in leases}


def _pacer(manifest: Manifest, account: str, last: AcquiredLease | None, now: PosixSeconds) -> Pacer:
    """A lane's pacer, which counts what its last holder sent; if that crashed, as much as it can have sent."""
    pacer = Pacer(manifest.accounts[account].rate)
    # A holder that ended in order recorded when its calls ended; after a crash, all slots may still be taken.
    if last is not None and last.released_cleanly:
        pacer.recall(list(last.recent_calls))
    elif last is not None:
        pacer.fill(PosixSeconds(now + manifest.timeouts.total))
    return pacer
