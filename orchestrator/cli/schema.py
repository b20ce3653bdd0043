"""`schema`."""

import click

from orchestrator.cli.common import echo_json


@click.command("schema")
def command() -> None:
    """Print the JSON Schema of a manifest, for editors and checkers."""
    from orchestrator.core.manifest import manifest_schema

    echo_json(manifest_schema())
