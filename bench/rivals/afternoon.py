"""What one writes in an afternoon: aiolimiter, tenacity, a token and a row committed for each start.

It has the usual faults, too: it retries whatever fails, so that a lost answer texts everyone twice, and a limiter that
lets a burst through.
"""

import asyncio
import csv
import json
import os
import sqlite3
import sys
import time
import uuid
from pathlib import Path

import aiohttp
import jwt
from aiolimiter import AsyncLimiter
from tenacity import retry, stop_after_attempt, wait_exponential_jitter


def _token() -> str:
    now, name = int(time.time()), os.environ["BENCH_ID"]
    claims = {"appId": name, "iss": name, "sub": name, "iat": now, "exp": now + 300, "jti": str(uuid.uuid4())}
    return jwt.encode(claims, os.environ["BENCH_SECRET"], "HS256")


async def _main(url: str, campaigns: Path) -> None:
    with campaigns.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    done = sqlite3.connect("afternoon.db")
    done.execute("PRAGMA journal_mode=WAL")
    done.execute("PRAGMA synchronous=FULL")
    done.execute("CREATE TABLE done (campaign TEXT PRIMARY KEY, status TEXT, reply TEXT)")
    gate, limiters = asyncio.Semaphore(64), {row["account"]: AsyncLimiter(1_000_000, 1) for row in rows}
    async with aiohttp.ClientSession() as session:

        @retry(stop=stop_after_attempt(4), wait=wait_exponential_jitter(1, 60))
        async def send(row: dict[str, str]) -> dict[str, str]:
            path = f"/campaign/api/v1/public/{row['stream']}/campaign/{row['campaign']}?campaignType=sms&trigger=play"
            headers = {"auth": _token(), "iid": row["stream"]}
            async with limiters[row["account"]], session.post(url + path, json={}, headers=headers) as response:
                response.raise_for_status()
                reply: dict[str, str] = await response.json()
                return reply

        async def start(row: dict[str, str]) -> bool:
            async with gate:
                reply = await send(row)
                done.execute("INSERT INTO done VALUES (?, ?, ?)", (row["campaign"], reply["status"], json.dumps(reply)))
                done.commit()
                return reply["status"] == "Active"

        answers = await asyncio.gather(*(start(row) for row in rows))
    print(sum(answers), "started")


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], Path(sys.argv[2])))
