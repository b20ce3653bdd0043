"""A notice on its way to one address: real end points on loopback, and a real process of its own for each notice."""

import json
import sys
import time
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller

from orchestrator.notify import deliver as module
from orchestrator.notify.deliver import LATE, Parcel, deliver
from tests.endpoints import end_point
from tests.ports import free_port

TOKEN = "canary-token-5f0c3a5f0c3a"
SLOW = 2.5
"""Seconds for what never ends: less than the five of a real notice."""
FAST = ("ok", "late_ok", "fails", "redirects", "endless_body", "endless_failure", "huge_header", "garbage", "resets")
NEVER = ("silent", "drips", "endless_headers")


def webhook(place):
    return Parcel(f"http://{place}/{TOKEN}", "title", "text", json.dumps({"event": "unknown"}), {"X-More": "1"})


def apprise(place, form="json"):
    return Parcel(f"{form}://{place}/{TOKEN}", "the title", "the text")


def sent(parcel, seconds=60.0):
    """Why it did not arrive. A machine under load may take its time, where the end point does not."""
    why = deliver(parcel, time.monotonic() + seconds)
    assert TOKEN not in why
    return why


WEBHOOKS = {
    "ok": "", "late_ok": "", "fails": "HTTP 503", "redirects": "HTTP 307", "endless_body": "",
    "endless_failure": "HTTP 500", "huge_header": "no valid answer", "garbage": "no valid answer",
    "resets": "no valid answer",
}  # fmt: skip


@pytest.mark.parametrize("behaviour", FAST)
def test_a_webhook_says_what_came_of_it(behaviour):
    with end_point() as trap, end_point(behaviour, f"http://{trap.place}/trap") as there:
        assert sent(webhook(there.place)) == WEBHOOKS[behaviour]
        assert len(there.requests) == (1 if behaviour in {"ok", "endless_body"} else 2)
        assert trap.requests == []
        line, headers, body = there.requests[0]
        assert (line, body) == (f"POST /{TOKEN} HTTP/1.1", b'{"event": "unknown"}')
        assert headers["x-more"] == "1"


@pytest.mark.parametrize("behaviour", FAST)
def test_a_service_of_apprise_says_what_came_of_it(behaviour):
    with end_point() as trap, end_point(behaviour, f"http://{trap.place}/trap") as there:
        why = sent(apprise(there.place))
        assert why == ("" if behaviour in {"ok", "late_ok", "endless_body"} else "Apprise could not deliver it")
        assert trap.requests == []
        assert there.notices[0]["message"] == "the text"


@pytest.mark.parametrize("make", [webhook, apprise])
@pytest.mark.parametrize("behaviour", NEVER)
def test_what_never_ends_is_given_up_in_time(make, behaviour):
    with end_point(behaviour) as there:
        began = time.monotonic()
        assert sent(make(there.place), SLOW) != ""
        assert time.monotonic() - began < SLOW + 20  # the shortest of them ends by itself after a minute


@pytest.mark.parametrize("make", [webhook, apprise])
def test_a_dead_end_point_is_no_connection(make):
    why = sent(make(f"127.0.0.1:{free_port()}"))
    assert why in {"no connection", "Apprise could not deliver it"}


WITHOUT_POSIX = """
import runpy, signal, sys
sys.modules["resource"] = None
del signal.SIGALRM, signal.setitimer, signal.ITIMER_REAL
runpy.run_path({child!r}, run_name="__main__")
"""


@pytest.mark.parametrize("make", [webhook, apprise])
def test_a_notice_needs_neither_alarms_nor_limits(make, tmp_path, monkeypatch):
    child = tmp_path / "child.py"
    child.write_text(WITHOUT_POSIX.format(child=str(Path(module.__file__).with_name("child.py"))))
    monkeypatch.setattr(module, "_CHILD", child)
    with end_point() as there, end_point("silent") as silent:
        assert sent(make(there.place)) == ""
        assert len(there.requests) == 1
        assert sent(make(silent.place), SLOW) in {LATE, "no answer in time"}


def test_chat_forms_get_title_and_text():
    with end_point() as there:
        assert sent(apprise(f"{there.place}/services", "mmost")) == ""
        assert "the text" in there.notices[0]["text"]


def test_mail_arrives_with_title_and_text():
    class Inbox:
        mails = []  # noqa: RUF012 - one test, one inbox

        async def handle_DATA(self, server, session, envelope):  # noqa: ARG002, N802 - aiosmtpd's form
            self.mails.append((envelope.rcpt_tos, message_from_bytes(envelope.content, policy=policy.default)))
            return "250 OK"

    port, inbox = free_port(), Inbox()
    server = Controller(inbox, hostname="127.0.0.1", port=port)
    server.start()
    try:
        address = f"mailto://127.0.0.1:{port}?from=runs@example.com&to=ann@example.com&mode=insecure"
        assert sent(Parcel(address, "the title", "the text")) == ""
    finally:
        server.stop()
    [(people, mail)] = inbox.mails
    assert (people, mail["subject"]) == (["ann@example.com"], "the title")
    assert "the text" in mail.get_body(("plain", "html")).get_content()


def test_an_address_that_apprise_does_not_know_is_said():
    assert sent(Parcel(f"nosuch://{TOKEN}", "title", "text")) == "Apprise does not know such an address"


def test_without_time_nothing_is_sent():
    with end_point() as there:
        assert deliver(webhook(there.place), time.monotonic()) == LATE
        assert there.requests == []


def test_a_process_that_cannot_be_started_is_said(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    assert sent(webhook("127.0.0.1:9")) == "no process could be started for it"


def test_the_working_folder_is_not_imported_from(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "apprise.py").write_text("import os; os._exit(3)")
    with end_point() as there:
        assert sent(apprise(there.place)) == ""
