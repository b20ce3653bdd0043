"""The promises, checked from outside: nothing here is shared with the engine, and nothing asks it what it thinks.

Times are true seconds of the simulated world, not those of any host's clock.
"""

from collections import defaultdict
from dataclasses import dataclass, field

PROVES_NOT_DELIVERED = {401, 429, 400, 403, 404, 405, 412, 422, *range(300, 400)}
RATE_LIMIT_WORDS = ("exceeded the per-minute rate limit", "exceeded the hourly rate limit", "rate limit for this api")

NO_FILE = "too few open files"


class Broken(AssertionError):  # noqa: N818 - it is what happened to a promise
    """A promise does not hold. The message begins with its number."""


def require(holds, promise, text):
    if not holds:
        raise Broken(f"{promise}: {text}")


class WindowCounter:
    """P2: counts what arrives at the platform, by force; arrivals come in the order of time."""

    def __init__(self, windows):
        self.windows = windows  # (calls, seconds)
        self.arrivals = []

    def arrived(self, at, what):
        self.arrivals.append(at)
        for calls, seconds in self.windows:
            if len(self.arrivals) <= calls:
                continue
            span = at - self.arrivals[-calls - 1]
            require(
                span >= seconds,
                "P2",
                f"{calls + 1} calls arrived within {span:.6f} s of {seconds} s: {what} at {at:.6f}",
            )
            begun = at - at % seconds  # a calendar window of the same length
            require(self.arrivals[-calls - 1] < begun, "P2", f"{calls + 1} calls in the calendar window from {begun}")


@dataclass
class PauseWatch:
    """P2, where others share the account: after a 429, nothing leaves for as long as was asked, else for a window.

    But for what was on its way: calls that were let go before may leave within `grace` seconds.
    """

    grace: float
    since: dict = field(default_factory=dict)  # account -> when the pause began
    until: dict = field(default_factory=dict)  # account -> when the next call may leave

    def limited(self, at, account, asked, longest):
        seconds = longest if asked is None else int(asked) if asked.isdigit() else 0
        if at >= self.until.get(account, 0.0):
            self.since[account] = at
        self.until[account] = max(self.until.get(account, 0.0), at + seconds)

    def woken(self, at):
        """What a suspended process had let go leaves when it wakes."""
        self.since = dict.fromkeys(self.until, at)

    def sent(self, at, account, what):
        until = self.until.get(account, 0.0)
        is_on_its_way = at <= self.since.get(account, 0.0) + self.grace
        require(
            at >= until - 1e-6 or is_on_its_way,
            "P2",
            f"{what} left at {at:.3f}, and a limited lane waits until {until:.3f}",
        )


@dataclass
class Send:
    """A start whose first byte left."""

    process: str
    attempt: int
    at: float
    proven: bool = False  # its answer proves that it was not carried out
    answered: bool = False


@dataclass
class SendWatch:
    """P1, P5 and P8: looks at every start at the moment when its first byte leaves."""

    intents: dict = field(default_factory=dict)  # (campaign, attempt) -> run, as committed
    cleared: dict = field(default_factory=lambda: defaultdict(int))  # by a person, as committed
    sends: dict = field(default_factory=lambda: defaultdict(list))

    def committed(self, record, *, astray=False):
        """A record is in the ledger; `astray`: in a file that a run which begins now would not find."""
        if record.kind == "intent" and astray:
            self.intents[record.campaign, record.attempt] = "astray"
        elif record.kind == "intent":
            self.intents[record.campaign, record.attempt] = record.run_id
        elif record.kind == "resolve" and record.data["event"] == "resolved_not_started":
            # A person's word settles what was sent until then.
            for send in self.sends[record.campaign]:
                send.proven = True

    def sent(self, at, run, campaign, attempt, *, signalled):
        key = campaign
        require(
            self.intents.get((key, attempt)) == run,
            "P5",
            f"{key}: attempt {attempt} left at {at} with no committed intent",
        )
        require(not signalled, "P8", f"{key}: a start left at {at}, after the signal")
        for earlier in self.sends[key]:
            require(earlier.proven, "P1", f"{key}: sent at {at}, and its start of {earlier.at} may have been delivered")
        self.sends[key].append(Send(run, attempt, at))

    def answered(self, run, campaign, http_status, text):
        send = next(s for s in reversed(self.sends[campaign]) if s.process == run)
        send.answered = True
        limited = (
            http_status is not None and 400 <= http_status < 500 and any(w in text.lower() for w in RATE_LIMIT_WORDS)
        )
        send.proven = send.proven or http_status in PROVES_NOT_DELIVERED or limited


