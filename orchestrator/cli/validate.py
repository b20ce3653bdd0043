"""`validate MANIFEST`."""

from pathlib import Path

import click

from orchestrator.cli.options import environment_option, json_option, manifest_argument, prints_result
from orchestrator.console.render import CommandResult


@click.command("validate")
@manifest_argument
@environment_option
@json_option
@prints_result
def command(manifest: str, *, environment: str | None) -> CommandResult:
    """Check a manifest and the files it names. Needs no network and no secret; every fault in one pass."""
    from orchestrator.console.terminal import plain
    from orchestrator.core.plan import spelling
    from orchestrator.core.rules import describe
    from orchestrator.core.text import plural
    from orchestrator.loading.manifest_file import load_manifest

    loaded = load_manifest(Path(manifest), environment)
    found = loaded.manifest
    rules = describe.sentences(found)
    size = f"{plural(len(found.campaigns), 'campaign')}, {plural(len(found.accounts), 'account')}"
    warnings = (*loaded.warnings, *spelling.warnings(found))
    data = {"valid": True, "launch": found.launch, "campaigns": len(found.campaigns), "rules": list(rules),
            "files": [file.as_json() for file in loaded.files], "warnings": list(warnings)}  # fmt: skip
    lines = [
        f"{manifest} is valid: launch {found.launch}, {size}",
        *(f"read: {plain(file.sentence)}" for file in loaded.files),
        *(f"rule: {text}" for text in rules),
        *(f"warning: {plain(text)}" for text in warnings),
    ]
    return CommandResult("validate", data, "\n".join(lines) + "\n")
