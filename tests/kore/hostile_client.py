"""One call in a process of its own, so that its memory can be measured: prints the verdict and the growth in MiB."""

import asyncio
import json
import sys
from pathlib import Path

from orchestrator.core.attempt.verdict import classify, classify_read
from tests.raw_server import TARGET, client_of, start


def peak():
    """The most memory this process has had, in MiB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024


async def main(url, call, total):
    async with client_of(url, total_timeout=float(total)) as client:
        before = peak()
        if call == "start":
            answer = await start(client)
            verdict = str(classify(answer).kind)
        else:
            answer = (await client.list(TARGET, 1)).answer
            verdict = str(classify_read(answer))
        text = getattr(answer, "text", "")
    sys.stdout.write(json.dumps({"verdict": verdict, "grown": peak() - before, "text": text}))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
