"""Journals of runs that never were, of any size and shape, as an engine would have written them."""

import itertools
import json
import zlib
from base64 import b64encode
from dataclasses import dataclass, field

from orchestrator.core.delivery.readings import Reading, Round, record_of
from orchestrator.core.result.build import Result, build
from orchestrator.core.result.timeline import build as build_timeline
from orchestrator.model import Record
from orchestrator.report.html.page import render

LAUNCH = "spring-renewal-2026-03"
RUN = "r-5d1c9e02a7b4"
BEGAN = 1_773_133_200.0  # 2026-03-10, a Tuesday, 09:00 UTC
LIMIT, WINDOW, PAUSE = 10, 10.0, 30.0

TOWNS = ("Portland", "Salem", "Concord", "Albany", "Hartford", "Trenton", "Dover", "Augusta", "Boston", "Newark")
LOST = "no answer within 30 s: the request may have been carried out"
FOUND = "the campaign is Active, and was Ready before the start"
NOTHING = "no evidence of a start was found; it may still have been carried out"


def town(number: int) -> str:
    return f"Renewal {TOWNS[number % len(TOWNS)]} {number // len(TOWNS) + 1}"


@dataclass
class Script:
    """A run to be written. `fates` names the campaigns, by number, that do not start at once."""

    size: int = 30
    accounts: int = 3
    fates: dict[int, str] = field(default_factory=dict)
    name: object = town
    waves: int = 2
    stop: dict[str, str] | None = None
    is_crashed: bool = False
    warnings: tuple[str, ...] = ()
    account_names: tuple[str, ...] = ()
    header: dict = field(default_factory=dict)  # what the run's header has besides
    tags: dict[int, str] = field(default_factory=dict)
    followed: dict[int, tuple[str, int, int]] = field(default_factory=dict)  # state or "stalled", sent, recipients

    def account(self, number: int) -> str:
        place = number % self.accounts
        return self.account_names[place] if self.account_names else f"account-{place + 1:02}"

    def wave(self, number: int) -> str:
        return "canary" if self.waves > 1 and number < self.accounts else "rest"


def records(script: Script) -> list[Record]:
    """The journal of the run."""
    journal = [_line("@run", 0, "run", BEGAN, _header(script)), *_plan(script)]
    clocks = {script.account(n): [BEGAN + 0.2, 0] for n in range(script.accounts)}
    for wave in ("canary", "rest") if script.waves > 1 else ("rest",):
        for number in (n for n in range(script.size) if script.wave(n) == wave):
            journal += _campaign(script, number, clocks[script.account(number)])
        latest = max(clock[0] for clock in clocks.values())
        for clock in clocks.values():
            clock[0] = latest + 20.0 if wave == "canary" else clock[0]
    latest = max([r.at for r in journal])
    ended = [] if script.is_crashed else [_line("@run", 0, "end", latest + 0.4, _end(script, journal))]
    return [*journal, *ended, *(_followed(script, latest + 60.0) if script.followed else ())]


def _followed(script: Script, at: float) -> list[Record]:
    """Two rounds of all accounts, twenty minutes apart."""
    rounds = []
    for account in {script.account(number): None for number in script.followed}:
        own = [n for n in script.followed if script.account(n) == account]
        first, second = Round(account, at), Round(account, at + 1200.0)
        for number in own:
            state, sent, _ = script.followed[number]
            key, is_stalled = _key(script, number), state == "stalled"
            first.readings.append(Reading(key, first.began, "Active", sent if is_stalled else 0, "i1"))
            if is_stalled:
                second.hours[key] = None
            else:
                second.readings.append(Reading(key, second.began, state.title(), sent, "i1"))
        rounds += [first, second]
    return [record_of(one, LAUNCH, "f-1", number, one.began) for number, one in enumerate(rounds)]


def result(script: Script) -> Result:
    return build(records(script))


def page(script: Script) -> str:
    journal = records(script)
    built = build(journal)
    return render(built, build_timeline(built, journal))


def bad_day() -> Script:
    """A run on which a bit of everything went wrong."""
    fates = {
        4: "limited", 7: "rejected", 11: "lost", 13: "found", 16: "unsent", 19: "rejected", 23: "limited", 29: "lost",
        38: "found", 44: "lost", 52: "gone", 57: "gone", 58: "off", **dict.fromkeys(range(61, 72), "held"),
    }  # fmt: skip
    return Script(
        72, 3, fates, stop={"reason": "rule", "detail": "3 unknown: stop_when.unknown is 3"},
        account_names=("north", "south", "west"),
        warnings=("account west: 2 campaigns have no do-not-call list",),
    )  # fmt: skip


