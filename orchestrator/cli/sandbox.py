"""`sandbox`."""

import asyncio
import sys

import click

from orchestrator.cli.documented import Count, documented


@documented(
    "sandbox",
    page="docs/reference/faults.md",
    examples=(
        "sandbox",
        "sandbox --world world.yaml --faults realistic --seed 7",
    ),
)
@click.option("--port", type=Count(0, 65535), default=8080, show_default=True, metavar="N",
              help="Port to listen on; 0 takes a free one.")  # fmt: skip
@click.option("--world", type=click.Path(exists=True, dir_okay=False), metavar="FILE",
              help="JSON or YAML file of accounts and campaigns; by default a small built-in world.")  # fmt: skip
@click.option("--faults", type=click.Choice(["none", "calm", "realistic", "nasty"]), default="none", show_default=True,
              metavar="NAME", help="What goes wrong with calls: none, calm, realistic or nasty.")  # fmt: skip
@click.option(
    "--seed", type=int, default=0, show_default=True, metavar="N", help="The same seed gives the same faults."
)
@click.option("--retry-after", type=click.Choice(["seconds", "date", "none"]), default="seconds", show_default=True,
              help="How Retry-After is written: in seconds, as a date, or not at all.")  # fmt: skip
def command(*, port: int, world: str | None, faults: str, seed: int, retry_after: str) -> None:
    """Serve a local stand-in for the campaign API.

    It listens on 127.0.0.1 until you interrupt it. GET /sandbox/record shows what arrived and what was started. POST
    /sandbox/console/STREAM/CAMPAIGN/ACTION does what people do at the console: edit, save, rename, reschedule, stop,
    rerun.
    """
    from orchestrator.console.signals import handled
    from orchestrator.console.streams import OutputError
    from orchestrator.sandbox.serve import serve
    from orchestrator.sandbox.world import WorldError

    async def serve_until_signalled() -> None:
        ended = asyncio.Event()
        with handled(lambda _: ended.set()):
            await serve(
                port=port, world_path=world, faults=faults, seed=seed, retry_after=retry_after, ended=ended,
                out=sys.stdout, err=sys.stderr,
            )  # fmt: skip

    try:
        asyncio.run(serve_until_signalled())
    except WorldError as error:
        raise click.UsageError(str(error)) from error
    except OutputError:
        raise
    except OSError as error:
        raise click.UsageError(f"cannot listen on port {port}: {error.strerror}") from error
