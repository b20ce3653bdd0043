"""`schema`."""

import click

from orchestrator.cli.documented import documented
from orchestrator.console.render import dumps


@documented(
    "schema",
    page="docs/reference/manifest.md",
    examples=(
        "schema",
        "schema --of result",
    ),
)
@click.option("--of", "subject", type=click.Choice(["manifest", "result"]), default="manifest", show_default=True,
              help="What the schema describes.")  # fmt: skip
def command(*, subject: str) -> None:
    """Print the JSON Schema of a manifest or a result.

    The manifest's is for your editor and for checkers; that of result.json is for programs that read it.
    """
    from orchestrator.app.schema import manifest_schema, result_schema

    click.echo(dumps(manifest_schema() if subject == "manifest" else result_schema()))
