"""`validate MANIFEST`."""

from pathlib import Path

import click

from orchestrator.cli.options import echo_json, exits_on_error, json_option, manifest_argument


@click.command("validate")
@manifest_argument
@json_option
@exits_on_error
def command(manifest: str, *, as_json: bool) -> None:
    """Check a manifest and the files it names. Needs no network and no secret; every fault in one pass."""
    from orchestrator.core.rules import describe as rules
    from orchestrator.loading.manifest_file import load_manifest

    loaded = load_manifest(Path(manifest))
    found = loaded.manifest
    said = rules.sentences(found)
    if as_json:
        echo_json({"schema_version": "1", "valid": True, "launch": found.launch, "campaigns": len(found.campaigns),
                   "rules": list(said)})  # fmt: skip
    else:
        click.echo(f"{manifest} is valid: launch {found.launch}, {len(found.campaigns)} campaigns, "
                   f"{len(found.accounts)} accounts")  # fmt: skip
        click.echo("\n".join(f"rule: {text}" for text in said))
