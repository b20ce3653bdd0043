"""`schema`."""

import click

from orchestrator.console.render import dumps


@click.command("schema")
@click.option("--of", "subject", type=click.Choice(["manifest", "result"]), default="manifest", show_default=True)
def command(*, subject: str) -> None:
    """Print the JSON Schema of a manifest, for editors and checkers, or of result.json, for its readers."""
    from orchestrator.app.schema import manifest_schema, result_schema

    click.echo(dumps(manifest_schema() if subject == "manifest" else result_schema()))
