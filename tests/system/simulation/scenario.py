"""A bad day, drawn from one number."""

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

DAY = 86400.0
CLEAR_SKY = datetime(2026, 3, 4, 15, tzinfo=UTC).timestamp()
DST = tuple(
    datetime(*when, tzinfo=UTC).timestamp()
    for when in [(2026, 3, 8, 6, 50), (2026, 11, 1, 5, 50), (2026, 3, 29, 0, 50), (2026, 10, 25, 0, 50)]
)
FOLLOWED = (6, 8)
"""Of thirteen days, those that are followed. Not drawn: the days that catch the seeded bugs are to stay as they are."""
DELIVERED = (3, 24)
"""Of twenty-six days, those with a first wave that must be delivered before the next one opens. Not drawn, either."""
START_FAULTS = (
    "unsent", "slow_connect", "lost", "cut", "reset_before", "reset_after", "hang_before", "hang_after", "late",
    "late_silent", "limited", "limit_text", "error_before", "error_after", "html", "envelope", "list", "truncated",
    "huge", "drip",
    "unauthorized", "rejected", "odd_status",
)  # fmt: skip
READ_FAULTS = (
    "unsent",
    "lost",
    "cut",
    "error_before",
    "limited",
    "unauthorized",
    "html",
    "envelope",
    "truncated",
    "drip",
)


@dataclass(frozen=True)
class RunScript:
    """What befalls one run of the tool. Numbers count the run's own events: sends, arrivals, answers, commits."""

    delay: float
    kill_at: int | None = None
    kill_commits: bool = False  # what was on its way to the disk arrives there
    signal_at: int | None = None
    signal: str = "SIGINT"
    again_after: float | None = None  # a second signal, this many seconds later
    suspend_at: int | None = None
    suspend_for: float = 0.0
    fail_write: int | None = None
    retry_failed: bool = False
    clock_step: float = 0.0
    kill_after: float | None = None  # seconds after it began, while it may wait for its time


@dataclass(frozen=True)
class FollowScript:
    """One that follows the launch: from when on, how often it reads, and for how long until it is killed."""

    delay: float
    every: float
    kill_after: float | None


@dataclass(frozen=True)
class Scenario:
    """All that a seed decides beforehand; what single calls meet is drawn as they are made."""

    seed: int
    raw: dict
    base: float
    commit_seconds: float
    server: dict  # account id -> (calls, seconds)
    retry_after: str
    tenants: dict  # account id -> share of the server's limit
    states: dict  # campaign key -> status; "missing" is none
    hosts: list  # a chain of RunScripts each
    latency: tuple  # least and most, seconds
    start_faults: dict = field(default_factory=dict)
    read_faults: dict = field(default_factory=dict)
    resolves: bool = False
    people: list = field(default_factory=list)  # what they do at the console: (seconds into the day, campaign, action)
    unsorted: frozenset = frozenset()  # accounts whose lists are refused with a `sortBy`
    crowds: dict = field(default_factory=dict)  # stream -> how many old campaigns of other launches it has
    ledger_away: tuple | None = None  # after how many commits the ledger is moved away, and for how many seconds
    lists: dict = field(default_factory=dict)  # campaign key -> the contact lists that it shares with others
    outside: list = field(default_factory=list)  # running campaigns of others: (stream, list, messages left to send)
    list_seconds: dict = field(default_factory=dict)  # campaign key -> how long it sends
    few_files: tuple | None = None  # how many connections each machine can make, from which second on, for how many
    followers: list = field(default_factory=list)  # who follow what was started: Follower scripts
    senders: dict = field(default_factory=dict)  # campaign key -> (recipients, messages after which it stalls or None)
    start: tuple | None = None  # `not_before` and `not_after`, in seconds of the day; the latter may be None

    @property
    def is_calm(self):
        """Nothing goes wrong: the run must be fast."""
        bad = self.start_faults or self.read_faults or self.tenants or self.ledger_away or self.people or self.few_files
        bad = bad or self.followers
        return not bad and self.hosts == [[RunScript(0.0)]]


