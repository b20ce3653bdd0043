import getpass
import os

import pytest

from orchestrator.ledger.machine_id import this_user


@pytest.mark.parametrize("error", [KeyError("uid"), OSError("no name")])
def test_a_user_without_a_name_is_named_by_number(monkeypatch, error):
    """As in a container whose user is a number only; what getpass raises depends on Python's version."""

    def raising():
        raise error

    monkeypatch.setattr(getpass, "getuser", raising)

    assert this_user() == f"uid {os.getuid()}"
