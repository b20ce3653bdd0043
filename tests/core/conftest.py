"""What several rooms of the core are tested with."""

import time

import pytest


@pytest.fixture
def in_tokyo(monkeypatch):
    """A machine whose own zone is not UTC."""
    with monkeypatch.context() as changed:
        changed.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()
