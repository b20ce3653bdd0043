"""The simulated world: hosts with their processes, one ledger, one platform, and somebody who checks every event."""

import asyncio
import contextlib
import dataclasses
import hashlib
import math
import random
import time
from collections import Counter
from dataclasses import dataclass

from orchestrator.core.journal.lease import Holder
from orchestrator.core.journal.records import RunRecords, header_data
from orchestrator.core.journal.states import KINDS, State, fold_record
from orchestrator.core.manifest.parse import parse
from orchestrator.core.manifest.values import Rerun
from orchestrator.core.plan.selection import Choice, Selection
from orchestrator.core.result.build import build
from orchestrator.engine.stop_signal import StopRequested
from orchestrator.engine.work_queue import FRESH_SECONDS
from orchestrator.errors import LedgerError, OrchestratorError
from orchestrator.kore.wire import PAGE_SIZE
from orchestrator.ledger.memory import MemoryStore
from orchestrator.model import Fault, Progress, Read, Record, Stop, StopReason
from orchestrator.rehearsal import virtual_loop as virtual
from orchestrator.rehearsal.journal import VirtualJournal
from orchestrator.rehearsal.network import VirtualApi
from orchestrator.rehearsal.simulated_run import SimulatedRun
from orchestrator.rehearsal.virtual_loop import VirtualClock
from orchestrator.sandbox import people
from orchestrator.sandbox.limiter import Limit
from orchestrator.sandbox.platform import Account, Campaign, Platform
from orchestrator.sandbox.platform import World as PlatformWorld
from tests.system.simulation import checkers
from tests.system.simulation.checkers import Broken, PauseWatch, SendWatch, WindowCounter, require
from tests.system.simulation.followed import Follower, check_deliveries
from tests.system.simulation.linked import LinkedJournal
from tests.system.simulation.scenario import FollowScript, RunScript, draw
from tests.system.simulation.weather import Weather, clear_sky

MOST_EVENTS = 400_000
LONGEST = 60 * 86400.0
LONGEST_SILENCE = 1800.0  # a bake of 10 min, timeouts, settling: far less than a clock may be off
OLD_INSTANCE = {"instance_id": "cid-old", "updated_at": "2025-06-26T14:37:50.069Z"}


class WatchedStore(MemoryStore):
    """A ledger that tells the world what it has committed, whose disk may fail, and which may be moved away."""

    def __init__(self, world):
        super().__init__(lambda pid: pid in world.alive, world.loop.time)
        self._world = world
        self.linked, self._sole = LinkedJournal(), ""
        self._commits_to_go, self._away_for = world.scenario.ledger_away or (None, 0.0)
        self._back_at = -1.0

    @property
    def is_away(self):
        return self._world.loop.time() < self._back_at

    def stay(self):
        """It is where it belongs, from now on."""
        self._commits_to_go, self._back_at = None, -1.0

    def check_place(self):
        if self.is_away:
            raise LedgerError("the ledger's file was moved away")

    def _move_away_in_time(self):
        if self._commits_to_go is not None:
            self._commits_to_go -= 1
        if self._commits_to_go == 0:
            self._world.note("ledger", "moved away")
            self._back_at = self._world.loop.time() + self._away_for

    def acquire(self, lanes, holder, now):
        self.check_place()  # who begins meanwhile finds no ledger
        self._world.runs[holder.run_id].write()
        return super().acquire(lanes, holder, now)

    def commit(self, records, run_id, fences, now):
        self._world.runs[run_id].write()
        self._sole = run_id if fences else ""
        try:
            lost = super().commit(records, run_id, fences, now)
        finally:
            self._sole = ""
        if records:
            self._world.runs[run_id].event("committed", len(records))
            self._move_away_in_time()
        return lost

    def release(self, run_id, recent, now):
        if not self._world.runs[run_id].dead:
            super().release(run_id, recent, now)
            self.linked.chains.forget(run_id)

    def _append(self, records):
        super()._append(records)
        linking = self.linked.chains.linking(records, self._sole)
        self.linked.append(linking, records)
        self.linked.chains.keep(linking, self._sole)
        for record in records:
            self._world.watch.committed(record, astray=self.is_away)


