"""The forecast of the end of texting, against the model of the platform: real starts, in virtual time."""

import asyncio
import random

import pytest

from orchestrator.core.journal.lease import Holder
from orchestrator.core.manifest.parse import parse
from orchestrator.core.plan.estimate import estimate
from orchestrator.ledger.memory import MemoryStore
from orchestrator.model import PosixSeconds
from orchestrator.rehearsal.journal import VirtualJournal
from orchestrator.rehearsal.network import CallFate, VirtualApi
from orchestrator.rehearsal.simulated_run import SimulatedRun
from orchestrator.rehearsal.virtual_loop import VirtualClock, run_virtually
from orchestrator.sandbox.contact_lists import own_list
from orchestrator.sandbox.platform import Account, Campaign, Platform, World
from tests.system.simulation.scenario import CLEAR_SKY

RATE = 600


def launch(count):
    account = {"account_id": "a1", "messages_per_minute": RATE}
    campaigns = [{"stream": "st", "campaign": f"cd-{n}", "account": "acme"} for n in range(count)]
    manifest, issues = parse(
        {"version": 1, "launch": "spring", "host": "sandbox", "accounts": {"acme": account}, "campaigns": campaigns}
    )
    assert issues == ()
    return manifest


async def forecast_and_truth(manifest, recipients):
    """When each campaign's texting ends, as forecast from the plan, and as the platform had it."""
    loop, plans = asyncio.get_running_loop(), []
    clock = VirtualClock(CLEAR_SKY, loop)
    account = Account("a1", "", "", messages_per_minute=RATE)
    own = [
        Campaign("st", key[3:], key, "a1", recipients=count, contact_lists=(own_list(key[3:]),))
        for key, count in recipients.items()
    ]
    platform = Platform(World((account,), tuple(own)))
    fates = random.Random(1)
    api = VirtualApi(platform, clock, lambda _: CallFate(there=fates.random(), back=fates.random()), 30.0)
    store = MemoryStore(steady=loop.time)
    await SimulatedRun(
        manifest, Holder("r-1", "spring", "host", 1), store, api, clock,
        lambda taken: VirtualJournal(store, "r-1", taken, clock), is_new_host=True, permit=plans.append,
    ).run()  # fmt: skip
    ahead = estimate(manifest, plans[0], {"acme": 2}, PosixSeconds(CLEAR_SKY))
    return ahead.texting.ends, ends_of(platform, recipients, clock.now())


def ends_of(platform, keys, now):
    ends = {}
    while len(ends) < len(keys):
        for key in keys:
            campaign = platform.at(platform.campaign(*key.split("/")), now)
            if campaign.status == "Completed":
                ends.setdefault(key, now)
        now += 5.0
    return ends


@pytest.mark.parametrize(("count", "most"), [(1, 20_000), (60, 900), (300, 100)])
def test_the_end_of_texting_is_forecast_within_a_tenth(count, most):
    rnd = random.Random(count)
    recipients = {f"st/cd-{n}": rnd.randint(most // 10, most) for n in range(count)}
    told, truth = run_virtually(forecast_and_truth(launch(count), recipients))

    assert told.keys() == truth.keys()
    took = max(truth.values()) - CLEAR_SKY
    assert abs(max(told.values()) - max(truth.values())) < took / 10
