"""Where the tests find the project's files. Tests that name a file do so through here."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PRODUCT = ROOT / "orchestrator"
SCHEMAS = ROOT / "schema"
