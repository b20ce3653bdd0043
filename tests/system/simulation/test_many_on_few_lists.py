"""1,000 campaigns on 100 contact lists, one after the other: no two of a list run at the same time."""

import random

from tests.system.simulation.scenario import CLEAR_SKY, RunScript, Scenario
from tests.system.simulation.world import simulate

ACCOUNTS, CAMPAIGNS, LISTS = 10, 1_000, 100


def crowded(seed):
    rnd = random.Random(seed)
    names = [f"a{n}" for n in range(ACCOUNTS)]
    account = {"client_id": {"env": "ID"}, "client_secret": {"env": "SECRET"}}
    raw = {
        "version": 1,
        "launch": "day",
        "host": "https://platform.kore.ai",
        "accounts": {name: account | {"account_id": f"id-{name}"} for name in names},
        "campaigns": [
            {"account": names[n % ACCOUNTS], "stream": f"st-{names[n % ACCOUNTS]}", "campaign": f"cd-{n}"}
            for n in range(CAMPAIGNS)
        ],
        "same_list": "sequence",
        "same_list_wait": "168h",
    }
    keys = [f"{one['stream']}/{one['campaign']}" for one in raw["campaigns"]]
    return Scenario(
        seed=seed, raw=raw, base=CLEAR_SKY, commit_seconds=0.002,
        server={f"id-{name}": (60, 60.0) for name in names}, retry_after="seconds", tenants={}, states={},
        hosts=[[RunScript(0.0, clock_step=5.0)]], latency=(0.05, 0.5),
        # Campaign n of an account is on its list n modulo 10, so that ten share one.
        lists={key: (f"list {n // ACCOUNTS % (LISTS // ACCOUNTS)}",) for n, key in enumerate(keys)},
        list_seconds={key: rnd.randint(120, 600) for key in keys},
    )  # fmt: skip


def test_a_thousand_campaigns_on_a_hundred_lists_take_turns():
    day = simulate(1, scenario=crowded(1))

    assert day.broken is None
    # Ten of a list take ten times two to ten minutes, and a look at the lists costs its part of the rate.
    assert 10 * 120.0 < day.virtual_seconds < 4 * 3600.0
