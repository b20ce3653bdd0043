"""`validate MANIFEST...`."""

from collections.abc import Sequence
from pathlib import Path

import click

from orchestrator.cli.documented import documented
from orchestrator.cli.options import environment_option, json_option, prints_result
from orchestrator.console.render import CommandResult, error_result
from orchestrator.errors import OrchestratorError


@documented(
    "validate",
    page="docs/how-to/runbook.md",
    examples=(
        "validate launch.yaml",
        "validate spring.yaml autumn.yaml --json",
    ),
    exits={
        "3": "A manifest, or a file that it names, is not valid.",
    },
)
@click.argument("manifests", metavar="MANIFEST...", type=click.Path(path_type=str), nargs=-1, required=True)
@environment_option
@json_option
@prints_result
def command(manifests: tuple[str, ...], *, environment: str | None) -> CommandResult:
    """Check manifests, without network or secrets.

    It reads each manifest and the files that it names, and reports every fault in one pass.
    """
    if len(manifests) == 1:
        return _checked(manifests[0], environment)
    return _together(manifests, [_result(manifest, environment) for manifest in manifests])


def _result(manifest: str, environment: str | None) -> CommandResult:
    try:
        return _checked(manifest, environment)
    except OrchestratorError as error:
        return error_result("validate", error)


def _together(manifests: Sequence[str], results: Sequence[CommandResult]) -> CommandResult:
    """The results as one, with the worst exit code."""
    each = [
        {"manifest": manifest, **{key: value for key, value in result.as_json().items() if key not in _ENVELOPE}}
        for manifest, result in zip(manifests, results, strict=True)
    ]
    return CommandResult(
        "validate", {"manifests": each}, "".join(result.text for result in results),
        messages=tuple(message for result in results for message in result.messages),
        exit_code=max(result.exit_code for result in results),
    )  # fmt: skip


_ENVELOPE = ("schema_version", "command")


def _checked(manifest: str, environment: str | None) -> CommandResult:
    from orchestrator.app.addressees import missing_extra
    from orchestrator.console.terminal import plain
    from orchestrator.core.manifest.notes import notes
    from orchestrator.core.plan import spelling
    from orchestrator.core.rules import describe
    from orchestrator.core.text import plural
    from orchestrator.loading.manifest_file import load_manifest

    loaded = load_manifest(Path(manifest), environment)
    found = loaded.manifest
    rules = describe.sentences(found)
    size = f"{plural(len(found.campaigns), 'campaign')}, {plural(len(found.accounts), 'account')}"
    warnings = (*loaded.warnings, *notes(found), *spelling.warnings(found), *missing_extra(found))
    data = {"valid": True, "launch": found.launch, "environment": environment, "campaigns": len(found.campaigns),
            "rules": list(rules), "files": [file.as_json() for file in loaded.files],
            "warnings": list(warnings)}  # fmt: skip
    where = f" in environment {environment}" if environment else ""
    lines = [
        f"{manifest} is valid: launch {found.launch}{where}, {size}",
        *(f"read: {plain(file.sentence)}" for file in loaded.files),
        *(f"rule: {text}" for text in rules),
        *(f"warning: {plain(text)}" for text in warnings),
    ]
    return CommandResult("validate", data, "\n".join(lines) + "\n")
