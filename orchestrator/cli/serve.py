"""`serve`."""

import asyncio
import ipaddress
import os
from typing import Final

import click

from orchestrator.cli.documented import Count, documented
from orchestrator.cli.options import ledger_option

_SHORTEST_TOKEN: Final = 16


@documented(
    "serve",
    page="docs/how-to/serve.md",
    examples=(
        "serve",
        "serve --address 0.0.0.0 --token-env VIEW_TOKEN",
    ),
    exits={
        "0": "You ended it with Ctrl-C.",
        "143": "SIGTERM ended it.",
    },
)
@click.option("--port", type=Count(0, 65535), default=8787, show_default=True, metavar="N",
              help="Port to listen on; 0 takes a free one.")  # fmt: skip
@click.option("--address", default="127.0.0.1", show_default=True,
              metavar="ADDRESS",
              help="IP address to listen on; any but loopback needs --token-env.")  # fmt: skip
@click.option(
    "--host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="Another name that browsers may use, such as that of a reverse proxy; repeat it for several.",
)
@click.option("--token-env", metavar="NAME",
              help="Environment variable with the token that viewers must show: 16 characters or more.")  # fmt: skip
@ledger_option
@click.pass_context
def command(
    context: click.Context, *, port: int, address: str, hosts: tuple[str, ...], token_env: str | None, ledger: str
) -> None:
    """Serve live web pages of all launches, read-only.

    It runs until you interrupt it. It never calls the platform, and cannot start, stop or record anything. Viewers
    show the token as a bearer, or as the password that a browser asks for. If the ledger is missing or goes away, it
    waits.
    """
    from orchestrator.cli import event_loop

    token = _token(token_env)
    try:
        is_loopback = ipaddress.ip_address(address).is_loopback
    except ValueError:
        raise click.BadParameter(f"{address!r} is not an IP address", param_hint="--address") from None
    if not is_loopback and not token:
        raise click.UsageError(
            f"--address {address} lets others in: --token-env must name a variable with the token that they show"
        )
    try:
        code = event_loop.run(_serve(ledger, address=address, port=port, hosts=hosts, token=token))
    except OSError as error:
        raise click.UsageError(f"cannot listen on {address}, port {port}: {error.strerror}") from error
    context.exit(code)


def _token(variable: str | None) -> str:
    if variable is None:
        return ""
    token = os.environ.get(variable, "").strip()
    if len(token) < _SHORTEST_TOKEN:
        what = "is too short" if token else "is not set"
        raise click.UsageError(f"the token in {variable} {what}: {_SHORTEST_TOKEN} characters at least")
    return token


async def _serve(ledger: str, *, address: str, port: int, hosts: tuple[str, ...], token: str) -> int:
    """Serve until a signal comes. Returns the exit code."""
    from orchestrator.console.signals import handled
    from orchestrator.core.exit_codes import signal_code
    from orchestrator.model import Stop, StopReason
    from orchestrator.serve.listen import serving

    stops: list[Stop] = []
    stopped = asyncio.Event()

    def on_stop(stop: Stop) -> None:
        stops.append(stop)
        stopped.set()

    with handled(on_stop):
        async with serving(ledger, address=address, port=port, hosts=hosts, token=token) as (url, watching):
            click.echo(f"serving {url}")
            watching.add_done_callback(lambda _: stopped.set())
            await stopped.wait()
            if not stops:
                await watching  # an error of ours
    return 0 if stops[0].reason is StopReason.SIGINT else signal_code(stops[0]) or 0