class SleepyJournal(VirtualJournal):
    """A journal whose process may be suspended: nothing is committed, and nobody is told, until it wakes."""

    run = None

    def record(self, record):
        return asyncio.ensure_future(self._awake_record(record))

    async def _awake_record(self, record):
        await self.run.awake()
        await super().record(record)

    def _commit(self):
        if self.run.asleep:
            self.run.on_wake.append(self._commit)
        else:
            super()._commit()

    def _renew(self):
        if self.run.asleep:
            self.run.on_wake.append(self._renew)
        else:
            super()._renew()


class Front:
    """A process's way to the network. Its machine may have too few files for another connection."""

    def __init__(self, run, api):
        self._run = run
        self._api = api
        self._open = 0

    async def start(self, target, permit, *, check):
        return await self._connected(self._api.start(target, permit, check=check), lambda fault: fault)

    async def list(self, target, page, *, is_ordered, check):
        return await self._connected(self._api.list(target, page, is_ordered=is_ordered, check=check), Read)

    async def get(self, target, *, check):
        return await self._connected(self._api.get(target, check=check), Read)

    async def contact_lists(self, target, *, check):
        return await self._connected(self._api.contact_lists(target, check=check), Read)

    async def status(self, target, *, check):
        return await self._connected(self._api.status(target, check=check), Read)

    async def _connected(self, call, answer_of):
        with contextlib.closing(call):
            await self._run.awake()
            world, self._open = self._run.world, self._open + 1
            try:
                most = world.manifest.connections
                world.require(self._open <= most, "P2", f"{self._open} connections of {self._run.name}, {most} allowed")
                if world.lacks_files(self._open):
                    self._run.event("no file", self._open)
                    return answer_of(Fault(Progress.UNSENT, checkers.NO_FILE, None, 0.0, lacks="open files"))
                return await call
            finally:
                self._open -= 1


