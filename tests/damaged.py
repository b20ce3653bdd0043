"""A journal with a record of every kind, and everything that can be wrong with one of its values."""

import copy
import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from orchestrator.core import content
from orchestrator.core.attempt.verdict import Verdict, VerdictKind
from orchestrator.core.delivery.readings import Reading, Round, record_of
from orchestrator.core.journal.control import ControlCommand
from orchestrator.core.journal.lease import Holder, Lease
from orchestrator.core.journal.records import PlanRow, RunRecords, header_data, lease_release, resolution
from orchestrator.core.manifest.notify import NoticeEvent
from orchestrator.core.notice import Notice, NoticeSource
from orchestrator.core.plan.approvers import Approved, Signature
from orchestrator.core.plan.proposal import Proposal
from orchestrator.fleet.orders import approved_record
from orchestrator.model import CallingHours, Reason, Record, Stop, StopReason, key_of
from tests.core.builders import LANE, LAUNCH, manifest, planned, ready, reply

BEGAN = 1_773_133_200.0
NAMES = [f"cd-{number}" for number in range(8)]
KEYS = [key_of("st-1", name) for name in NAMES]
PACKED = {"rows", "held", "identity", "shown", "unread", "hours"}
STOP = Stop(StopReason.RULE, "1 failed")
NONCE = "00" * 16
_TEXTS = content.digest({"message": "Your plan renews."})
_FACTS = {"source": "launch.yaml", "sha256": "m" * 64, "plan_sha256": "p" * 64, "warnings": ["a warning"]}


def journal() -> list[Record]:
    """Two runs, the second a fleet's, and what people and followers recorded."""
    made = manifest(
        *({"campaign": name} for name in NAMES),
        windows={"day": {"zones": ["Europe/Berlin"], "hours": "09:00-17:00"}},
        links={"console": "https://console.example.com/{account_id}/{campaign}"},
    )
    return [*_run(made), *_of_people(), *_fleet(made), *_followed()]


def _maker(run_id: str, at: float) -> RunRecords:
    return RunRecords(LAUNCH, run_id, lambda: BEGAN + at)


def _rows(names: list[str]) -> list[PlanRow]:
    return [
        PlanRow("acme", "st-1", name, f"Name of {name}", "rest", "start", None, None, "", "a b", 90) for name in names
    ]


def _run(made: Any) -> Iterator[Record]:
    by = _maker("r-1", 1.0)
    plan = planned(made, live={key: ready(content=_TEXTS) for key in KEYS}, nonce=NONCE)
    yield by.planned(1, plan.sha256, plan.identity, ["ann@example.com", "ann"])
    approved = Approved("--yes", "ben", (Signature("plan.sig", ("cleo", "cl"), "SHA256:x"),), BEGAN)
    facts = header_data(made, **_FACTS, options=["--select", "tag:a"], environment="live", by="ann", approved=approved,
                        version="1.0")  # fmt: skip
    yield by.header(facts)
    yield from by.plan([*_rows(NAMES), _rows(NAMES)[0]._replace(campaign="cd-9", action="skip", outcome="skipped",
                                                               reason="disabled")])  # fmt: skip
    for number, kind in enumerate(VerdictKind):
        seen = {"status": "Ready", "instance": "i-0"}
        yield by.intent(KEYS[number], 1, LANE, deadline=BEGAN + 30, baseline=seen, recipients=90)
        answer = reply(200, sent_at=BEGAN + 2)
        yield by.verdict(KEYS[number], 1, LANE, answer, Verdict(kind, "it is so", "2026-03-10T09:00:00Z"))
    yield by.gave_up(KEYS[0], 1, LANE, "no connection")
    yield by.probed(KEYS[5], 1, LANE, None)
    yield by.intent(KEYS[6], 1, LANE, deadline=BEGAN + 30, baseline=None)
    yield by.probed(KEYS[6], 1, LANE, "it is Active")
    source = NoticeSource(LAUNCH, "r-1", "sandbox")
    yield Notice(event=NoticeEvent.FINISHED, source=source, sentence="it ended", at=BEGAN).record(["no answer"], BEGAN)
    yield by.end(STOP, _WAVES, {LANE: _BUDGET}, {KEYS[7]: (Reason.CHANGED, "it was edited")}, {"acme": STOP})


_WAVES = [{"name": "rest", "campaigns": 9, "verdict": "not_passed", "passed": False, "message": "1 failed",
           "opened_at": BEGAN + 1, "closed_at": BEGAN + 9}]  # fmt: skip
_BUDGET = {"account": "acme", "limits": ["50/60s"], "calls": 9, "peak_in_window": [9], "throttled": 1,
           "suggested": "26/60s"}  # fmt: skip