def draw(seed):
    rnd = random.Random(seed)
    calm = rnd.random() < 0.2
    accounts = [f"a{i}" for i in range(rnd.choice([1, 1, 1, 2, 2, 3, 4, 5]))]
    raw = manifest(rnd, accounts, int(500 ** (rnd.random() ** 3.6)), calm=calm)
    keys = [f"{c['stream']}/{c['campaign']}" for c in raw["campaigns"]]
    start = None if calm else start_times(random.Random(f"start of {seed}"))
    few_files = None if calm else scarcity(random.Random(f"machines of {seed}"), raw)
    crowded = crowds(random.Random(f"crowds of {seed}"), keys)
    lists = {} if calm else shared_lists(random.Random(f"contacts of {seed}"), raw, keys)
    scenario = Scenario(
        seed=seed,
        raw=raw,
        base=rnd.choice(DST) if "windows" in raw and rnd.random() < 0.5 else CLEAR_SKY + rnd.uniform(0, 7 * DAY),
        commit_seconds=rnd.choice([0.0001, 0.002, 0.05]),
        server={f"id-{a}": server_limit(rnd, raw["accounts"][a]["rate"], calm=calm) for a in accounts},
        retry_after=rnd.choice(["seconds", "date", "none"]),
        tenants={} if calm or rnd.random() < 0.7 else tenants(rnd, raw["accounts"]),
        states={} if calm else {k: s for k in keys if (s := state(rnd)) != "Ready"},
        hosts=[[RunScript(0.0)]] if calm else [chain(rnd) for _ in range(rnd.choice([1, 1, 1, 2, 3]))],
        latency=rnd.choice([(0.001, 0.05), (0.05, 0.5)] if calm else [(0.001, 0.05), (0.05, 2.0), (0.001, 120.0)]),
        start_faults={} if calm else faults(rnd, START_FAULTS),
        read_faults={} if calm else faults(rnd, READ_FAULTS),
        resolves=rnd.random() < 0.3,
        people=[] if calm else people(random.Random(f"people of {seed}"), keys),
        unsorted=frozenset() if calm else unsorted(random.Random(f"lists of {seed}"), accounts),
        crowds=crowded,
        **lists,
        ledger_away=None if calm else away(random.Random(f"ledger of {seed}")),
        few_files=few_files,
        start=start,
    )
    scenario = with_start(random.Random(f"waits of {seed}"), scenario) if start else scenario
    if seed % 26 in DELIVERED:
        return with_delivery(random.Random(f"deliveries of {seed}"), scenario, keys)
    return with_followers(random.Random(f"followers of {seed}"), scenario, keys) if seed % 13 in FOLLOWED else scenario


def with_delivery(rnd, scenario, keys):
    """The day with a wave that waits for what becomes of the first one, whose campaigns end, stall, or are paused."""
    if scenario.is_calm:
        return scenario
    asked = {"completed": rnd.choice(["50%", "100%"]), "sent": rnd.choice(["50%", "95%"])}
    for name in rnd.sample(sorted(asked), rnd.choice([0, 0, 1])):
        del asked[name]
    canary = {"name": "canary", "tags": ["canary"], "bake": rnd.choice(["0s", "5m"])}
    scenario.raw["waves"] = [canary | {"pass": {**asked, "within": rnd.choice(["10m", "2h"])}}]
    first = rnd.sample(range(len(keys)), max(1, int(len(keys) * rnd.random() * 0.5)))
    for number in first:
        scenario.raw["campaigns"][number]["tags"] = ["canary"]
    chosen = [keys[number] for number in first]
    senders = {key: (int(1800 ** rnd.random()), rnd.choice([None, None, None, None, 7])) for key in chosen}
    touched = [
        (3600.0 * rnd.random(), key, rnd.choice(["pause", "resume", "stop"])) for key in chosen if rnd.random() < 0.2
    ]
    # What was completed may be changed and run again: that a wave passed by it is no accident.
    others = [one for one in scenario.people if one[1] not in senders]
    # Some have lists of their own, whose sizes are read; of the others nobody knows them.
    lists = {key: (f"own {key}",) for key in chosen if key not in scenario.lists and rnd.random() < 0.7}
    return replace(scenario, senders=senders, people=[*others, *touched], lists={**scenario.lists, **lists})


def with_followers(rnd, scenario, keys):
    """The day with one or two that follow what was started, and may be killed; and with campaigns that end or stall."""
    if scenario.is_calm:
        return scenario
    scripts = [
        FollowScript(rnd.choice([0.0, 30.0, 900.0]) * rnd.random(), rnd.choice([5.0, 20.0, 60.0]),
                     rnd.choice([None, 60.0, 1800.0]))
        for _ in range(rnd.choice([1, 1, 2]))
    ]  # fmt: skip
    senders = {key: (int(3600 ** rnd.random()), rnd.choice([None, None, None, 0, 7])) for key in keys}
    pauses = [
        (3600.0 * rnd.random(), key, rnd.choice(["pause", "resume", "stop"])) for key in keys if rnd.random() < 0.1
    ]
    return replace(scenario, followers=scripts, senders=senders, people=[*scenario.people, *pauses])


