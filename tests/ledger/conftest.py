import pytest

from orchestrator.core.journal.lease import Moment
from orchestrator.ledger import sqlite


@pytest.fixture(autouse=True)
def steady(monkeypatch):
    """The steady clock of this boot, moved by hand. Until then it stands still beside the tests' own calendar."""
    at = {"steady": None, "boot": "boot"}
    monkeypatch.setattr(
        sqlite, "moment", lambda now: Moment(now, at["boot"], now if at["steady"] is None else at["steady"])
    )
    return at
