import getpass
import os
import pwd

import pytest

from orchestrator.ledger.machine_id import _ACTORS, this_user, user_names


@pytest.fixture(autouse=True)
def _no_ci_system(monkeypatch):
    for name in _ACTORS:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("error", [KeyError("uid"), OSError("no name")])
def test_a_user_without_a_name_is_named_by_number(monkeypatch, error):
    """As in a container whose user is a number only; what getpass raises depends on Python's version."""

    def raising():
        raise error

    monkeypatch.setattr(getpass, "getuser", raising)

    assert this_user() == f"uid {os.getuid()}"


@pytest.mark.parametrize("name", _ACTORS)
def test_the_person_whom_a_ci_system_names_comes_first(monkeypatch, name):
    login = this_user()
    monkeypatch.setenv(name, "ana")

    assert this_user() == "ana"
    assert user_names()[:2] == ("ana", login)


def test_a_variable_cannot_hide_whose_account_it_is(monkeypatch):
    account = pwd.getpwuid(os.getuid()).pw_name
    monkeypatch.setenv("LOGNAME", "someone")
    monkeypatch.setenv("GITHUB_ACTOR", "someone else")

    assert user_names() == ("someone else", "someone", account)


@pytest.mark.parametrize("text", ["", "a\nb", "\x1b[31m", "\udc80"])
def test_a_name_that_cannot_be_printed_is_none(monkeypatch, text):
    monkeypatch.setenv("GITHUB_ACTOR", text)

    assert "GITHUB_ACTOR" in _ACTORS
    assert text not in user_names()