class Run:
    """One run of the tool on one host."""

    def __init__(self, world, name, script, fate, manifest=None):
        self.world, self.name, self.script = world, name, script
        self.pid = len(world.runs) + 1
        self.error = None
        self.events = self.writes = self.sent_starts = 0
        self.dead = self.asleep = self.signalled = False
        connecting = world.manifest.timeouts.total if "slow_connect" in world.scenario.start_faults else 0.0
        self.on_wake, self.pauses = [], PauseWatch(4 * world.scenario.commit_seconds + connecting)
        self._woken = asyncio.Event()
        self._journal = self._task = None
        world.runs[name] = self
        clock = VirtualClock(world.scenario.base + script.clock_step, world.loop)
        api = VirtualApi(world.platform, clock, fate, world.manifest.timeouts.total, watcher=self,
                         platform_clock=VirtualClock(world.scenario.base, world.loop))  # fmt: skip
        self.process = SimulatedRun(
            manifest or world.manifest, Holder(name, "day", "host", self.pid), world.store, Front(self, api), clock,
            self._journal_of, choice=Choice(Selection(), script.retry_failed), random=world.rnd.random,
        )  # fmt: skip

    def _journal_of(self, taken):
        self._journal = SleepyJournal(
            self.world.store, self.name, taken, self.process.clock, takes=self.world.scenario.commit_seconds
        )
        self._journal.run = self
        return self._journal

    async def go(self):
        """Run to the end, whatever it is; the result, or None where there is none."""
        self.world.alive.add(self.pid)
        self._task = asyncio.create_task(self.process.run())
        if self.script.kill_after is not None:
            self.world.loop.call_later(self.script.kill_after, self.kill)
        try:
            result = await self._task
        except (asyncio.CancelledError, StopRequested):
            result = None
        except OrchestratorError as error:
            if not self.dead:
                text = f"{self.name} ends with {error.exit_code} after {self.sent_starts} starts"
                self.world.require(error.exit_code not in range(2, 10) or not self.sent_starts, "P6", text)
            self.error, result = error, None
        except Exception:
            if not self.dead:
                raise
            result = None
        self.world.alive.discard(self.pid)
        return None if self.dead else result

    async def awake(self):
        if self.dead:
            raise asyncio.CancelledError
        while self.asleep:
            self._woken.clear()
            await self._woken.wait()
            if self.dead:
                raise asyncio.CancelledError

    def write(self):
        self.writes += 1
        failing = self.script.fail_write
        if failing is not None and self.writes >= failing:
            raise LedgerError("database or disk is full", next_step="free some space")

    # What happens to it

    def event(self, what, *about):
        world = self.world
        world.note(self.name, what, *about)
        self.events += 1
        if self.events == self.script.suspend_at:
            world.loop.call_soon(self.suspend)
        if self.events == self.script.signal_at:
            world.loop.call_soon(self.signal)
        if self.events == self.script.kill_at:
            world.loop.call_soon(self.kill)

    def kill(self):
        if self.dead or self._task.done():
            return
        self.world.note(self.name, "killed")
        self.dead = True
        self.world.alive.discard(self.pid)
        if self._journal is not None:
            self._journal.die(committed=self.script.kill_commits and not self.asleep)
        self._woken.set()
        self._task.cancel()

    def suspend(self):
        if not self._task.done():
            self.world.note(self.name, "suspended")
            self.asleep = True
            self.world.loop.call_later(self.script.suspend_for, self.wake)

    def wake(self):
        if self.dead:
            return
        self.world.note(self.name, "woken")
        self.asleep = False
        self.pauses.woken(self.world.loop.time())
        self._woken.set()
        waiting, self.on_wake = self.on_wake, []
        for call in waiting:
            call()

    def signal(self):
        if self.dead or self._task.done():
            return
        if self.asleep:
            self.on_wake.append(self.signal)
            return
        self.world.note(self.name, self.script.signal)
        self.signalled = True
        self.process.stop_signal.set(Stop(StopReason(self.script.signal), f"{self.script.signal} received"))
        if self.script.again_after is not None:
            self.world.loop.call_later(self.script.again_after, self._task.cancel)

    # What the network tells

    def sent(self, call, permit):
        self.event("sent", call.op, call.key)
        self.world.checked(self.pauses.sent, self.world.loop.time(), call.account_id, call.key)
        if call.op == "start":
            self.sent_starts += 1
            self.world.check_instance(call.key)
            self.world.check_delivered(call.key)
            self.world.checked(checkers.check_start_time, self.process.manifest, self.process.clock.now(), call.key)
            self.world.checked(
                self.world.watch.sent, self.world.loop.time(), self.name, call.key, permit.attempt,
                signalled=self.signalled,
            )  # fmt: skip

    def arrived(self, call):
        self.event("arrived", call.op, call.key)
        self.world.reads[call.stream] += call.op in {"list", "get"}
        self.world.list_reads[call.stream] += call.op == "lists"
        self.world.tenants_call(call.account_id, self.world.loop.time())
        self.world.checked(self.world.counters[call.account_id].arrived, self.world.loop.time(), call.key)

    def answered(self, call, answer):
        if self.dead:
            return
        status = answer.http_status
        self.event("answered", call.op, call.key, status)
        if status == 429:
            longest = max((w.seconds for w in self.world.accounts[call.account_id].rate), default=60.0)
            asked = None if isinstance(answer, Fault) else answer.retry_after
            self.pauses.limited(self.world.loop.time(), call.account_id, asked, longest)
        if call.op == "start":
            text = "" if isinstance(answer, Fault) else answer.text
            self.world.watch.answered(self.name, call.key, status, text)


