"""What somebody is told: as text, as JSON, by a signature, and in the journal."""

import hashlib
import hmac
from dataclasses import replace

import pytest

from orchestrator.core.manifest.notify import NoticeEvent
from orchestrator.core.notice import Notice, NoticeSource, not_told, signature, told
from orchestrator.model import Record
from tests.core.builders import record

AT = 1_780_000_000.0
SOURCE = NoticeSource("spring", "r-1", "platform.kore.ai", "live", "https://launches.example.com/launches/spring")
NOTICE = Notice(
    event=NoticeEvent.FINISHED, source=SOURCE, sentence="it has ended", at=AT, about="canary",
    next="python -m orchestrator status spring", counts={"started": 1200, "already_started": 3, "failed": 0},
    recipients=12400,
)  # fmt: skip
BARE = Notice(event=NoticeEvent.UNKNOWN, source=NoticeSource("spring", "", "sandbox"), sentence="one is lost", at=AT)


def test_a_notice_as_text_has_all_that_is_known():
    assert NOTICE.title == "spring: a run has ended"
    assert NOTICE.text == (
        "Launch spring in environment live: it has ended\n"
        "1,200 started, 3 already started; 12,400 recipients; run r-1\n"
        "Next: python -m orchestrator status spring\n"
        "https://launches.example.com/launches/spring"
    )


def test_a_test_in_the_sandbox_says_so():
    assert replace(BARE, is_test=True).text == (
        "This is a test: nothing happened.\nSandbox: nothing was sent.\nLaunch spring: one is lost"
    )


def test_nobody_is_a_number_of_recipients():
    assert "0 recipients" in replace(BARE, recipients=0).text


@pytest.mark.parametrize(("length", "end"), [(500, "xx"), (501, "x…")])
def test_a_long_sentence_is_cut(length, end):
    said = replace(BARE, sentence="x" * length).as_json("")["message"]
    assert (len(said), said[-2:]) == (500, end)


def test_what_a_webhook_gets():
    assert NOTICE.as_json("A title") == {
        "schema_version": "1", "id": NOTICE.id, "event": "finished", "test": False, "launch": "spring",
        "run_id": "r-1", "environment": "live", "host": "platform.kore.ai",
        "counts": {"started": 1200, "already_started": 3, "failed": 0}, "recipients": 12400, "title": "A title",
        "message": "it has ended", "text": NOTICE.text, "next": "python -m orchestrator status spring",
        "link": "https://launches.example.com/launches/spring", "at": "2026-05-28T20:26:40.000Z",
    }  # fmt: skip
    empty = BARE.as_json("")
    assert [empty[name] for name in ("environment", "recipients", "next", "link")] == [None] * 4


def test_a_notice_has_one_id_and_another_one_another():
    others = [
        replace(NOTICE, event=NoticeEvent.STOPPED), replace(NOTICE, about="rest"), replace(NOTICE, is_test=True),
        replace(NOTICE, source=replace(SOURCE, run_id="r-2")), replace(NOTICE, source=replace(SOURCE, launch="x")),
    ]  # fmt: skip
    assert replace(NOTICE, at=AT + 9, sentence="once more").id == NOTICE.id
    assert NOTICE.id == hashlib.sha256(b"spring\0r-1\0finished\0canary\0False").hexdigest()[:32]
    assert len({NOTICE.id, *(one.id for one in others)}) == 6


def test_the_journal_keeps_who_was_not_told():
    kept = NOTICE.record(iter(["ops: no answer"]), AT + 5)
    data = {"event": "finished", "about": "canary", "not_told": ["ops: no answer"]}

    assert kept == Record("spring", "@r-1", int(NOTICE.id[:7], 16), "notice", "r-1", AT + 5, "", data)
    other = replace(kept, run_id="r-2", data={**data, "not_told": ["pager: refused"]})
    assert list(not_told([record("run"), kept, other], "r-1")) == ["ops: no answer"]
    assert told([record("run", event="x", about="y"), kept]) == {("finished", "canary")}


def test_a_signature_covers_the_time_and_the_body():
    digest = hmac.new(b"key", b"1780000000.{}", hashlib.sha256).hexdigest()
    assert signature("key", b"{}", AT + 0.9) == f"t=1780000000,v1={digest}"
