"""A manifest carried out in virtual time: what a real run of it would report, and how long it would take."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from orchestrator.core.journal.lease import Holder
from orchestrator.core.journal.states import State, fold
from orchestrator.core.manifest.models import Manifest
from orchestrator.core.plan.plan import Plan
from orchestrator.core.plan.texting import NO_FORECAST, Forecast, plan_forecast
from orchestrator.core.result.build import Result
from orchestrator.ledger.memory import MemoryStore
from orchestrator.model import MonotonicSeconds, PosixSeconds, Record
from orchestrator.rehearsal.conditions import NetworkConditions
from orchestrator.rehearsal.journal import VirtualJournal
from orchestrator.rehearsal.network import VirtualApi
from orchestrator.rehearsal.simulated_run import SimulatedRun
from orchestrator.rehearsal.virtual_loop import VirtualClock, run_virtually
from orchestrator.sandbox.contact_lists import own_list
from orchestrator.sandbox.limiter import DEFAULT_LIMIT
from orchestrator.sandbox.platform import Account, Campaign, Limit, Platform, World


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """One rehearsal's result, its journal, the virtual seconds it took, and when its campaigns have sent all."""

    result: Result
    records: tuple[Record, ...]
    seconds: float
    texting: Forecast


@dataclass(frozen=True, slots=True)
class RehearsalConfig:
    """What is rehearsed: a manifest, its file's name and hash, and the faults. `at` is POSIX seconds."""

    manifest: Manifest
    source: str
    sha256: str
    faults: str
    at: PosixSeconds
    permit: Callable[[Plan], None] = lambda _: None
    no_wait: bool = False
    environment: str | None = None

    @property
    def begins(self) -> PosixSeconds:
        """When the run starts, in POSIX seconds: a real one waits for `not_before`."""
        start = self.manifest.not_before
        return max(self.at, start.at) if start is not None else self.at


def rehearse(config: RehearsalConfig, seed: int) -> Rehearsed:
    """Carry the manifest out once. Raises OrchestratorError if a real run would refuse to begin."""
    return run_virtually(_rehearse(config, seed))


async def _rehearse(config: RehearsalConfig, seed: int) -> Rehearsed:
    manifest, running = config.manifest, asyncio.get_running_loop()
    clock = VirtualClock(config.begins, running)
    keys = [campaign.key for campaign in manifest.campaigns]
    conditions = NetworkConditions(
        config.faults, seed, keys, clock, manifest.timeouts.total, is_sandbox=manifest.host == "sandbox"
    )
    # The real engine between a model of the platform and a ledger in memory: only the outside is made up.
    api = VirtualApi(Platform(world_of(manifest)), clock, conditions.fate, manifest.timeouts.total)
    plans: list[Plan] = []

    def permit(plan: Plan) -> None:
        plans.append(plan)
        config.permit(plan)

    store, run_id = MemoryStore(steady=lambda: MonotonicSeconds(running.time())), f"r-rehearsal-{seed}"
    process = SimulatedRun(
        manifest, Holder(run_id, manifest.launch, "rehearsal", 1), store, api, clock,
        lambda taken: VirtualJournal(store, run_id, taken, clock),
        source=config.source, environment=config.environment, sha256=config.sha256,
        mark={"rehearsal": {"faults": config.faults, "seed": seed}},
        is_new_host=True, random=random.Random(seed).random,
        permit=permit, no_wait=config.no_wait,
    )  # fmt: skip
    result, seconds = await process.run(), running.time()
    records = tuple(store.read(manifest.launch))
    return Rehearsed(result, records, seconds, _texting(manifest, plans[-1], records))


def _texting(manifest: Manifest, plan: Plan, records: Sequence[Record]) -> Forecast:
    if all(account.messages_per_minute is None for account in manifest.accounts.values()):
        return NO_FORECAST
    states = fold(records).items()
    left = {key: state.answer.sent_at for key, state in states if state.state is State.STARTED and state.answer.sent_at}
    return plan_forecast(manifest, plan, left)


def world_of(manifest: Manifest) -> World:
    """A platform on which every campaign is there and Ready, with the DNC list and the instance that it needs."""
    dnc_list = "rehearsed" if manifest.preflight.require_dnc else None
    limit = manifest.sandbox.limit
    theirs = Limit(limit.limit, limit.seconds) if limit else DEFAULT_LIMIT
    accounts = {name: account.account_id for name, account in manifest.accounts.items()}
    return World(
        tuple(
            Account(one.account_id, "", "", "HS256", theirs, messages_per_minute=one.messages_per_minute)
            for one in manifest.accounts.values()
        ),
        tuple(
            Campaign(
                c.stream,
                c.campaign,
                c.name or c.campaign,
                accounts[c.account],
                str(c.type),
                dnc_list=dnc_list,
                instance_id=c.instance,
                contact_lists=(own_list(c.campaign),),
            )
            for c in manifest.campaigns
        ),
    )
