import asyncio
import json
from contextlib import asynccontextmanager, suppress

import aiohttp
import pytest

from orchestrator.ledger.store import Store
from orchestrator.model import Home, PosixSeconds
from orchestrator.serve.listen import serving
from tests.system.browser import runs

PAGE_SECONDS = 60


class Served:
    """A server on loopback, and what a browser does with it."""

    def __init__(self, session, url, task):
        self.session, self.url, self.task = session, url, task

    async def get(self, path, *, method="GET", **options):
        async with self.session.request(method, self.url + path.removeprefix("/"), **options) as reply:
            return reply.status, reply.headers, await reply.text()

    async def until(self, path, words, **options):
        """The page, once it has the words."""
        async with asyncio.timeout(PAGE_SECONDS):
            while True:
                text = (await self.get(path, **options))[2]
                if words in text:
                    return text

    @asynccontextmanager
    async def events(self, path):
        """The pages' parts as they come."""
        async with self.session.get(self.url + path.removeprefix("/")) as reply:
            assert reply.status == 200

            async def parts():
                async with asyncio.timeout(PAGE_SECONDS):
                    async for line in reply.content:
                        if line.startswith(b"data: {"):
                            yield json.loads(line.removeprefix(b"data: "))

            yield parts()


@pytest.fixture
def folder(tmp_path):
    tmp_path.chmod(0o700)
    return tmp_path


@pytest.fixture
def url(folder):
    return f"sqlite:///{folder}/ledger.db"


@pytest.fixture
def serve():
    @asynccontextmanager
    async def opened(url, **options):
        jar = aiohttp.DummyCookieJar()
        async with (
            serving(url, **{"address": "127.0.0.1", "port": 0, **options}) as (address, task),
            aiohttp.ClientSession(cookie_jar=jar, read_bufsize=2**24, max_line_size=2**24) as session,
        ):
            yield Served(session, address, task)

    return opened


def write(url, records, launch=runs.LAUNCH):
    """Journal records, as a run does."""
    store = Store.open(url)
    with suppress(Exception):
        store.bind_launch(launch, Home("https://platform.kore.ai"), PosixSeconds(runs.BEGAN))
    for at in range(0, len(records), 1000):
        store.commit(records[at : at + 1000], runs.RUN, {}, PosixSeconds(runs.BEGAN))
    store.close()