def start_times(rnd):
    """On some days nothing may start at first, and on some of these nothing after a while."""
    if rnd.random() >= 0.1:
        return None
    opens = int(rnd.choice([30.0, 600.0, 3600.0]) * rnd.random()) + 1
    return opens, opens + rnd.choice([1, 2, 5, 60, 1800]) if rnd.random() < 0.7 else None


def with_start(rnd, scenario):
    """The day with its start in the manifest; hosts may die while they wait for it."""
    opens, closes = scenario.start
    at = datetime.fromtimestamp(int(scenario.base) + opens, UTC)
    scenario.raw["not_before"] = (
        {"at": f"{at:%Y-%m-%dT%H:%M:%S}", "zone": "UTC"} if rnd.random() < 0.5 else at.isoformat()
    )
    if closes is not None:
        scenario.raw["not_after"] = datetime.fromtimestamp(int(scenario.base) + closes, UTC).isoformat()
    hosts = [
        [replace(one, kill_after=opens * 1.1 * rnd.random()) if rnd.random() < 0.4 else one for one in chain]
        for chain in scenario.hosts
    ]
    return replace(scenario, hosts=hosts)


def away(rnd):
    """Its own random numbers: another one drawn from the seed's would change every day after it."""
    return (int(300 ** rnd.random()), rnd.choice([0.5, 5.0, 120.0])) if rnd.random() < 0.1 else None


def scarcity(rnd, raw):
    """Machines that have too few files for their connections for a while, on days with few of these at a time."""
    if rnd.random() >= 0.09:
        return None
    files = rnd.randrange(4)
    raw["connections"] = rnd.choice([max(1, files), files + 1, files + 4, 100])
    return files, rnd.choice([0.0, 5.0, 60.0]) * rnd.random(), rnd.choice([2.0, 10.0, 25.0])


def people(rnd, keys):
    """What they do to some of the campaigns, most of it while the first runs are under way."""
    if rnd.random() < 0.5:
        return []
    touched = rnd.sample(keys, min(len(keys), int(20 * rnd.random() ** 2) + 1))
    actions = ("edit", "edit", "save", "rename", "reschedule", "stop", "rerun")
    return [(rnd.choice([1.0, 60.0, 900.0]) * rnd.random(), key, rnd.choice(actions)) for key in touched]


def crowds(rnd, keys):
    """Streams that are full of old campaigns, on calm days, too."""
    if rnd.random() < 0.85:
        return {}
    streams = dict.fromkeys(key.partition("/")[0] for key in keys)
    return {stream: int(50 * 40 ** rnd.random()) for stream in streams if rnd.random() < 0.7}


def shared_lists(rnd, raw, keys):
    """Campaigns that share contact lists, with each other and with running ones of others."""
    if raw["preflight"]["check"] != "list" or rnd.random() < 0.5:
        return {}
    raw["same_list"] = rnd.choice(["hold", "sequence", "sequence"])
    raw["same_list_wait"] = rnd.choice(["10m", "2h", "12h"])
    most = max(1, int(len(keys) * rnd.random()))
    lists = {key: tuple(f"list {rnd.randrange(most)}" for _ in range(rnd.choice([1, 1, 2]))) for key in keys}
    streams = list(dict.fromkeys(key.partition("/")[0] for key in keys))
    drawn = [(rnd.random(), f"list {rnd.randrange(most)}", int(20000 * rnd.random())) for _ in range(3)]
    others = [(streams[int(share * len(streams))], name, left) for share, name, left in drawn]
    sends = {key: int(7200 ** rnd.random()) for key in keys}
    return {"lists": lists, "outside": others, "list_seconds": sends}


def unsorted(rnd, accounts):
    return frozenset(f"id-{a}" for a in accounts if rnd.random() < 0.1)


def faults(rnd, kinds):
    """A few kinds at a time, so that they meet each other; now and then all of them."""
    chosen = kinds if rnd.random() < 0.2 else rnd.sample(kinds, rnd.randrange(0, 5))
    total = rnd.choice([0.02, 0.1, 0.3, 0.7])
    return {kind: total / len(chosen) for kind in chosen}


def state(rnd):
    if rnd.random() < 0.95:
        return "Ready"
    return rnd.choice(["Active", "Completed", "Stopped", "Scheduled", "Paused", "Preparing", "Odd", "missing"])


def windows_of(rnd):
    choice = rnd.random()
    if choice < 0.1:
        return "unlimited"
    if choice < 0.4:
        return ["50/60s", "10/10s"]
    many = [f"{rnd.randint(1, 20)}/{rnd.choice([1, 2, 5, 10, 60])}s" for _ in range(rnd.choice([1, 1, 2]))]
    return list({w.partition("/")[2]: w for w in many}.values())


def tenants(rnd, accounts):
    limited = [one["account_id"] for one in accounts.values() if one["rate"] != "unlimited"]
    return {account_id: rnd.choice([0.1, 0.5, 0.9, 1.0]) for account_id in limited}


