"""aiohttp, gather and a semaphore, and nothing else: no journal, no verdicts, no rate, no report."""

import asyncio
import csv
import sys
from pathlib import Path

import aiohttp


async def _main(url: str, campaigns: Path) -> None:
    with campaigns.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    gate = asyncio.Semaphore(64)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64)) as session:

        async def start(row: dict[str, str]) -> bool:
            path = f"/campaign/api/v1/public/{row['stream']}/campaign/{row['campaign']}?campaignType=sms&trigger=play"
            headers = {"auth": "token", "iid": row["stream"], "accountId": row["account"]}
            async with gate, session.post(url + path, json={}, headers=headers) as response:
                return (await response.json())["status"] == "Active"

        answers = await asyncio.gather(*(start(row) for row in rows))
    print(sum(answers), "started")


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], Path(sys.argv[2])))