def _line(campaign, attempt, kind, at, data, *, lane="") -> Record:
    name = f"@{RUN}" if campaign == "@run" else campaign
    return Record(LAUNCH, name, attempt, kind, RUN, at, lane, data)


def _header(script: Script):
    limits = {script.account(n): [f"{LIMIT}/{WINDOW:g}s"] for n in range(script.accounts)}
    return {
        "manifest": "spring.yaml", "manifest_sha256": "3f" * 32, "plan_sha256": "a9" * 32,
        "host": "https://platform.kore.ai", "ledger": "sqlite:///.orchestrator/ledger.db",
        "warnings": list(script.warnings), "limits": limits, **script.header,
    }  # fmt: skip


def _plan(script: Script) -> list[Record]:
    skips = {
        "gone": ("failed", "not_found", "the platform does not list it"),
        "off": ("skipped", "disabled", "enabled: false"),
    }
    rows = []
    for number in range(script.size):
        stream, _, campaign = _key(script, number).partition("/")
        skip = skips.get(script.fates.get(number, ""))
        decided = ["skip", *skip] if skip else ["start", None, None, ""]
        rows.append([script.account(number), stream, campaign, script.name(number), script.wave(number), *decided])
        rows[-1] += [script.tags[number]] if number in script.tags else []
    parts = [rows[at : at + 1000] for at in range(0, len(rows), 1000)]
    return [
        _line("@run", n, "plan", BEGAN, {"rows": b64encode(zlib.compress(json.dumps(part).encode())).decode()})
        for n, part in enumerate(parts)
    ]


def _key(script: Script, number: int) -> str:
    return f"st-{number % script.accounts:02}603182c/cd-{number:05}e475b"


def _campaign(script: Script, number: int, clock) -> list[Record]:
    """What became of one campaign; `clock` is its lane's: the time, and how many starts it made."""
    fate = script.fates.get(number, "started")
    key, lane = _key(script, number), f"host {script.account(number)}"
    attempts, written = itertools.count(1), []

    def turn(event, message, http_status, takes=0.3):
        clock[1] += 1
        clock[0] += 0.15 if clock[1] % LIMIT else WINDOW
        left, attempt = clock[0], next(attempts)
        people = script.followed.get(number, ("", 0, None))[2]
        intent = {"deadline": left + 30, "baseline": None, **({"recipients": people} if people is not None else {})}
        written.append(_line(key, attempt, "intent", left, intent, lane=lane))
        if event is None:
            return
        data = {"event": event, "message": message, "http_status": http_status, "sent_at": left + 0.01,
                "elapsed_ms": takes * 1000, "updated_at": None}  # fmt: skip
        written.append(_line(key, attempt, "verdict", left + takes, data, lane=lane))

    if fate in {"gone", "off", "held"}:
        return []
    if fate == "limited":
        turn("limited", "HTTP 429: too many requests", 429, 0.1)
        clock[0] += PAUSE
    if fate == "unsent":
        turn("not_sent", "the connection was refused", None, 0.02)
    if fate == "rejected":
        turn("rejected", "HTTP 400: Campaign has no contact list", 400, 0.2)
    elif fate == "open":
        turn(None, "", None)
    elif fate in {"lost", "found"}:
        turn("indeterminate", LOST, None, 30.0)
        kind, message = ("evidence", FOUND) if fate == "found" else ("no_evidence", NOTHING)
        written.append(_line(key, 1, kind, clock[0] + 31.0, {"message": message}, lane=lane))
    else:
        turn("accepted", "Campaign Started", 200)
    return written


def _end(script: Script, journal: list[Record]):
    times: dict[str, list[float]] = {}
    waves = {_key(script, number): script.wave(number) for number in range(script.size)}
    for record in journal:
        if record.campaign in waves:
            times.setdefault(waves[record.campaign], []).append(record.at)
    count = {name: list(waves.values()).count(name) for name in times}
    return {
        "stop": script.stop,
        "waves": [{"name": name, "campaigns": count[name], "verdict": "no_rule" if name == "rest" else "passed",
                   "passed": True, "message": "", "opened_at": min(at) - 0.1, "closed_at": max(at)}
                  for name, at in times.items()],
        "budget": {f"host {script.account(n)}": _budget(script.account(n), journal) for n in range(script.accounts)},
    }  # fmt: skip


def _budget(account: str, journal: list[Record]):
    own = [r for r in journal if r.lane == f"host {account}"]
    starts = sum(r.kind == "intent" for r in own)
    return {
        "account": account, "limits": [f"{LIMIT}/{WINDOW:g}s"], "calls": starts + 3,
        "peak_in_window": [min(LIMIT, starts)],
        "throttled": sum(r.data.get("event") == "limited" for r in own),
        "suggested": None,
    }  # fmt: skip
