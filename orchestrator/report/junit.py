"""`junit.xml`: an account is a suite, a campaign is a case.

Written for the strictest of the schemas in use (Ant's), which Jenkins' and GitLab's readers accept as well: no
attributes on `testsuites`, times without a zone, `properties`, `system-out` and `system-err` in every suite.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from orchestrator.core.result.types import CampaignResult, Result
from orchestrator.core.text import REPLACEMENT
from orchestrator.errors import OrchestratorError
from orchestrator.model import Outcome

# XML 1.0 has no way to write these, not even as a character reference: one of them costs the reader the whole file.
_ILLEGAL: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ENTITIES: Final = str.maketrans(
    # A bare tab or line end in an attribute is read as a space.
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
)
_ELEMENTS: Final = {
    Outcome.FAILED: "failure",
    Outcome.UNKNOWN: "error",
    Outcome.HELD: "skipped",
    Outcome.SKIPPED: "skipped",
}


def as_junit(result: Result) -> str:
    """`junit.xml`: failed is a failure, unknown an error with the command to type, held and skipped are skipped."""
    suites: dict[str, list[CampaignResult]] = {}
    for campaign in result.campaigns:
        suites.setdefault(campaign.account, []).append(campaign)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>"]
    for number, (account, campaigns) in enumerate(suites.items()):
        lines += _suite(result, number, account, campaigns)
    return "\n".join([*lines, "</testsuites>"]) + "\n"


def as_junit_refusal(error: OrchestratorError, launch: str, at: float) -> str:
    """`junit.xml` of a run that ended without a result, at `at` in POSIX seconds: one case, an error."""
    begun = datetime.fromtimestamp(at, UTC).replace(tzinfo=None).isoformat(timespec="seconds")
    suite = _attributes(name="run", package=launch, id=0, timestamp=begun, hostname="-", tests=1, failures=0, errors=1,
                        skipped=0, time="0.000")  # fmt: skip
    why = _attributes(message=error.sentence, type=f"exit code {error.exit_code}")
    body = _text(f"{error.sentence}\nnext: {error.next_step}" if error.next_step else error.sentence)
    case = _attributes(name="run", classname=launch, time="0.000")
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>", f"<testsuite{suite}>", "<properties/>",
            f"<testcase{case}><error{why}>{body}</error></testcase>",
            "<system-out/>", "<system-err/>", "</testsuite>", "</testsuites>", "",
        ]
    )  # fmt: skip


def _suite(result: Result, number: int, account: str, campaigns: list[CampaignResult]) -> Iterator[str]:
    run, title = result.run, f"{result.nature}: {account}" if result.nature else account
    kinds = [_ELEMENTS.get(campaign.outcome) for campaign in campaigns]
    begun = datetime.fromisoformat(run["started_at"]).replace(tzinfo=None).isoformat(timespec="seconds")
    seconds = sum(campaign.elapsed_ms or 0.0 for campaign in campaigns) / 1000
    yield "<testsuite" + _attributes(
        name=title, package=run["launch"], id=number, timestamp=begun, hostname=run["host"],
        tests=len(campaigns), failures=kinds.count("failure"), errors=kinds.count("error"),
        skipped=kinds.count("skipped"), time=f"{seconds:.3f}",
    ) + ">"  # fmt: skip
    yield "<properties>"
    for name in ("run_id", "manifest", "manifest_sha256", "plan_sha256"):
        yield "<property" + _attributes(name=name, value=run[name]) + "/>"
    if result.environment:
        yield "<property" + _attributes(name="environment", value=result.environment) + "/>"
    if (people := result.people.get(account)) is not None:
        yield "<property" + _attributes(name="recipients", value=people.known) + "/>"
        yield "<property" + _attributes(name="recipients.unknown_campaigns", value=people.unknown) + "/>"
    yield from _delivered(result, account)
    if result.banner:
        yield "<property" + _attributes(name="note", value=result.banner) + "/>"
    for name, value in (run.get("rehearsal") or {}).items():
        yield "<property" + _attributes(name=f"rehearsal.{name}", value=value) + "/>"
    yield "</properties>"
    yield from (_case(run["launch"], campaign) for campaign in campaigns)
    yield "<system-out/>"
    yield "<system-err/>"
    yield "</testsuite>"


def _delivered(result: Result, account: str) -> Iterator[str]:
    sums = result.delivery["accounts"].get(account) if result.delivery else None
    if sums is None:
        return
    facts = {
        "campaigns": sums["campaigns"], "stalled": sums["stalled"],
        "sent": sums["sent"], "sent.unknown_campaigns": sums["sent_unknown"],
        "recipients": sums["recipients"], "recipients.unknown_campaigns": sums["recipients_unknown"],
        "read_at": sums["read_at"],
    }  # fmt: skip
    for name, value in facts.items():
        yield "<property" + _attributes(name=f"delivery.{name}", value="unknown" if value is None else value) + "/>"


def _case(launch: str, campaign: CampaignResult) -> str:
    name = f"{campaign.key} {campaign.name}".rstrip()
    seconds = f"{(campaign.elapsed_ms or 0.0) / 1000:.3f}"
    opened = "<testcase" + _attributes(name=name, classname=f"{launch}.{campaign.account}", time=seconds)
    element = _ELEMENTS.get(campaign.outcome)
    if element is None:
        return f"{opened}/>"
    why = _attributes(message=f"{campaign.outcome} ({campaign.reason}): {campaign.message}")
    if element != "skipped":  # has no type in Ant's schema
        why += _attributes(type=campaign.reason)
    body = _text("\nnext: ".join([campaign.message, *(campaign.next.split("\n") if campaign.next else ())]))
    return f"{opened}><{element}{why}>{body}</{element}></testcase>"


def _attributes(**values: object) -> str:
    return "".join(f' {name}="{_text(str(value))}"' for name, value in values.items())


def _text(text: str) -> str:
    return _ILLEGAL.sub(REPLACEMENT, text).translate(_ENTITIES)