def _of_people() -> Iterator[Record]:
    by = _maker("s-1", 20.0)
    yield resolution(LAUNCH, KEYS[5], 1, LANE, is_started=True, by="ann", reason="seen", now=BEGAN + 19)
    yield by.stop_intent(KEYS[4], 1, LANE, by="ann", reason="wrong list")
    yield by.stop_reply(KEYS[4], 1, LANE, event="stopped", message="Stopped")
    yield replace(by.stop_reply(KEYS[6], 1, LANE, event="not_stopped", message="lost"), kind="late_stop_reply")
    for number, command in enumerate(ControlCommand):
        data = {"by": "ann", "reason": "lunch"}
        yield Record(LAUNCH, "@launch", number + 1, str(command), "person:ann", BEGAN + 21, "", data)
    yield Record(LAUNCH, "@launch", 4, "unpause", "person:ann", BEGAN + 22, "", {"by": "ann", "reason": "go on"})
    lease = Lease(Holder("r-1", LAUNCH, "tower", 41), 3, 1.0, 2.0)
    yield lease_release(1, LANE, lease, by="ann", reason="it burned down", now=BEGAN + 23)


def _fleet(made: Any) -> Iterator[Record]:
    by, lane = _maker("r-2", 30.0), _maker("r-3", 31.0)
    terms = {"retry_failed": False, "no_wait": False, "select": [], "exclude": []}
    header = by.header({**header_data(made, **_FACTS), "fleet": terms})
    plan = planned(made, live={key: ready(content=_TEXTS) for key in KEYS}, nonce=NONCE)
    yield header
    yield approved_record(header, Proposal(plan.sha256, BEGAN, plan.identity, shown={KEYS[0]: 90}))
    yield from by.plan(_rows(NAMES))
    document = {"version": 1, "launch": LAUNCH, "host": "sandbox", "accounts": {"acme": {"account_id": "67777c"}},
                "campaigns": [{"stream": "st-1", "campaign": name, "account": "acme"} for name in NAMES]}  # fmt: skip
    yield from by.manifest([document])
    yield lane.header({**header_data(made, **_FACTS), "part_of": "r-2", "wave": "rest", "account": "acme"})
    yield from lane.plan(_rows(NAMES[7:]))
    yield lane.intent(KEYS[7], 1, LANE, deadline=BEGAN + 60, baseline={"status": "Ready"})
    yield lane.verdict(KEYS[7], 1, LANE, reply(200, sent_at=BEGAN + 31), Verdict(VerdictKind.ACCEPTED, "Active"))
    yield lane.end(None, _WAVES, {LANE: _BUDGET}, {}, {})
    yield by.lane_done(0, "rest", "acme", STOP, alone=True)
    yield by.halt(STOP)
    yield by.end(None, _WAVES, {}, None, {})


def _followed() -> Iterator[Record]:
    hours = CallingHours("Europe/Berlin", (("mon", "09:00", "17:00"),))
    first = Round("acme", BEGAN + 40, readings=[Reading(KEYS[4], BEGAN + 41, "Active", 5, "i1")])
    second = Round("acme", BEGAN + 700, readings=[Reading(KEYS[4], BEGAN + 701, "Active", 9, "i1")],
                   unread=frozenset({KEYS[6]}), hours={KEYS[4]: hours})  # fmt: skip
    for number, one in enumerate((first, second)):
        yield record_of(one, LAUNCH, "f-1", number, one.began)


def unpacked_data(record: Record) -> dict[str, Any]:
    """A record's data with its packed lists as they are."""
    data = copy.deepcopy(record.data)
    for key in PACKED & data.keys():
        data[key] = json.loads(zlib.decompress(b64decode(data[key])))
    return data


def packed_data(data: dict[str, Any]) -> dict[str, Any]:
    """The same packed again; what replaces a list is not."""
    return {
        key: b64encode(zlib.compress(json.dumps(value).encode())).decode()
        if key in PACKED and isinstance(value, list | dict) else value
        for key, value in data.items()
    }  # fmt: skip


WRONG = [None, True, "tomorrow", -1, float("inf"), 10**30, [], {"x": 1}]
GONE = object()


def damages(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Where a value may be damaged, and it all with that one damage: each part of it gone, or replaced."""
    # The first item of a list stands for all of them.
    parts = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for key, part in list(parts):
        where = f"{path}.{key}"
        for wrong in (GONE, *WRONG):
            yield f"{where}: {'gone' if wrong is GONE else wrong!r}", _with(value, key, wrong)
        yield from ((inner, _with(value, key, one)) for inner, one in damages(part, where))


def _with(whole: Any, key: Any, part: Any) -> Any:
    """A mapping or a list with another part, or without it."""
    changed = copy.copy(whole)
    if part is GONE:
        del changed[key]
    else:
        changed[key] = part
    return changed