def server_limit(rnd, rate, *, calm):
    if rate == "unlimited":
        return 10**9, 1.0
    longest = max(((int(w.split("/")[0]), float(w.split("/")[1][:-1])) for w in rate), key=lambda w: w[1])
    factor = 1.0 if calm else rnd.choice([1.0, 1.0, 1.2, 0.5])
    return max(1, int(longest[0] * factor)), longest[1]


def manifest(rnd, accounts, count, *, calm):
    raw = {
        "version": 1, "launch": "day", "host": "https://kore.example",
        "accounts": {a: account(rnd, a, calm=calm) for a in accounts},
        "campaigns": [campaign(rnd, accounts, n, calm=calm) for n in range(max(1, count))],
        "retry": {"attempts": rnd.randint(1, 6), "backoff": rnd.choice(["0.1s..1s", "1s..60s"]),
                  "max_elapsed": rnd.choice(["30s", "10m"])},
        "timeouts": {"connect": "1s", "total": rnd.choice(["2s", "5s", "30s", "60s"])},
        "preflight": {"check": rnd.choice(["list", "list", "status", "off"])},
    }  # fmt: skip
    if calm:
        return raw | {"timeouts": {"connect": "1s", "total": "30s"}, "preflight": {"check": "list"}}
    if raw["preflight"]["check"] == "list":
        allow_one_instance(raw["campaigns"])
    if rnd.random() < 0.5:
        raw["probe"] = {"settle": f"{rnd.choice([0, 1, 30, 120])}s"}
    if rnd.random() < 0.3:
        raw["waves"] = [{"name": "canary", "tags": ["canary"], "bake": rnd.choice(["0s", "10m"]),
                         "pass": {"started": rnd.choice(["50%", "100%"])}}, {"name": "rest"}]  # fmt: skip
        raw["campaigns"][0]["tags"] = ["canary"]
    if rnd.random() < 0.3:
        raw["stop_when"] = {"failed": rnd.choice([3, "20%"]), "unknown": rnd.choice([1, 3, "5%"]), "min_sample": 5}
    if rnd.random() < 0.2:
        raw["windows"] = {"day": {"zones": rnd.choice([["America/New_York"], ["Europe/Berlin", "Europe/London"]]),
                                  "hours": rnd.choice(["01:00-03:30", "09:00-20:00"])}}  # fmt: skip
        raw["campaigns"][-1]["window"] = "day"
    return raw


def allow_one_instance(campaigns):
    """Some that may run again may do so only while `cid-old` is their last instance: it is that of the odd ones."""
    for number, one in enumerate(campaigns):
        if one.get("rerun") and number % 3:
            one["rerun"] = {"instance": "cid-old"}


def account(rnd, name, *, calm):
    in_flight = 16 if calm else rnd.choice([1, 2, 8, 16])
    return {"account_id": f"id-{name}", "client_id": {"env": "ID"}, "client_secret": {"env": "SECRET"},
            "rate": windows_of(rnd), "in_flight": in_flight}  # fmt: skip


def campaign(rnd, accounts, number, *, calm):
    name = accounts[number % len(accounts)]
    one = {"account": name, "stream": f"st-{name}-{rnd.choice('xy')}", "campaign": f"cd-{number}"}
    return one if calm or rnd.random() < 0.9 else one | {"rerun": True}


def chain(rnd):
    return [run_script(rnd, first=n == 0) for n in range(rnd.randint(1, 4))]


def run_script(rnd, *, first):
    trouble = rnd.choice(["none", "none", "kill", "kill", "signal", "suspend", "disk", "kill and suspend"])
    moment = int(1000 ** rnd.random())
    return RunScript(
        delay=0.0 if first else rnd.choice([0.0, 0.5, 40.0, 600.0]) * rnd.random(),
        kill_at=moment if "kill" in trouble else None,
        kill_commits=rnd.random() < 0.5,
        signal_at=moment if trouble == "signal" else None,
        signal=rnd.choice(["SIGINT", "SIGTERM", "SIGHUP"]),
        again_after=rnd.choice([None, None, 0.0, 5.0]),
        suspend_at=int(moment * rnd.random()) if "suspend" in trouble else None,
        suspend_for=rnd.choice([1.0, 31.0, 70.0, 70.0, 600.0]),
        fail_write=int(300 ** rnd.random()) if trouble == "disk" else None,
        retry_failed=rnd.random() < 0.3,
        clock_step=rnd.choice([0.0, 0.0, 0.0, 0.0, 0.0, -3600.0, -5.0, 5.0, 90.0, 3600.0]),
    )
