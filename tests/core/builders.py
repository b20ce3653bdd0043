import json
import zlib
from base64 import b64encode

from orchestrator.core.journal.states import CampaignState, Event, State
from orchestrator.core.manifest.models import Campaign, Manifest
from orchestrator.core.manifest.parse import parse
from orchestrator.core.plan.decision import Action, Decision
from orchestrator.core.plan.plan import Entry, Place, build
from orchestrator.core.plan.selection import Selection
from orchestrator.core.rules.waves import REST
from orchestrator.model import CampaignKey, Lane, LiveState, Record, Reply

LAUNCH = "spring"
RUN = "r-1"
LANE = "sandbox 67777c"
BUDGET = {"account": "acme", "limits": ["50/60s"], "calls": 3, "peak_in_window": [3], "throttled": 0, "suggested": None}

LEAST = {
    "run": {
        "manifest": "a.yaml",
        "manifest_sha256": "m",
        "plan_sha256": "p",
        "host": "sandbox",
        "ledger": "",
        "warnings": [],
    },
    "plan": {"rows": ""},
    "end": {"stop": None, "budget": {}, "waves": []},
    "intent": {"deadline": 30.0},
    "verdict": {"event": "accepted"},
}
"""The least data of a record that can be read back, by its kind."""

RESOLUTIONS = frozenset({Event.RESOLVED_STARTED, Event.RESOLVED_NOT_STARTED})
OWN_KINDS = frozenset({Event.INTENT, Event.GAVE_UP, Event.EVIDENCE, Event.NO_EVIDENCE})


def manifest(*campaigns, **changes) -> Manifest:
    raw = {
        "version": 1,
        "launch": LAUNCH,
        "host": "sandbox",
        "accounts": {"acme": {"account_id": "67777c"}, "umbrella": {"account_id": "99999d"}},
        "defaults": {"account": "acme"},
        "campaigns": [{"stream": "st-1", **campaign} for campaign in campaigns],
        **changes,
    }
    built, issues = parse(raw)
    assert issues == ()
    assert built is not None
    return built


def one(**fields):
    return manifest({"campaign": "cd-1", **fields}).campaigns[0]


def planned(parsed, histories=None, live=None, selection=None, **options):
    options.setdefault("manifest_sha256", "0" * 64)
    return build(parsed, histories or {}, live or {}, selection or Selection(), **options)


def ready(**changes) -> LiveState:
    return LiveState(**{"status": "Ready", **changes})


def key(campaign: str = "cd-1") -> CampaignKey:
    return CampaignKey(f"st-1/{campaign}")


def reply(status=200, payload=None, text=None, **changes) -> Reply:
    text = (json.dumps(payload) if payload is not None else "") if text is None else text
    return Reply(status, payload, text, **{"sent_at": 1000.0, "elapsed": 0.25, **changes})


def record(kind, attempt=1, at=100.0, campaign="st-1/cd-1", run=RUN, **data) -> Record:
    return Record(LAUNCH, campaign, attempt, kind, run, at, LANE if kind == "intent" else "", data)


def moved(event: Event, attempt=1, **changes) -> Record:
    """The record that stands for an event."""
    if event in OWN_KINDS:
        return record(str(event), attempt, **changes)
    return record("resolve" if event in RESOLUTIONS else "verdict", attempt, event=str(event), **changes)


def history(state: State, last_event: Event | None = None, **changes) -> CampaignState:
    return CampaignState(**{"state": state, "attempt": 1, "last_event": last_event, **changes})


def entry(decision, campaign="cd-1", wave=REST) -> Entry:
    one = Campaign(stream="st-1", campaign=campaign, account="acme", name=f"Name of {campaign}")
    return Entry(one, Place(Lane(LANE), "67777c", wave), decision)


def starts(*campaigns) -> list[Entry]:
    return [entry(Decision(Action.START), campaign) for campaign in campaigns]


def header(run=RUN, at=50.0) -> Record:
    data = {
        "manifest": "launch.yaml",
        "manifest_sha256": "m" * 64,
        "plan_sha256": "p" * 64,
        "host": "sandbox",
        "ledger": "sqlite:///x.db",
        "warnings": ["a warning"],
    }
    return record("run", 0, at, f"@{run}", run, **data)


def plan_records(entries, run=RUN, chunk=1000) -> list[Record]:
    rows = [e.as_row() for e in entries]
    chunks = [rows[start : start + chunk] for start in range(0, len(rows), chunk)]
    packed = [b64encode(zlib.compress(json.dumps(part).encode())).decode() for part in chunks]
    return [record("plan", number, 60.0, f"@{run}", run, rows=text) for number, text in enumerate(packed)]


def end(stop=None, run=RUN, at=900.0) -> Record:
    said = None if stop is None else {"reason": str(stop.reason), "detail": stop.detail}
    waves = [{"name": REST, "campaigns": 1, "passed": True, "message": ""}]
    return record("end", 0, at, f"@{run}", run, stop=said, budget={LANE: BUDGET}, waves=waves)


def journal(entries, *moves, stop=None, ended=True) -> list[Record]:
    return [header(), *plan_records(entries), *moves, *([end(stop)] if ended else [])]