class World:
    """One seed's day. Make it on the loop it runs on."""

    def __init__(self, scenario):
        self.scenario = scenario
        self.loop = asyncio.get_running_loop()
        self.rnd = random.Random(scenario.seed ^ 0x5EED)
        self.manifest, issues = parse(scenario.raw)
        assert self.manifest is not None, issues
        self.runs, self.alive, self.failures = {}, set(), []
        self.watch = SendWatch()
        self.store = WatchedStore(self)
        self.accounts = {a.account_id: a for a in self.manifest.accounts.values()}
        self.counters = {i: WindowCounter([(w.limit, w.seconds) for w in a.rate]) for i, a in self.accounts.items()}
        self.platform = Platform(self._platform_world(), retry_after=scenario.retry_after)
        self.keys = [c.key for c in self.manifest.campaigns]
        self._set_senders()
        self.reads = Counter()  # lists and reads by id, by stream
        self.list_reads = Counter()  # calls for contact lists, by stream
        self.events, self._trace = 0, hashlib.sha256()
        self._tenants, self._called = dict(scenario.tenants), {}
        self.silence, self._heard = 0.0, 0.0
        self.listed = {}  # what the platform's lists said: by campaign, (time, status, messages) in order
        self._canary = {c.key for c in self.manifest.campaigns if "canary" in c.tags}
        self._states, self._folded = {}, 0  # of the canary; and how many records they are of
        self._kept = {}  # messages that a campaign had sent when people touched it
        self._rerun = set()  # campaigns that people ran at the console
        leave = {c.key: c.rerun for c in self.manifest.campaigns}
        self._instances = {key: rerun.instance for key, rerun in leave.items() if isinstance(rerun, Rerun)}

    def _platform_world(self):
        states, names = self.scenario.states, {n: a.account_id for n, a in self.manifest.accounts.items()}
        return PlatformWorld(
            tuple(
                Account(i, "", "", "HS256", Limit(*limit), sorts_lists=i not in self.scenario.unsorted)
                for i, limit in self.scenario.server.items()
            ),
            (
                *self._outside(),
                *self._old_campaigns(),
                *(
                    Campaign(
                        c.stream,
                        c.campaign,
                        c.campaign,
                        names[c.account],
                        status=states.get(c.key, "Ready"),
                        contact_lists=self.scenario.lists.get(c.key, ()),
                        recipients=self.scenario.list_seconds.get(c.key, 3600),
                        **(OLD_INSTANCE if number % 2 else {}),
                    )
                    for number, c in enumerate(self.manifest.campaigns)
                    if states.get(c.key) != "missing"
                ),
            ),
        )

    def _set_senders(self):
        for key, (recipients, stalls_after) in self.scenario.senders.items():
            found = self.platform.campaign(*key.split("/"))
            if found is not None:
                self.platform.put(dataclasses.replace(found, recipients=recipients, stalls_after=stalls_after))

    def _owner(self, campaign):
        return self.manifest.accounts[campaign.account].account_id

    def _outside(self):
        """Running campaigns that no manifest names; each is Completed when its messages are sent.

        The oldest of a stream and the newest: in a crowd, a run may read no page with the newest on it.
        """
        owners = {c.stream: self._owner(c) for c in self.manifest.campaigns}
        for n, (stream, name, left) in enumerate(self.scenario.outside):
            yield Campaign(stream, f"other-{n}", f"other-{n}", owners[stream], status="Active", recipients=left,
                           sending_since=self.scenario.base, contact_lists=(name,), instance_id=f"cid-other-{n}",
                           created_at=f"{(2024, 2031)[n % 2]}-01-01T00:00:00.000Z")  # fmt: skip

    def _old_campaigns(self):
        """They are the oldest, so they fill the first pages of their stream's list."""
        owners = {c.stream: self._owner(c) for c in self.manifest.campaigns}
        for stream, count in self.scenario.crowds.items():
            for n in range(count):
                yield Campaign(stream, f"old-{n}", f"old-{n}", owners[stream], status="Completed",
                               created_at="2024-06-01T00:00:00.000Z", **OLD_INSTANCE)  # fmt: skip

    def note(self, *what):
        """Something happened."""
        self.events += 1
        self._hear()
        self._trace.update(f"{self.loop.time():.9f} {what}\n".encode())
        if self.trace_to is not None:
            self.trace_to(f"{self.loop.time():12.6f}  " + " ".join(map(str, what)))
        if self.events > MOST_EVENTS:
            raise Broken("P9: the day does not end")

    trace_to = None

    def _hear(self):
        """How long nothing happened at all: where no hours are closed, nobody has to wait that long for anything."""
        self.silence, self._heard = max(self.silence, self.loop.time() - self._heard), self.loop.time()

    @property
    def trace(self):
        return self._trace.hexdigest()

    def checked(self, check, *args, **kwargs):
        """A check whose failure nobody can swallow."""
        try:
            check(*args, **kwargs)
        except Broken as broken:
            self.failures.append(broken)
            raise

    def require(self, holds, promise, text):
        self.checked(require, holds, promise, text)

    async def live(self):
        """The day: all hosts at once, then the evening's run in peace. Raises Broken."""
        try:
            async with asyncio.timeout(LONGEST):
                await self._day()
        except TimeoutError:
            raise Broken("P9: the day does not end") from None
        finally:
            if self.failures:
                raise self.failures[0]

    async def _day(self):
        weather = Weather(self.scenario, self.rnd, self.manifest.timeouts.total).fate
        for at, key, action in self.scenario.people:
            self.loop.call_later(at, self._at_the_console, key, action)
        followers = [Follower(self, number, script, weather) for number, script in enumerate(self.scenario.followers)]
        async with asyncio.TaskGroup() as group:
            for number, chain in enumerate(self.scenario.hosts):
                group.create_task(self._host(number, chain, weather))
            for one in followers:
                group.create_task(one.go())
        self._tenants.clear()
        self.store.stay()
        await asyncio.sleep(300.0)  # whatever was queued at the platform has happened
        if self.scenario.resolves:
            self._resolve()
        await self._evening()
        if followers:
            last = Follower(self, len(followers), FollowScript(0.0, 60.0, None), clear_sky)
            await last.go()
            self.checked(check_deliveries, self.store.read("day"), self.listed)
            self.checked(last.check_last)
        self.checked(self.store.linked.check, "day", self.store.read("day"))

    def _at_the_console(self, key, action):
        found = self.platform.campaign(*key.split("/"))
        if found is None:
            return
        self.note("somebody", action, key)
        # The platform forgets it when the campaign is stopped.
        self._kept[key] = self.platform.at(found, self.scenario.base + self.loop.time()).messages_sent
        people.ACTIONS[action](self.platform, found, self.scenario.base + self.loop.time())
        if action == "rerun":
            self._rerun.add(key)

    def check_instance(self, key):
        """P1: leave for one instance ends with it. What people ran a moment ago, a run may not have read yet."""
        wanted = self._instances.get(key)
        if wanted is not None and key not in self._rerun:
            last = self.platform.campaign(*key.split("/")).instance_id
            self.require(last == wanted, "P1", f"{key} may run again after {wanted}, and is sent after {last}")

    def check_delivered(self, key):
        """P4: a wave opens only when the one before it is delivered as far as its `pass` asks, on the platform."""
        first = next((one for one in self.manifest.waves if one.pass_ and one.pass_.waits_for_delivery), None)
        if first is None or key in self._canary:
            return
        records = self.store.read("day")
        for record in records[self._folded :]:
            if record.campaign in self._canary and record.kind in KINDS:
                fold_record(self._states, record)
        self._folded, now = len(records), self.scenario.base + self.loop.time()
        started = {}
        for one, state in self._states.items():
            if state.state is State.STARTED:
                told = self.platform.at(self.platform.campaign(*one.split("/")), now)
                started[one] = told.status, max(told.messages_sent, self._kept.get(one, 0)), state.recipients
        self.checked(checkers.check_delivered, first.pass_, started)

    def tenants_call(self, account_id, until):
        """What others have sent by now; only what is in the server's window still matters."""
        share = self._tenants.get(account_id)
        if share is None:
            return
        calls, seconds = self.scenario.server[account_id]
        every = seconds / calls / share
        at = (
            max(self._called.get(account_id, 0.0), until - until % every - math.ceil(calls * share + 1) * every) + every
        )
        while at <= until:
            self.platform.arrive(account_id, self.scenario.base + at)
            self._called[account_id] = at
            at += every

    def lacks_files(self, connections):
        """Whether a machine cannot make the last of these connections now."""
        files, begins, lasts = self.scenario.few_files or (math.inf, 0.0, 0.0)
        return connections > files and begins <= self.loop.time() < begins + lasts

    async def _host(self, number, chain, weather):
        for turn, script in enumerate(chain):
            await asyncio.sleep(script.delay)
            begun = self.loop.time()
            run = Run(self, f"r-{number}-{turn}", script, weather)
            result = await run.go()
            if result is not None:
                self._check(run, result, self.loop.time() - begun)

    def _check(self, run, result, seconds):
        records, told = self.store.read("day"), result.as_json()
        self.checked(checkers.check_result, told, self.keys, records)
        self.checked(checkers.check_truth, told, self._acted(), self._running())
        self.checked(checkers.check_words, told, records)
        self.checked(checkers.check_held, told)
        self.checked(checkers.check_patience, records, self.manifest.retry.max_elapsed)
        self.checked(checkers.check_in_sight, self._seen_later(records).as_json(), records)
        self.checked(checkers.check_kept, self.watch.sends, run.name, records, run.process.unrecorded)
        self.checked(checkers.check_budget, told, self.counters)
        self.checked(checkers.check_lists, self.platform.hazards, self._rerun)
        if self.scenario.is_calm and "windows" not in self.scenario.raw:
            self.checked(self._check_speed, result, seconds)

    def _seen_later(self, records):
        """The result of a run whose manifest names none of the campaigns."""
        make = RunRecords("day", "r-later", lambda: self.scenario.base + self.loop.time())
        header = make.header(header_data(self.manifest, source="", sha256="", plan_sha256="", warnings=()))
        return build([*records, header, make.end(None, [], {}, {}, {})])

    def _check_speed(self, result, seconds):
        """P9: calls/limit + one window, and the latency's share of the budget (design section 7)."""
        require(result.exit_code == 0, "P9", f"a calm day ends with {result.exit_code}")
        self._check_reads()
        trip = self.scenario.latency[1] + 3 * self.scenario.commit_seconds
        bound = 0.0
        for account_id, counter in self.counters.items():
            calls = len(counter.arrivals)
            slowest = max(
                (calls / w.limit * (w.seconds + trip) + w.seconds for w in self.accounts[account_id].rate), default=0.0
            )
            # Starts leave sixteen at a time, reads one after the other.
            streams = {c.stream for c in self.manifest.campaigns if self._owner(c) == account_id}
            reads = sum(self.reads[stream] + self.list_reads[stream] for stream in streams)
            bound = max(bound, slowest + ((calls - reads) / 16 + reads + 2) * trip)
        require(seconds <= bound, "P9", f"took {seconds:.3f} s, {bound:.3f} s at the most")

    def _check_reads(self):
        """P9: a stream is read in as few calls as its pages, or as the campaigns that are wanted, and one more.

        Where starts take longer than live states stay good, what is left is read again: one call for 25 starts at most.
        """
        again = len(self.manifest.campaigns) / 25 if self.loop.time() > FRESH_SECONDS else 0
        for stream, wanted in Counter(c.stream for c in self.manifest.campaigns).items():
            pages = math.ceil((wanted + self.scenario.crowds.get(stream, 0)) / PAGE_SIZE)
            reads = self.reads[stream]
            lists = self.list_reads[stream]
            require(lists == 1, "P9", f"{lists} calls for the contact lists of {stream}, all of whose campaigns start")
            most = min(pages, wanted) + 1 + again
            require(reads <= most, "P9", f"{reads} reads for {wanted} campaigns on {pages} pages")

    def _acted(self):
        return {f"{start.stream}/{start.campaign}" for start in self.platform.starts}

    def _running(self):
        """What ran, no matter who started it: a read that says so counts as evidence (design section 2)."""
        return {key for key, state in self.scenario.states.items() if state in ("Active", "Preparing")} | self._rerun

    def _resolve(self):
        """A person looks at the console, and says what became of each unknown campaign."""
        records = self.store.read("day")
        attempts = {r.campaign: r for r in records if r.kind == "intent"}
        now = self.scenario.base + self.loop.time()
        for key, proof in checkers.replay(records).items():
            if proof == "unknown":
                event = "resolved_started" if key in self._acted() | self._rerun else "resolved_not_started"
                intent = attempts[key]
                data = {"event": event, "message": "seen in the console"}
                self.store.append(Record("day", key, intent.attempt, "resolve", "person", now, intent.lane, data), now)

    async def _evening(self):
        """Two more runs, in peace: the first ends what can be ended, the second has nothing to send."""
        for name, is_last in (("r-evening", False), ("r-night", True)):
            before, self.silence, self._heard = (
                sum(run.sent_starts for run in self.runs.values()),
                0.0,
                self.loop.time(),
            )
            script = RunScript(0.0, retry_failed=not is_last and self.scenario.resolves)
            # By then, a person has let it start as late as it is.
            run = Run(self, name, script, clear_sky, self.manifest.model_copy(update={"not_after": None}))
            result = await run.go()
            self.require(result is not None, "P3", f"{name} has no result: {run.error}")
            self._hear()
            is_hasty = not self.scenario.raw.keys() & {"windows", "not_before"}
            waits = self.silence > LONGEST_SILENCE and is_hasty
            self.require(not waits, "P9", f"nothing happened for {self.silence:.0f} s in {name}")
            self._check(run, result, 0.0)
            sent = sum(one.sent_starts for one in self.runs.values()) - before
            allowed = {"stop_when", "waves", "windows", "same_list"} & self.scenario.raw.keys()
            self.require(
                result.totals["held"] == 0 or bool(allowed), "P3", f"{name} holds {result.totals['held']} campaigns"
            )
            if is_last and not allowed:
                self.require(sent == 0, "P1", f"{sent} starts in a run that has nothing to do")
        # What people ran is left to SendWatch: the platform counts the starts that it refused because of them, too.
        ready = [key for key in self.keys if key not in self.scenario.states and key not in self._rerun]
        for key in ready:
            self.require(
                self.platform.start_counts[key] <= 1, "P1", f"{key} was started {self.platform.start_counts[key]} times"
            )


@dataclass(frozen=True)
class Day:
    """What a seed came to."""

    seed: int
    trace: str
    events: int
    virtual_seconds: float
    cpu_seconds: float
    broken: str | None


def simulate(seed, *, trace_to=None, scenario=None):
    """Live one day in virtual time."""
    begun = time.process_time()
    world = []

    async def main():
        world.append(World(scenario or draw(seed)))
        world[0].trace_to = trace_to
        await world[0].live()

    broken = None
    try:
        virtual.run_virtually(main())
    except BaseExceptionGroup as group:
        broken = world[0].failures[0] if world[0].failures else group
    except (Broken, virtual.Deadlock) as error:
        broken = error
    if isinstance(broken, BaseException) and not isinstance(broken, (Broken, virtual.Deadlock)):
        raise broken
    one = world[0]
    cpu = time.process_time() - begun
    return Day(seed, one.trace, one.events, one.loop.time(), cpu, None if broken is None else f"{broken}")
