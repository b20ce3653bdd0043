import asyncio
import json
from contextlib import AsyncExitStack

import pytest

from orchestrator import load_manifest
from tests.canaries import no_secret_leaves
from tests.system.crash.conftest import ACCOUNT, SECRET, Scene

__all__ = ["no_secret_leaves"]


class Place(Scene):
    """A launch on a sandbox of its own, run within this process."""

    def load(self, **changes):
        """The manifest, whose ledger and reports lie beside it."""
        own = {"ledger": f"sqlite:///{self.directory}/.orchestrator/ledger.db",
               "report": {"dir": str(self.directory / "reports"), "formats": ["json"]}}  # fmt: skip
        self.raw |= own | changes
        return load_manifest(self.write())

    def write(self):
        path = self.directory / "m.yaml"
        path.write_text(json.dumps(self.raw), encoding="utf-8")
        return path

    def outcomes(self, result):
        return {f"{c.stream}/{c.campaign}": str(c.outcome) for c in result.campaigns}


def manifest_of(folder, **changes):
    """A manifest of three campaigns, whose sandbox lives within the process that runs it."""
    folder.chmod(0o700)
    raw = {
        "version": 1,
        "launch": "embedded",
        "host": "sandbox",
        "accounts": {"acme": {"account_id": ACCOUNT, "rate": "unlimited"}},
        "defaults": {"account": "acme"},
        "campaigns": [{"stream": "st-1", "campaign": f"cd-{n}"} for n in range(3)],
    } | changes
    file = folder / "m.yaml"
    file.write_text(json.dumps(raw), encoding="utf-8")
    return file


class Watcher:
    """Remembers what it was told; `at` names events, and what to do when each comes first."""

    def __init__(self, **at):
        self.events = []
        self.at = at

    def event(self, name, **fields):
        self.events.append((name, fields))
        if action := self.at.pop(name, None):
            action()

    @property
    def names(self):
        return [name for name, _ in self.events]


async def reached(event, task):
    """Wait for an event of a launch's task. A launch that ends before it raises here, and leaves nobody waiting."""
    waiting = asyncio.create_task(event.wait())
    await asyncio.wait({waiting, task}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not event.is_set():
        pytest.fail(f"the launch ended before the event: {await task}")


@pytest.fixture
async def places(tmp_path, monkeypatch):
    """Makes places; each has a sandbox, a folder and a ledger of its own."""
    monkeypatch.setenv("ACME_ID", "cs-acme")
    monkeypatch.setenv("ACME_SECRET", SECRET)
    tmp_path.chmod(0o700)
    async with AsyncExitStack() as stack:

        async def make(name="place", **options):
            # Nobody dies here: no need for the short ones of the crash tests, by which a late answer is a lost one.
            options = {"timeouts": {"connect": "10s", "total": "20s"}, **options}
            return await stack.enter_async_context(Place.opened(tmp_path / name, **options))

        yield make
