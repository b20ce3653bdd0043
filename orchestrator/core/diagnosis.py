"""The findings of `doctor`: for each thing it looked at, a grade, a line and a fix."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from orchestrator.core.attempt.verdict import BAD_SKEW, ReadKind, classify_read, clock_offset, skew, words_of
from orchestrator.core.text import plural
from orchestrator.model import Fault, Read, Reply

_GONE_SOON: Final = frozenset({"tmpfs", "ramfs", "overlay"})
_CI: Final = ("CI", "GITHUB_ACTIONS", "GITLAB_CI", "JENKINS_URL", "BUILDKITE", "TF_BUILD")
_FINE_SKEW: Final = 5.0  # seconds
_SET_CLOCK: Final = "set this machine's clock (NTP)"


class Grade(StrEnum):
    """How a finding weighs: `bad` is what a run would be refused for, or should not begin with."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `fix` is what to do about it."""

    grade: Grade
    subject: str
    message: str
    fix: str = ""


def of_answer(account: str, read: Read) -> list[Finding]:
    """What the answer to one list call shows about the token, its scope, the list, and the clock."""
    subject = f"account {account}"
    if isinstance(read.answer, Fault):
        fix = fix_of(read.answer) or "check host and network"
        return [Finding(Grade.BAD, subject, f"the host was not reached ({read.answer.text})", fix)]
    return [*_of_access(subject, read, read.answer), of_clock(read.answer)]


def fix_of(answer: Reply | Fault) -> str:
    """What to do about an answer that no read can use; empty if it shows nothing special."""
    if isinstance(answer, Fault):
        return answer.fix
    if answer.http_status == 401:
        offset = clock_offset(answer)
        return _SET_CLOCK if offset is not None and abs(offset) > BAD_SKEW else ""
    text = answer.text[:1000].casefold()
    if "required ssl certificate" in text:  # nginx's words, in a 400
        return "connect to the host without a client certificate: these are not supported"
    if 300 <= answer.http_status < 400 or (answer.http_status == 200 and "<html" in text):
        return "check `host`: what answers is not a Kore platform, or is a gateway that needs a sign-in"
    return ""


def _of_access(subject: str, read: Read, reply: Reply) -> list[Finding]:
    kind, words = classify_read(reply), words_of(reply)
    # 401 stands for two things: a token that is wrong, and one that is right but lacks the scope.
    if kind is ReadKind.UNAUTHORIZED and "scope" in words.casefold():
        fix = "give the app the scope Campaign Management, and publish it"
        return [Finding(Grade.OK, subject, "the token is accepted"), Finding(Grade.BAD, subject, words, fix)]
    if kind is ReadKind.UNAUTHORIZED:
        fix = fix_of(reply) or "check client_id, client_secret, algorithm and the stream's app"
        return [Finding(Grade.BAD, subject, words, fix)]
    if kind is ReadKind.LIMITED:
        return [
            Finding(
                Grade.WARN, subject, words, "another client is using this account's rate limit: wait, or lower `rate`"
            )
        ]
    if kind is not ReadKind.OK:
        return [Finding(Grade.BAD, subject, words, fix_of(reply) or "run doctor again when the platform answers")]
    more = ", and more pages" if read.more else ""
    seen = f"token and scope are accepted; the list answers ({plural(len(read.live), 'campaign')}{more})"
    return [Finding(Grade.OK, subject, seen)]


def of_clock(reply: Reply) -> Finding:
    """How far this machine's clock is from the server's `Date`, which counts whole seconds."""
    offset = clock_offset(reply)
    if offset is None:
        return Finding(Grade.WARN, "clock", "the host sends no usable Date: not compared", "compare it by hand")
    if abs(offset) <= _FINE_SKEW:
        return Finding(Grade.OK, "clock", f"within {_FINE_SKEW:.0f} s of the host's")
    return Finding(Grade.BAD if abs(offset) > BAD_SKEW else Grade.WARN, "clock", skew(offset), _SET_CLOCK)


def of_disk(file_system: str, environment: Mapping[str, str], free_bytes: int) -> list[Finding]:
    """Whether the ledger's disk has room, and keeps its files after this machine or job has ended.

    `environment` is this process's; a variable that CI systems set marks a CI job.
    """
    found, kind = [], file_system or "unknown"
    if free_bytes < 100 * 2**20:
        found.append(
            Finding(Grade.BAD, "disk", f"{kind}, {free_bytes // 2**20} MiB are free", "free up space for the ledger")
        )
    keep = "keep the ledger on a disk that outlives this machine: without it, the next run knows nothing of this one"
    if file_system in _GONE_SOON:
        found.append(Finding(Grade.WARN, "disk", f"{file_system} may be gone with this container or reboot", keep))
    elif any(environment.get(name) for name in _CI):
        found.append(Finding(Grade.WARN, "disk", f"this is a CI job, whose disk ({kind}) may be gone after it", keep))
    return found or [Finding(Grade.OK, "disk", f"{kind}, {free_bytes // 2**20} MiB free")]
