"""The ledger's three tables (design section 8)."""

from typing import Final

from sqlalchemy import BigInteger, Column, Float, Integer, MetaData, String, Table, Text, UniqueConstraint

VERSION: Final = 1
"""Kept in the file's `user_version`; another number is refused."""

APPLICATION_ID: Final = 0x4B6F4361
"""Kept in the file's header, so that another database is not taken for a ledger."""

MARK: Final = f"campaign-orchestrator ledger {VERSION}"
"""The same for PostgreSQL, as the comment of the table `journal`; SQLite has no comments."""


def newer_version(version: int) -> str:
    """What is wrong with a ledger of another version, in words; empty for one that is older, or none."""
    return f": a newer program made it (ledger {version}, this one reads {VERSION})" if version > VERSION else ""


UPGRADE: Final = "use the program that made it, or a newer one: pip install --upgrade campaign-orchestrator"

metadata: Final = MetaData()

launches: Final = Table(
    "launches",
    metadata,
    Column("launch", String(128), primary_key=True),
    Column("host", Text, nullable=False),
    Column("created_at", Float, nullable=False),
)

leases: Final = Table(
    "leases",
    metadata,
    Column("lane", String(512), primary_key=True),
    Column("fence", Integer, nullable=False),
    Column("run_id", String(64), nullable=False),  # empty: no run holds it
    Column("launch", String(128), nullable=False),
    Column("machine", String(255), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("acquired", Float, nullable=False),
    Column("expires", Float, nullable=False),
    Column("recent", Text, nullable=False),  # JSON: when the last holder's calls ended
)

journal: Final = Table(
    "journal",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("launch", String(128), nullable=False),
    Column("campaign", String(300), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("run_id", String(64), nullable=False),
    Column("at", Float, nullable=False),
    Column("lane", String(512), nullable=False),
    Column("data", Text, nullable=False),
    UniqueConstraint("launch", "campaign", "attempt", "kind"),
    comment=MARK,
)
