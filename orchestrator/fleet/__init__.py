"""Lanes as jobs of many hosts. Everything here but `check_installed` needs the extra `fleet`."""

import importlib.util

from orchestrator.errors import LedgerError


def check_installed(ledger: str) -> None:
    """Raise LedgerError if this installation, or this ledger, is not made for many hosts. Touches neither."""
    if not ledger.startswith(("postgresql://", "postgresql+psycopg://")):
        raise LedgerError(
            "many hosts need a ledger on PostgreSQL", next_step="write ledger: postgresql://USER@HOST/DATABASE"
        )
    if importlib.util.find_spec("procrastinate") is None:
        raise LedgerError("many hosts need the extra fleet", next_step="pip install 'campaign-orchestrator[fleet]'")
