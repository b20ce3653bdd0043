"""A launch within a program of yours: `python docs/examples/embed.py configs/launch.yaml`."""

import asyncio
import signal
import sys

from orchestrator import OrchestratorError, Outcome, Result, Stop, StopReason, StopSignal, load_manifest, run_launch


class Watcher:
    """Is told the events of docs/reference/events.md, in the event loop, while the launch goes on."""

    def event(self, name: str, **fields: object) -> None:
        """Print each campaign's outcome."""
        if name == "campaign_done":
            print(f"{fields['campaign']}: {fields['outcome']}")


async def launch(path: str) -> Result:
    """Start what the manifest says; the service manager's SIGTERM is an orderly stop."""
    stop, loop = StopSignal(), asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set, Stop(StopReason.SIGTERM, "the service was stopped"))
    return await run_launch(load_manifest(path), observer=Watcher(), stop=stop)


def main() -> int:
    """The exit code that the command would have had."""
    try:
        result = asyncio.run(launch(sys.argv[1]))
    except OrchestratorError as error:
        print(f"{error.sentence}\nnext: {error.next_step}", file=sys.stderr)
        return error.exit_code
    for campaign in result.campaigns:
        if campaign.outcome is Outcome.UNKNOWN:
            print(f"look at {campaign.stream}/{campaign.campaign}, then: {campaign.next}")
    print(f"{result.totals[Outcome.STARTED]} started, exit code {result.exit_code}")
    return result.exit_code


if __name__ == "__main__":
    sys.exit(main())
