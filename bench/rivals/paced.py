"""Calls on 20 accounts, each at 60 a second by somebody else's limiter, over aiohttp.

python bench/rivals/paced.py LIMITER URL SECONDS
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable

import aiohttp

_PER_SECOND = 60
_ACCOUNTS = 20
_IN_FLIGHT = 100

Wait = Callable[[], Awaitable[object]]


def _aiolimiter(_: str) -> Wait:
    from aiolimiter import AsyncLimiter

    return AsyncLimiter(_PER_SECOND, 1).acquire


def _pyrate(name: str) -> Wait:
    from pyrate_limiter import Duration, Limiter, Rate

    limiter = Limiter(Rate(_PER_SECOND, Duration.SECOND))
    return lambda: limiter.try_acquire_async(name)


def _limits(name: str) -> Wait:
    from limits import RateLimitItemPerSecond
    from limits.aio.storage import MemoryStorage
    from limits.aio.strategies import MovingWindowRateLimiter

    limiter, item = MovingWindowRateLimiter(MemoryStorage()), RateLimitItemPerSecond(_PER_SECOND)

    async def wait() -> None:
        while not await limiter.hit(item, name):  # noqa: ASYNC110 - it says no, and leaves the waiting to its user
            await asyncio.sleep(0.005)

    return wait


def _throttled(name: str) -> Wait:
    from throttled.asyncio import MemoryStore, RateLimiterType, Throttled, per_sec

    throttle = Throttled(
        key=name, using=RateLimiterType.SLIDING_WINDOW.value, quota=per_sec(_PER_SECOND), store=MemoryStore(),
        timeout=60,
    )  # fmt: skip
    return throttle.limit


def _even(_: str) -> Wait:
    """Even gaps, as vegeta paces: the n-th call leaves at n / rate, whatever came before."""
    begun, count = time.monotonic(), iter(range(10**9))

    async def wait() -> None:
        await asyncio.sleep(begun + next(count) / _PER_SECOND - time.monotonic())

    return wait


LIMITERS = {"aiolimiter": _aiolimiter, "pyrate-limiter": _pyrate, "limits": _limits, "throttled-py": _throttled,
            "even gaps (vegeta)": _even}  # fmt: skip


async def _main(limiter: str, url: str, seconds: float) -> None:
    end = time.monotonic() + seconds
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def work(account: str, wait: Wait) -> None:
            path = "/campaign/api/v1/public/st/campaign/cd?campaignType=sms&trigger=play"
            headers = {"auth": "token", "accountId": account, "Content-Type": "application/json"}
            while time.monotonic() < end:
                await wait()
                async with session.post(url + path, data=b"{}", headers=headers) as response:
                    await response.read()

        async with asyncio.TaskGroup() as group:
            for number in range(_ACCOUNTS):
                wait = LIMITERS[limiter](f"{number:024x}")
                for _ in range(_IN_FLIGHT):
                    group.create_task(work(f"{number:024x}", wait))


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
