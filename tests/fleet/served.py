"""The sandbox in a process of its own. Prints its address and serves until it is killed."""

import asyncio
import sys

from orchestrator.sandbox import server as module
from orchestrator.sandbox.world import load_world


async def main(world, host):
    module._HOST = host
    async with module.SandboxServer(load_world(world)) as server:
        sys.stdout.write(server.url + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
