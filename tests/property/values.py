"""Values as files may hold them, and manifests that are valid by construction: what the laws draw from."""

from hypothesis import strategies as st

from orchestrator.core.journal.states import TRANSITIONS, Event, State
from orchestrator.core.manifest.models import Manifest
from tests.core.builders import moved

KEYS = (*Manifest.model_fields, "stream", "campaign", "tags", "name", "account_id", "rate", "started", "pass", "hours",
        "zones", "settle", "backoff", "failed", "env", "check", "require_dnc", "window", "account")  # fmt: skip
WORDS = ("sandbox", "acme", "st-1", "50/60s", "20%", "100%", "60s", "1s..60s", "09:00-20:00", "UTC", "unlimited",
         "https://kore.example", "sqlite:///x.db", "off", "none")  # fmt: skip

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(WORDS)
    | st.integers(10**20, 10**99)
)  # fmt: skip
keys = st.sampled_from(KEYS) | st.text(max_size=6)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5), max_leaves=12
)
documents = st.dictionaries(keys, values, max_size=8)

ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,7}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=20)
filled = texts.filter(bool)
paths = filled.filter(lambda text: "$" not in text)
percentages = st.decimals(0, 100, places=3).filter(lambda d: d > 0).map(lambda d: f"{d}%")


def optional(**fields):
    """A mapping with any of the keys."""
    return st.fixed_dictionaries({}, optional=fields)


def durations(low, high):
    """Written durations within bounds, in whole units."""
    return st.integers(low, high).flatmap(lambda s: st.sampled_from([f"{s}s", s, f"{s * 1000}ms", f"{float(s)}s"]))


windows = st.builds(lambda n, s: f"{n}/{s}s", st.integers(1, 10**6), st.integers(1, 86400))
clocks = st.integers(0, 1439)
hours = st.lists(clocks, min_size=2, max_size=2, unique=True).map(
    lambda two: "{:02}:{:02}-{:02}:{:02}".format(*divmod(min(two), 60), *divmod(max(two), 60))
)
secrets = (
    st.fixed_dictionaries({"env": st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,9}", fullmatch=True)})
    | st.fixed_dictionaries({"file": paths})
    | st.fixed_dictionaries({"command": st.lists(paths, min_size=1, max_size=3)})
)
accounts = optional(
    client_id=secrets,
    client_secret=secrets,
    algorithm=st.sampled_from(["HS256", "HS512", "RS256", "RS512"]),
    rate=st.lists(windows, min_size=1, max_size=8) | st.just("unlimited"),
    in_flight=st.integers(1, 256),
)
days = st.lists(st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]), min_size=1, max_size=7)
zones = st.lists(st.sampled_from(["UTC", "America/New_York", "Asia/Kolkata"]), min_size=1, max_size=3)
open_hours = st.fixed_dictionaries({"zones": zones, "hours": hours}, optional={"days": days})
named_hours = st.dictionaries(ids, open_hours, max_size=2)
TAGS = ("canary", "east", "west")


@st.composite
def manifests(draw, *, plain=False):
    """Raw manifests without a fault: every reference names something, every wave has somebody.

    A plain one says only what a plan depends on, and is drawn much faster.
    """
    named = draw(st.dictionaries(ids, st.just({}) if plain else accounts, min_size=1, max_size=3))
    raw = {
        "version": 1,
        "launch": draw(ids),
        "host": "sandbox",
        "accounts": {name: {**account, "account_id": f"id-{n}"} for n, (name, account) in enumerate(named.items())},
        **draw(optional(preflight=SECTIONS["preflight"]) if plain else optional(windows=named_hours, **SECTIONS)),
    }
    raw["campaigns"] = draw(st.lists(_campaigns(list(named), list(raw.get("windows", {}))), min_size=1, max_size=8))
    for n, campaign in enumerate(raw["campaigns"]):
        campaign["campaign"] = f"cd-{n}"
    if draw(st.booleans()):
        raw["waves"] = _waves(draw, raw["campaigns"])
    return raw


SECTIONS = {
    "preflight": optional(check=st.just("list"), startable=st.lists(filled, min_size=1), require_dnc=st.booleans()),
    "probe": optional(settle=durations(0, 3600)),
    "sandbox": optional(faults=st.sampled_from(["none", "nasty"]), seed=st.integers(), limit=windows),
    "retry": optional(attempts=st.integers(1, 20), backoff=st.just("1s..60s"), max_elapsed=durations(0, 86400)),
    "timeouts": optional(connect=durations(1, 300), total=durations(1, 3600)),
    "stop_when": optional(
        failed=percentages | st.integers(1), unknown=percentages | st.integers(1), min_sample=st.integers(1)
    ),
    "approval": st.sampled_from(["none", "plan"]),
    "limits": optional(max_starts=st.integers(1)),
    "ledger": st.sampled_from(["sqlite:///x.db", "postgresql://user@db/orchestrator"]),
    "report": optional(dir=paths, formats=st.lists(st.sampled_from(["json", "csv"]), max_size=2)),
}


def _campaigns(named, opened):
    return st.fixed_dictionaries(
        {"stream": ids, "account": st.sampled_from(named)},
        optional={
            "type": st.sampled_from(["sms", "voice"]),
            "iid": ids,
            "name": texts,
            "tags": st.lists(st.sampled_from(TAGS), max_size=2),
            "rerun": st.booleans() | st.just({"instance": "cid-1"}),
            "enabled": st.booleans(),
            **({"window": st.sampled_from(opened)} if opened else {}),
        },
    )


def _waves(draw, campaigns):
    """Each wave names, by key, a campaign that no other wave names, and perhaps tags which nobody has."""
    first = draw(st.integers(1, len(campaigns)))
    rules = st.fixed_dictionaries({"started": percentages})
    return [
        {
            "name": f"wave-{n}",
            "campaigns": [f"{c['stream']}/{c['campaign']}"],
            **draw(optional(bake=durations(0, 7 * 86400), tags=st.just(["nobody"]), **{"pass": rules})),
        }
        for n, c in enumerate(campaigns[:first])
    ]


@st.composite
def lives(draw, campaign="st-1/cd-1", longest=25):
    """The state, the attempts and the records of one campaign, as the table allows them."""
    state, attempt, records = State.NEW, 0, []
    for number in range(draw(st.integers(0, longest))):
        possible = [event for origin, event in TRANSITIONS if origin is state]
        if not possible:
            break
        event = draw(st.sampled_from(possible))
        attempt += event is Event.INTENT
        state = TRANSITIONS[state, event]
        records.append(moved(event, attempt, at=float(number), campaign=campaign, **{f"word {number % 3}": number}))
    return state, attempt, records
