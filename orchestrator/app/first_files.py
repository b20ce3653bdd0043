"""The first files of a folder: a manifest from a person's answers with what belongs beside it, or the demonstration.

Answers are texts. Those about a secret name its place, such as `env NAME`; its value is neither asked for nor kept.
"""

import json
import os
import re
import shlex
from collections.abc import Mapping
from contextlib import suppress
from importlib import resources
from pathlib import Path
from string import Template
from types import MappingProxyType
from typing import Any, Final

from orchestrator.app.schema import manifest_schema
from orchestrator.core.exit_codes import ExitCode
from orchestrator.core.manifest.models import NOTES
from orchestrator.core.manifest.notes import account_id_note
from orchestrator.core.manifest.parse import parse
from orchestrator.core.manifest.values import ID_PATTERN
from orchestrator.core.text import command_line, reason
from orchestrator.errors import OrchestratorError

MANIFEST: Final = "launch.yaml"
LIST: Final = "campaigns.csv"
IGNORED: Final = ".gitignore"
SCHEMA: Final = "manifest.v1.json"
DEFAULTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "host": "https://platform.kore.ai",
        "algorithm": "HS256",
        "client_id": "env KORE_CLIENT_ID",
        "client_secret": "env KORE_CLIENT_SECRET",
    }
)
"""The answers of a person who gives none. A launch is called as its folder, and nobody's account id can be known."""

_COLUMNS: Final = ("stream", "campaign", "name", "tags", *NOTES)
_SECRETS: Final = ("client_id", "client_secret")
_VALID: Final = {"launch": "x", "account_id": "0" * 24, **DEFAULTS}
_ACCOUNT: Final = "main"  # what the template calls it
_PLACE: Final = "must be the secret's place, never its value; write env NAME, file PATH or command PROGRAM ARGUMENT"


class NotWritten(OrchestratorError):  # noqa: N818 - it is the files' state
    """An answer is missing or wrong, or a file is there already: nothing was written."""

    exit_code = ExitCode.USAGE

    @property
    def sentence(self) -> str:
        """What happened, without a word about starts: a command that only writes files cannot send anything."""
        return self.message


def launch_name(folder: Path) -> str:
    """The folder's name, where a launch can be called so."""
    name = Path(os.path.abspath(folder)).name  # noqa: PTH100 - not resolved: a link's own name is what a person sees
    return name if re.fullmatch(ID_PATTERN, name) else "first-launch"


def fault_of(name: str, answer: str) -> str:
    """Why an answer cannot be written into a manifest, in the manifest's own words; empty if it can."""
    if not answer.isprintable():
        return "has an invisible character"
    if name == "host" and answer == "sandbox":
        return "sandbox has no account to look at; init --example unpacks a launch for it"
    if name in _SECRETS and not _place(answer):
        return _PLACE
    _, issues = parse(_manifest({**_VALID, name: answer}), is_complete=lambda: False)
    return "; ".join(filter(None, (issues[0].message, issues[0].hint))) if issues else ""


def note_on(name: str, answer: str) -> str:
    """What a person should look at again in an answer that is valid; empty if there is nothing."""
    return account_id_note(_ACCOUNT, answer) if name == "account_id" else ""


def first_files(answers: Mapping[str, str]) -> dict[str, str]:
    """The files' texts by name, for answers without a fault: a manifest without campaigns, and what it needs."""
    raw = _manifest(answers)
    template = resources.files("orchestrator.app") / "templates" / MANIFEST
    values = {name: _yaml(raw[name]) for name in ("launch", "host")}
    values |= {name: _yaml(value) for name, value in raw["accounts"][_ACCOUNT].items()}
    values |= {"schema": SCHEMA, "discover": command_line("discover", MANIFEST, "-o", LIST, "--stream")}
    manifest = Template(template.read_text(encoding="utf-8")).substitute(values)
    return {MANIFEST: manifest, LIST: ",".join(_COLUMNS) + "\n", **_beside()}


def example_files() -> dict[str, str]:
    """The files' texts by name: the demonstration, a launch that runs in the sandbox as it is."""
    packaged = resources.files("orchestrator") / "configs" / MANIFEST
    # Run from a checkout, the package does not have it: a wheel is built with that very file.
    file = packaged if packaged.is_file() else Path(__file__).parents[2] / "configs" / MANIFEST
    return {MANIFEST: file.read_text(encoding="utf-8").replace("../schema/", ""), **_beside()}


def check_new(folder: Path) -> None:
    """Raise NotWritten if one of the files is there already."""
    # A link that leads nowhere is there, too.
    if taken := [name for name in (MANIFEST, LIST, IGNORED, SCHEMA) if os.path.lexists(folder / name)]:
        raise NotWritten(
            f"there is {' and '.join(str(folder / name) for name in taken)} already; nothing was written",
            next_step="name a new folder for the launch: init makes it",
        )


def write_new(folder: Path, files: Mapping[str, str]) -> None:
    """Write all files, or none where one of them cannot be made anew. Raises NotWritten."""
    check_new(folder)
    made: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in ((folder / name, text) for name, text in files.items()):
            with path.open("x", encoding="utf-8", newline="\n") as stream:
                made.append(path)
                stream.write(text)
    except OSError as error:
        for path in made:
            with suppress(OSError):
                path.unlink()
        raise NotWritten(f"cannot write into {folder}: {reason(error)}; nothing was written") from error


def _beside() -> dict[str, str]:
    schema = json.dumps(manifest_schema(), indent=2, ensure_ascii=False)
    return {IGNORED: ".orchestrator/\nreports/\n", SCHEMA: schema + "\n"}


def _manifest(answers: Mapping[str, str]) -> dict[str, Any]:
    """The answers as a manifest's mapping, without campaigns."""
    account = {name: answers[name] for name in ("account_id", "algorithm")}
    secrets = {name: _place(answers[name]) for name in _SECRETS}
    accounts = {_ACCOUNT: account | secrets}
    return {"version": 1, "launch": answers["launch"], "host": answers["host"], "accounts": accounts}


def _place(answer: str) -> dict[str, Any] | None:
    """A secret's reference, as a manifest has it; None if the answer is none."""
    kind, _, value = answer.strip().partition(" ")
    if kind not in {"env", "file", "command"} or not value.strip():
        return None
    try:
        return {kind: shlex.split(value) if kind == "command" else value.strip()}
    except ValueError:  # a quotation without its end
        return None


def _yaml(value: Any) -> str:
    """A value in one line of YAML: texts in quotes, as `123` and `no` would be read as something else."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_yaml(one)}" for key, one in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)
