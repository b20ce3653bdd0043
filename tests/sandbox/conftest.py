import asyncio
import time
import uuid
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import jwt
import pytest

from orchestrator.sandbox.limiter import DEFAULT_LIMIT
from orchestrator.sandbox.platform import Account, World
from orchestrator.sandbox.server import SandboxServer
from orchestrator.sandbox.world import demo_world

TRIGGER = "/campaign/api/v1/public/{}/campaign/{}?campaignType=sms&trigger={}"
LIST = "/agentassist/api/v1/public/{}/campaign/getAllCampaignDetails"


@dataclass
class Client:
    """Speaks to a sandbox the way the documents say, for the first account of its world."""

    server: SandboxServer
    session: aiohttp.ClientSession
    account: Account
    stream: str
    campaign: str
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def key(self):
        return f"{self.stream}/{self.campaign}"

    def token(self, **claims: Any):
        now = int(time.time())
        payload = {"appId": self.account.client_id, "exp": now + 600, "jti": uuid.uuid4().hex} | claims
        return jwt.encode(payload, self.account.secret, algorithm=self.account.algorithm)

    def signed(self, **headers: str):
        own = {"auth": self.token(), "iid": self.stream, "accountId": self.account.account_id}
        return own | headers

    async def call(self, method: str, path: str, *, body: Any = None, headers: dict[str, str] | None = None):
        sent = self.signed() if headers is None else headers
        async with self.session.request(method, self.server.url + path, json=body or {}, headers=sent) as reply:
            text = await reply.text()
            is_json = reply.content_type == "application/json"
            return reply.status, await reply.json() if is_json else text, reply.headers

    async def trigger(self, trigger: str = "play", *, campaign: str | None = None, **more: Any):
        path = TRIGGER.format(self.stream, campaign or self.campaign, trigger)
        status, body, _ = await self.call("POST", path, **more)
        return status, body

    async def list(self, **fields: Any):
        status, body, _ = await self.call("POST", LIST.format(self.stream), body={"type": "sms"} | fields)
        return status, body

    async def record(self):
        async with self.session.get(self.server.url + "/sandbox/record") as reply:
            return await reply.json()


@pytest.fixture
async def open_client():
    """Starts a sandbox with the options given, and a client for it."""
    async with AsyncExitStack() as stack:

        async def start(world: World | None = None, *, limit=DEFAULT_LIMIT, faults=(), **options: Any):
            world = world or demo_world(limit=limit)
            first = world.campaigns[0]
            if faults:
                options["scripted"] = {f"{first.stream}/{first.id}": faults}
            server = await stack.enter_async_context(SandboxServer(world, **options))
            timeout = aiohttp.ClientTimeout(total=60)
            session = await stack.enter_async_context(aiohttp.ClientSession(timeout=timeout))
            return Client(server, session, world.accounts[0], first.stream, first.id)

        yield start


@pytest.fixture
def eventually():
    """Waits until a condition holds, and fails where it does not come to hold soon."""

    async def wait(condition: Callable[[], Any]):
        async with asyncio.timeout(60):
            while not condition():  # noqa: ASYNC110 - what is waited for is another party's state
                await asyncio.sleep(0)

    return wait


@pytest.fixture
async def client(open_client):
    return await open_client()
