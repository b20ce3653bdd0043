"""A launch that is followed in virtual time, over the model of the platform and a ledger in memory."""

import asyncio
from collections import defaultdict
from contextlib import asynccontextmanager

from orchestrator.core.delivery.delivery import Deliveries
from orchestrator.core.journal.lease import FOLLOWER, Holder
from orchestrator.core.manifest.parse import parse
from orchestrator.core.plan.plan import lane_of, target_of
from orchestrator.engine.follower import AccountFollower, HeldAccount
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
    """Campaigns of one account that are Active on a platform, and whoever follows them."""

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
        targets = defaultdict(list)
        for campaign in self.manifest.campaigns:
            target = target_of(self.manifest, campaign)
            targets[target.lane].append(target)
        followers = [
            AccountFollower("acme", lane, group, hold=self._hold_for(run_id, stop_signal), clock=self.clock,
                            stop_signal=stop_signal)
            for lane, group in targets.items()
        ]  # fmt: skip
        return Rounds(
            followers, deliveries, FollowOptions(**options), launch="spring", run_id=run_id, journal=journal,
            clock=self.clock, stop_signal=stop_signal, observer=self.observer,
        )  # fmt: skip

    def _hold_for(self, run_id, stop_signal):
        only = self.manifest.model_copy(update={"campaigns": ()})

        @asynccontextmanager
        async def hold(lane):
            holder = Holder(run_id, "spring", "here", 1)
            leases = self.store.acquire([lane], holder, self.clock.now())
            recent = inherited_calls(only, leases, self.clock.now())
            journal = VirtualJournal(self.store, run_id, leases, self.clock)
            try:
                deps = RunDeps.assemble(
                    only, run_id, origin=Origin("", ""), api=self.api, journal=journal, clock=self.clock,
                    observer=self.observer, known={}, stop_signal=stop_signal,
                )  # fmt: skip
                run = Run(deps, leases)
                try:
                    yield HeldAccount(run.lanes[lane].reader, run.lanes[lane].limiter.pacer)
                finally:
                    recent |= run.recent_calls()
            finally:
                journal.close()
                self.store.release(run_id, recent, self.clock.now())

        return hold


def campaigns(number, *, streams=1, **fields):
    return [Campaign(f"s{n % streams}", f"c{n:05}", f"c{n}", "a1", **fields) for n in range(number)]
