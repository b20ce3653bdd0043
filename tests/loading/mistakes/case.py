"""A case of the table: its files, and what `validate` prints in a folder that holds them."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner

from orchestrator.cli import main

FOLDER = Path(__file__).parent
HEAD = """\
version: 1
launch: spring
host: sandbox
accounts: {acme: {account_id: "67777ce93e25326494e90001"}}
defaults: {account: acme}
"""
GOOD = HEAD + "campaigns:\n  - {stream: st-1, campaign: cd-1}\n"


@dataclass(frozen=True)
class Case:
    """Files by name, as texts or bytes, `m.yaml` among them. `sees`: the faulty value as the message must show it."""

    files: dict[str, str | bytes]
    sees: str


def printed(case):
    """What `validate m.yaml` prints, and its exit code in the last line."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            for name, content in case.files.items():
                Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
            result = CliRunner().invoke(main, ["validate", "m.yaml"])
        finally:
            os.chdir(before)
    return f"{result.output}exit code {result.exit_code}\n"


def table(cases):
    """The golden text of all cases: a heading with the case's name, and what is printed."""
    return "\n".join(f"== {name}\n{printed(case)}" for name, case in cases.items())
