import pytest

from orchestrator.core.lease import Moment
from orchestrator.ledger import sqlite


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "NETRC"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(autouse=True)
def steady(monkeypatch):
    """The steady clock of this boot, moved by hand. Until then it stands still beside the tests' own calendar."""
    at = {"steady": None}
    monkeypatch.setattr(
        sqlite, "moment", lambda now: Moment(now, "boot", now if at["steady"] is None else at["steady"])
    )
    return at
