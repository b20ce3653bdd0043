"""The sandbox in a process of its own. Prints its address and serves until it is killed."""

import asyncio
import sys
from pathlib import Path

from orchestrator.sandbox import server as module
from orchestrator.sandbox.world import load_world


async def main(world, host, log):
    module._HOST = host
    async with module.SandboxServer(load_world(world), log=log) as server:
        sys.stdout.write(server.url + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    with Path("calls.jsonl").open("w", encoding="utf-8") as calls:  # every call, to look into a failure
        asyncio.run(main(*sys.argv[1:], calls))
