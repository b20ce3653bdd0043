"""A launch that is followed in virtual time, over the model of the platform and a ledger in memory."""

import asyncio
from collections import defaultdict
from contextlib import asynccontextmanager

from orchestrator.core.delivery.delivery import Deliveries
from orchestrator.core.journal.lease import FOLLOWER, Holder
from orchestrator.core.manifest.parse import parse
from orchestrator.core.plan.plan import lane_of, target_of
from orchestrator.engine.follower import AccountFollower, HeldAccount, after_followers
from orchestrator.engine.rounds import FollowOptions, Rounds
from orchestrator.engine.run import Run, inherited_calls
from orchestrator.engine.run_deps import Origin, RunDeps
from orchestrator.engine.stop_signal import StopSignal
from orchestrator.ledger.memory import MemoryStore
from orchestrator.rehearsal.journal import VirtualJournal
from orchestrator.rehearsal.network import CallFate, VirtualApi
from orchestrator.rehearsal.virtual_loop import VirtualClock
from orchestrator.sandbox.limiter import Limit
from orchestrator.sandbox.platform import Account, Call, Campaign, Platform, World
from tests.fakes import BASE, RecordingObserver

SECRET = "x" * 32


class Following:
    """Campaigns of one account that are Active on a platform, and a follower of them."""

    def __init__(self, campaigns, *, rate=("50/60s", "10/10s"), limit=(60, 60.0), per_minute=None, latency=0.05):
        """`campaigns` are the platform's, of account a1; all of them are started at once."""
        self.clock = VirtualClock(BASE, asyncio.get_running_loop())
        self.platform = Platform(
            World((Account("a1", "cs", SECRET, limit=Limit(*limit), messages_per_minute=per_minute),), tuple(campaigns))
        )
        self.manifest, issues = parse({
            "version": 1, "launch": "spring", "host": "https://bots.example.com", "defaults": {"account": "acme"},
            "accounts": {"acme": {"account_id": "a1", "client_id": {"env": "A"}, "client_secret": {"env": "B"},
                                  "rate": list(rate) if not isinstance(rate, str) else rate}},
            "campaigns": [{"stream": one.stream, "campaign": one.id} for one in campaigns],
        })  # fmt: skip
        assert self.manifest is not None, issues
        self.lane = lane_of(self.manifest, "acme")
        self.store = MemoryStore(lambda _: True)
        self.fate = lambda _: CallFate(there=latency, back=latency)
        self.api = VirtualApi(self.platform, self.clock, self._fate, 30.0)
        self.observer = RecordingObserver()
        self.lists = []  # what the platform listed: when, and by campaign its state and count
        self._ids = 0
        self._watch()

    def _watch(self):
        act = self.platform.act

        def seen(call, now):
            status, body = act(call, now)
            if call.op == "list":
                items = {f"{call.stream}/{one['id']}": one for one in body.get("data", {}).get("results", ())}
                self.lists.append((now, {k: (v["status"], v["totalMessagesSent"]) for k, v in items.items()}))
            return status, body

        self.platform.act = seen

    def _fate(self, call):
        return self.fate(call)

    def at(self, seconds, act):
        """Do something, some virtual seconds from now."""
        asyncio.get_running_loop().call_later(seconds, act)

    def campaign(self, number):
        return next(one for one in self.platform._campaigns.values() if one.id == f"c{number:05}")

    def start_all(self):
        for one in self.platform.world.campaigns:
            assert self.platform.act(Call("start", "a1", one.stream, one.id), self.clock.now())[0] == 200

    @property
    def calls(self):
        return self.platform.arrivals["a1"].total

    def rounds(self, stop_signal=None, **options):
        """A new follower, as another process or host would be."""
        self._ids += 1
        run_id, stop_signal = f"{FOLLOWER}{self._ids}", stop_signal or StopSignal()
        deliveries = Deliveries({f"{c.stream}/{c.id}": c.recipients for c in self.platform.world.campaigns})
        for record in self.store.read("spring"):
            deliveries.read(record)
        journal = VirtualJournal(self.store, run_id, (), self.clock)
        targets = [target_of(self.manifest, campaign) for campaign in self.manifest.campaigns]
        holder = Holder(run_id, "spring", "here", 1)
        hold = holding(
            self.store,
            self.manifest,
            self.api,
            self.clock,
            observer=self.observer,
            holder=holder,
            stop_signal=stop_signal,
        )
        followers = followers_of(self.manifest, targets, hold, self.clock, stop_signal)
        return Rounds(
            followers, deliveries, FollowOptions(**options), launch="spring", run_id=run_id, journal=journal,
            clock=self.clock, stop_signal=stop_signal, observer=self.observer,
        )  # fmt: skip


def holding(store, manifest, api, clock, *, observer, holder, stop_signal):
    """What takes an account for a turn, as `app.held_account` does, over a ledger in memory."""

    @asynccontextmanager
    async def hold(lane):
        used = {name: one for name, one in manifest.accounts.items() if lane_of(manifest, name) == lane}
        only = manifest.model_copy(update={"accounts": used, "campaigns": ()})

        async def take():
            return store.acquire([lane], holder, clock.now())

        leases = await after_followers(take, clock, stop_signal)
        recent = inherited_calls(only, leases, clock.now())
        journal = VirtualJournal(store, holder.run_id, leases, clock)
        try:
            deps = RunDeps.assemble(
                only, holder.run_id, origin=Origin("", ""), api=api, journal=journal, clock=clock, observer=observer,
                known={}, stop_signal=stop_signal,
            )  # fmt: skip
            run = Run(deps, leases)
            try:
                yield HeldAccount(run.lanes[lane].reader, run.lanes[lane].limiter.pacer)
            finally:
                recent |= run.recent_calls()
        finally:
            journal.close()
            store.release(holder.run_id, recent, clock.now())

    return hold


def followers_of(manifest, targets, hold, clock, stop_signal):
    """A follower for each account of the targets."""
    by_lane = defaultdict(list)
    for target in targets:
        by_lane[target.lane].append(target)
    names = {lane_of(manifest, name): name for name in manifest.accounts}
    return [
        AccountFollower(names[lane], lane, group, hold=hold, clock=clock, stop_signal=stop_signal)
        for lane, group in by_lane.items()
    ]


def campaigns(number, *, streams=1, **fields):
    return [Campaign(f"s{n % streams}", f"c{n:05}", f"c{n}", "a1", **fields) for n in range(number)]
