"""What somebody is told of a launch: a notice as text and as JSON, its signature, and what the journal keeps of it."""

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from orchestrator.core.manifest.notify import NoticeEvent
from orchestrator.core.text import one_line, timestamp
from orchestrator.model import PosixSeconds, Record

NOTICE: Final = "notice"
"""The kind of record of a notice that was sent, or given up."""

SCHEMA_VERSION: Final = "1"
"""Of the JSON: raised when a key is removed or changes its meaning; keys may be added within a version."""

SIGNATURE: Final = "X-Orchestrator-Signature"
"""The header with the signature of what a webhook gets."""

_LONGEST: Final = 500  # characters of a sentence: a stop may quote what a server said
_TITLES: Final[Mapping[NoticeEvent, str]] = {
    NoticeEvent.UNKNOWN: "a start is unknown",
    NoticeEvent.STOPPED: "stopped early",
    NoticeEvent.FINISHED: "a run has ended",
    NoticeEvent.PAUSED: "paused, unpaused or aborted",
    NoticeEvent.NEEDS_APPROVAL: "a plan needs approval",
    NoticeEvent.STALLED: "sending has stalled",
    NoticeEvent.WAVE_PASSED: "a wave has passed",
}


@dataclass(frozen=True, slots=True)
class NoticeSource:
    """The run that a notice is about. `link` is its launch's page at `serve`, where that is known."""

    launch: str
    run_id: str
    host: str
    environment: str | None = None
    link: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One notice. `about` tells notices of one event apart: a run's waves, or stalled campaigns with spaces between.

    `at` is in POSIX seconds. `counts` are campaigns by outcome so far; `next` is the command to type; `recipients` are
    the people on the contact lists, None if nobody knows how many.
    """

    event: NoticeEvent
    source: NoticeSource
    sentence: str
    at: PosixSeconds
    about: str = ""
    next: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    recipients: int | None = None
    is_test: bool = False

    @property
    def title(self) -> str:
        """The title where the manifest sets none."""
        return f"{self.source.launch}: {_TITLES[self.event]}"

    @property
    def text(self) -> str:
        """For people: what happened, the counts, what to type, where to look."""
        source = self.source
        where = f" in environment {source.environment}" if source.environment else ""
        counts = ", ".join(f"{count:,} {outcome.replace('_', ' ')}" for outcome, count in self.counts.items() if count)
        people = f"{self.recipients:,} recipients" if self.recipients is not None else ""
        lines = [
            "This is a test: nothing happened." if self.is_test else "",
            "Sandbox: nothing was sent." if source.host == "sandbox" else "",
            f"Launch {source.launch}{where}: {self._said}",
            "; ".join(filter(None, [counts, people, f"run {source.run_id}" if source.run_id else ""])),
            f"Next: {self.next}" if self.next else "",
            source.link or "",
        ]
        return "\n".join(filter(None, lines))

    @property
    def _said(self) -> str:
        said = one_line(self.sentence)
        return said if len(said) <= _LONGEST else f"{said[: _LONGEST - 1]}…"

    def as_json(self, title: str) -> dict[str, Any]:
        """What a webhook gets; docs/how-to/notify.md explains it."""
        source = self.source
        return {
            "schema_version": SCHEMA_VERSION, "id": self.id, "event": str(self.event), "test": self.is_test,
            "launch": source.launch, "run_id": source.run_id, "environment": source.environment, "host": source.host,
            "counts": dict(self.counts), "recipients": self.recipients, "title": title, "message": self._said,
            "text": self.text, "next": self.next or None, "link": source.link, "at": timestamp(self.at),
        }  # fmt: skip

    @property
    def id(self) -> str:
        """The same for the same launch, run and event: a receiver that gets a notice twice can tell."""
        what = "\0".join((self.source.launch, self.source.run_id, str(self.event), self.about, str(self.is_test)))
        return hashlib.sha256(what.encode()).hexdigest()[:32]

    def record(self, not_told: Iterable[str], now: PosixSeconds) -> Record:
        """What the journal keeps at `now` (POSIX seconds). `not_told` says of each who could not be told, and why."""
        data = {"event": str(self.event), "about": self.about, "not_told": list(not_told)}
        # By its id, so that two processes that watch one run cannot both record it.
        number = int(self.id[:7], 16)
        launch, run_id = self.source.launch, self.source.run_id
        return Record(launch, f"@{run_id}", number, NOTICE, run_id, now, "", data)


def told(records: Iterable[Record]) -> set[tuple[str, str]]:
    """The event of each notice among the records, with each word of its `about`."""
    own = (record.data for record in records if record.kind == NOTICE)
    return {(data["event"], word) for data in own for word in data["about"].split(" ")}


def not_told(records: Iterable[Record], run_id: str) -> Iterator[str]:
    """A sentence for each of a run's notices and each who could not be told."""
    own = (record for record in records if record.kind == NOTICE and record.run_id == run_id)
    return (sentence for record in own for sentence in record.data["not_told"])


def signature(secret: str, body: bytes, at: PosixSeconds) -> str:
    """The header's value: `t=SECONDS,v1=HEX`, where HEX is the HMAC-SHA256 of `SECONDS.BODY`."""
    seconds = int(at)
    digest = hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={digest}"
