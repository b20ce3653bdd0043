"""Which database a ledger's address names."""

import sqlalchemy as sa

from orchestrator.errors import LedgerError
from orchestrator.ledger import sqlite
from orchestrator.ledger.backend import Backend, refuse_password
from orchestrator.ledger.watched import watch_sqlite


def open_backend(url: str, *, create: bool, watched: bool = False) -> Backend:
    """The database at `url`: an SQLite file or PostgreSQL. Raises LedgerError for any other address.

    `watched`: it is only read, and not a byte of it changes.
    """
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        parsed = None
    if parsed is not None:
        refuse_password(parsed)
    kind = parsed.get_backend_name() if parsed is not None and parsed.database else ""
    if parsed is not None and kind == "sqlite":
        return watch_sqlite(parsed) if watched else sqlite.open_sqlite(parsed, create=create)
    if parsed is not None and kind == "postgresql":
        from orchestrator.ledger import postgres

        return postgres.open_postgres(parsed, create=create, watched=watched)
    raise _unknown_address(url, parsed)


def _unknown_address(url: str, parsed: sa.URL | None) -> LedgerError:
    hint = "write sqlite:///PATH or postgresql://USER@HOST/DATABASE"
    if parsed is not None:
        shown = f"ledger {parsed.render_as_string()}"
    elif "://" in url or "@" in url:  # a password may be in it
        shown = "the ledger's address"
    else:
        shown, hint = f"ledger {url!r}", f"for a file, write sqlite:///{url}; for PostgreSQL, postgresql://…"
    return LedgerError(f"{shown} names neither an SQLite file nor a PostgreSQL database", next_step=hint)