def replay(records):
    """What the journal proves, campaign by campaign: started, failed, open, unknown or clear."""
    proven = {}
    for record in records:
        if record.campaign.startswith("@") or record.kind.startswith("late_"):
            continue
        event = record.data.get("event", record.kind) if record.kind in ("verdict", "resolve") else record.kind
        proven[record.campaign] = {
            "intent": "open",
            "accepted": "started", "evidence": "started", "resolved_started": "started",
            "rejected": "failed", "gave_up": "failed",
            "not_sent": "clear", "limited": "clear", "unauthorized": "clear", "resolved_not_started": "clear",
            "indeterminate": "open", "no_evidence": "unknown",
        }[event]  # fmt: skip
    return proven


AGREES = {
    "started": {"started"},
    "already_started": {"started", "clear", "failed", None},  # people may have started it meanwhile
    "failed": {"failed", None},
    "unknown": {"open", "unknown"},
    "held": {"clear", None},
    "skipped": {
        "clear",
        "failed",
        "started",
        None,
    },  # a deselected campaign keeps its past, and an unknown stays in sight
}


def check_result(result, keys, records):
    """P3: every campaign once, each outcome as the journal proves it, totals that add up, the right exit code."""
    told = [(c["stream"] + "/" + c["campaign"], c["outcome"], c["reason"]) for c in result["campaigns"]]
    require(sorted(key for key, _, _ in told) == sorted(keys), "P3", "the report does not have every campaign once")
    proven = replay(records)
    for key, outcome, reason in told:
        require(
            proven.get(key) in AGREES[outcome],
            "P3",
            f"{key} is {outcome} ({reason}), the journal proves {proven.get(key)}",
        )
        if outcome == "failed" and proven.get(key) is None:
            require(reason == "not_found", "P4", f"{key} failed without an attempt: {reason}")
        if outcome == "already_started" and proven.get(key) != "started":
            require(reason == "live_state", "P4", f"{key} is already started because of {reason}")
    for outcome, count in result["totals"].items():
        require(count == sum(o == outcome for _, o, _ in told), "P3", f"totals say {count} {outcome}")
    require(
        result["run"]["exit_code"] == expected_exit(told, result["run"]["stop"]),
        "P3",
        f"exit code {result['run']['exit_code']}",
    )


def check_delivered(asked, started):
    """P4: what a wave's `pass` asks of what it started was so on the platform when the next one's starts left.

    `started`: by campaign its status, the messages it had sent, and its recipients (None: unknown) as journaled.
    """
    done = {key for key, (status, _, _) in started.items() if status == "Completed"}
    if asked.completed is not None:
        text = f"{len(done)} of {len(started)} were completed, {asked.completed:.0%} are asked for"
        require(len(done) >= asked.completed * len(started) - 1e-9, "P4", text)
    if asked.sent is None:
        return
    sizes = {key: size for key, (_, _, size) in started.items() if size is not None}
    reached = sum(size if key in done else min(started[key][1], size) for key, size in sizes.items())
    text = f"{reached} of {sum(sizes.values())} were sent to, {asked.sent:.0%} are asked for"
    require(reached >= asked.sent * sum(sizes.values()) - 1e-9, "P4", text)
    unknown = started.keys() - sizes.keys()
    text = f"{len(done & unknown)} of {len(unknown)} of unknown size were completed, {asked.sent:.0%} are asked for"
    require(len(done & unknown) >= asked.sent * len(unknown) - 1e-9, "P4", text)


def check_start_time(manifest, now, key):
    """P8: nothing leaves before `not_before` or from `not_after` on, by the clock of the host that sends it."""
    opens, closes = manifest.not_before, manifest.not_after
    require(opens is None or now >= opens.at, "P8", f"{key} left {opens and opens.at - now} s before not_before")
    require(closes is None or now < closes.at, "P8", f"{key} left {closes and now - closes.at} s after not_after")


