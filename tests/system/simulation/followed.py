"""Those who follow a launch on a simulated day, and whether what they found is what the platform said."""

import asyncio

from orchestrator.core.delivery.delivery import Deliveries, DeliveryState
from orchestrator.core.delivery.readings import FOLLOW, round_of
from orchestrator.core.journal.lease import FOLLOWER, Holder
from orchestrator.core.journal.states import fold
from orchestrator.core.plan.stop_plan import started_targets
from orchestrator.engine.rounds import FollowOptions, Rounds
from orchestrator.engine.stop_signal import StopSignal
from orchestrator.errors import OrchestratorError
from orchestrator.rehearsal.journal import VirtualJournal
from orchestrator.rehearsal.network import VirtualApi
from orchestrator.rehearsal.virtual_loop import VirtualClock
from tests.fakes import RecordingObserver
from tests.following import followers_of, holding
from tests.system.simulation.checkers import require

LONGEST_WAY = 130.0
"""Seconds: longer than any call's timeout."""
PATIENCE = 1800.0
"""Seconds for which one follows."""


class Follower:
    """One process that follows the launch, again and again until it is killed, or PATIENCE is at its end."""

    def __init__(self, world, number, script, fate):
        self.world, self.script = world, script
        self.name = f"{FOLLOWER}{number}"
        self.pid = -1 - number
        self.dead = False
        self.rounds = None
        self.clock = VirtualClock(world.scenario.base, world.loop)
        self.api = VirtualApi(
            world.platform, self.clock, fate, world.manifest.timeouts.total, watcher=self, platform_clock=self.clock
        )
        world.runs[self.name] = self
        self.sent_starts = 0

    async def go(self):
        await asyncio.sleep(self.script.delay)
        self.world.alive.add(self.pid)
        work = asyncio.create_task(self._follow())
        if self.script.kill_after is not None:
            self.world.loop.call_later(self.script.kill_after, self._kill, work)
        await asyncio.wait([work])
        self.world.alive.discard(self.pid)
        if not self.dead and not work.cancelled() and (error := work.exception()) is not None:
            # Refused like any other: a ledger that is away, a credential that the day's faults refuse.
            self.world.require(isinstance(error, OrchestratorError), "P3", f"{self.name} ends with {error!r}")

    def _kill(self, work):
        self.dead = not work.done()
        self.world.alive.discard(self.pid)
        work.cancel()

    async def _follow(self):
        until = self.world.loop.time() + PATIENCE
        while self.world.loop.time() < until:
            records, stop_signal = self.world.store.read("day"), StopSignal()
            targets, _ = started_targets(self.world.manifest, fold(records))
            if targets:
                await self._rounds(records, list(targets.values()), stop_signal, until)
                return
            await asyncio.sleep(60.0)

    async def _rounds(self, records, targets, stop_signal, until):
        world, observer, deliveries = self.world, RecordingObserver(), Deliveries()
        for record in records:
            deliveries.read(record)
        hold = holding(
            world.store, world.manifest, self.api, self.clock,
            observer=observer, holder=Holder(self.name, "day", "host", self.pid), stop_signal=stop_signal,
        )  # fmt: skip
        journal = VirtualJournal(world.store, self.name, (), self.clock)
        self.rounds = Rounds(
            followers_of(world.manifest, targets, hold, self.clock, stop_signal), deliveries,
            FollowOptions(every=self.script.every, timeout=until - world.loop.time()), launch="day",
            run_id=self.name, journal=journal, clock=self.clock, stop_signal=stop_signal, observer=observer,
        )  # fmt: skip
        try:
            await self.rounds.run()
        finally:
            journal.close()

    def check_last(self):
        """What the last one read in peace is what the platform said last."""
        for key, delivery in (self.rounds.deliveries.all() if self.rounds else {}).items():
            if delivery.state is DeliveryState.GONE:
                continue
            # A last look that ends at its deadline may leave some unread: these are as they were read before.
            since = delivery.read_at - LONGEST_WAY
            said = {status for at, status, _ in self.world.listed[key] if at >= since}
            require(delivery.status in said, "P3", f"{key} is {said}, and was read as {delivery.status}")

    # What the ledger and the network ask of a process.

    def write(self):
        """Its disk does not fail."""

    def event(self, what, *about):
        self.world.note(self.name, what, *about)

    def sent(self, call, _permit):
        self.world.require(call.op in {"list", "get"}, "P1", f"{self.name} sends a {call.op}")
        self.event("sent", call.op, call.key)

    def arrived(self, call):
        world = self.world
        self.event("arrived", call.op, call.stream)
        world.tenants_call(call.account_id, world.loop.time())
        world.checked(world.counters[call.account_id].arrived, world.loop.time(), call.key)
        if call.op == "list":
            now = world.scenario.base + world.loop.time()
            for key in world.keys:
                found = world.platform.campaign(*key.split("/"))
                if found is not None and found.stream == call.stream:
                    told = world.platform.at(found, now)
                    world.listed.setdefault(key, []).append((now, told.status, told.messages_sent))

    def answered(self, call, answer):
        self.event("answered", call.op, call.stream, answer.http_status)


def check_deliveries(records, listed):
    """P4: every reading in the journal is what the platform said of that campaign, not later than it was read."""
    for record in records:
        for one in round_of(record).readings if record.kind == FOLLOW else ():
            require(one.status is not None, "P4", f"{one.key} is called gone, and nobody removed it")
            lists = listed.get(one.key, ())
            said = [(status, sent) for at, status, sent in lists if one.at - LONGEST_WAY <= at <= one.at + 0.002]
            require((one.status, one.sent) in said, "P4", f"{one.key} was read as {one.status}, {one.sent} of {said}")