def check_in_sight(result, records):
    """P4: a later run that names no campaign at all still reports each one that nobody knows about, and no other."""
    told = {c["stream"] + "/" + c["campaign"]: c["outcome"] for c in result["campaigns"]}
    open_ = {key: "unknown" for key, proof in replay(records).items() if proof in ("open", "unknown")}
    require(told == open_, "P4", f"unknown are {sorted(open_)}, in sight of a later run are {told}")
    code = result["run"]["exit_code"]
    require(code == (11 if open_ else 0), "P4", f"a later run ends with {code}")


def check_held(result):
    """P3: what one account's lane held names that account."""
    for c in result["campaigns"]:
        before, _, after = c["message"].partition("not started: account ")
        is_own = before or not after or after.startswith(f"{c['account']}: ")
        require(c["outcome"] != "held" or is_own, "P3", f"{c['campaign']} of {c['account']} is held: {c['message']}")


def check_patience(records, max_elapsed):
    """P9: what our own machine could not connect is no attempt: it is given up after its time, and not before."""
    first = {}
    for record in records:
        about = record.run_id, record.campaign
        if record.kind == "intent":
            first.setdefault(about, record.at)
        elif record.kind == "gave_up" and NO_FILE in record.data["message"]:
            tried = record.at - first[about]
            require(
                tried >= max_elapsed - 1e-6, "P9", f"{record.campaign} is given up for want of files after {tried} s"
            )


def check_words(result, records):
    """P4: what the platform answered stands in the report of every campaign that stays unknown."""
    answered = {}
    for record in records:
        if record.kind == "intent":
            answered.pop(record.campaign, None)
        elif record.kind == "verdict":
            answered[record.campaign] = record.data["message"]
    for c in result["campaigns"]:
        words = answered.get(c["stream"] + "/" + c["campaign"], "")
        require(c["outcome"] != "unknown" or words in c["message"], "P4", f"{words!r} is missing: {c['message']!r}")


def expected_exit(told, stop):
    outcomes = {outcome for _, outcome, _ in told}
    reason = stop["reason"] if stop else None
    if reason == "journal":
        return 13
    if "unknown" in outcomes:
        return 11
    if reason in ("SIGINT", "SIGTERM", "SIGHUP"):
        return {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129}[reason]
    if reason or "held" in outcomes:
        return 12
    left = {(o, r) for _, o, r in told if o == "failed" or (o == "skipped" and r not in ("disabled", "deselected"))}
    return 10 if left else 0


def check_truth(result, acted, running):
    """P4: what is said of a campaign against what the platform itself knows."""
    for c in result["campaigns"]:
        key = c["stream"] + "/" + c["campaign"]
        if c["outcome"] == "started" and c["reason"] in ("accepted", "evidence"):
            require(key in acted | running, "P4", f"{key} is reported as started; the platform never started it")
        if c["outcome"] in ("failed", "held"):
            require(key not in acted, "P4", f"{key} is reported as {c['outcome']}; the platform started it")


def check_kept(sends, run, records, unrecorded):
    """Never lose a record: each answer that a live process had is in the journal, or was handed to the person."""
    kept = {(r.campaign, r.attempt) for r in [*records, *unrecorded] if r.kind in ("verdict", "late_verdict")}
    for key, list_ in sends.items():
        for send in list_:
            if send.process == run and send.answered:
                require((key, send.attempt) in kept, "P3", f"{key}: the answer to attempt {send.attempt} is lost")


def check_lists(hazards, by_people):
    """No start of ours on a contact list that another campaign uses, unless people ran one of the two."""
    for one in hazards:
        keys = {f"{one.stream}/{one.campaign}", f"{one.stream}/{one.other}"}
        is_ours = one.kind == "shared_list" and not keys & by_people
        require(not is_ours, "lists", f"{one.campaign} was started at {one.at:.3f} on a list that {one.other} uses")


def check_budget(result, counters):
    """P2 as the report tells it: no peak above its limit."""
    for lane, budget in result["budget"].items():
        counter = counters[lane.rpartition(" ")[2]]
        for (calls, _), peak in zip(counter.windows, budget["peak_in_window"], strict=True):
            require(peak <= calls, "P2", f"{lane} reports a peak of {peak}, {calls} are allowed")
