"""A password in a ledger's address is refused, and is not in what is said of it."""

import json
import urllib.parse

import pytest
from click.testing import CliRunner

from orchestrator.cli import main
from tests.canaries import PASSWORD, heard

QUOTED = urllib.parse.quote(PASSWORD, safe="")
ADDRESSES = (
    f"postgresql://kore:{QUOTED}@127.0.0.1:1/ledger",
    f"postgresql+psycopg://kore:{QUOTED}@127.0.0.1:1/ledger",
    f"postgresql://kore@127.0.0.1:1/ledger?password={QUOTED}",
    f"postgresql://kore@127.0.0.1:1/ledger?sslpassword={QUOTED}",
    f"postgresql://kore@127.0.0.1:1/ledger?passwd={QUOTED}",
    f"postgresql://kore:{QUOTED}@127.0.0.1:port/ledger",
    f"mysql://kore:{QUOTED}@127.0.0.1:1/ledger",
)


def run(*arguments):
    done = CliRunner().invoke(main, arguments)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    heard(done.output)
    return done


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize(
    "command", [("status", "spring"), ("report", "spring"), ("pause", "spring", "--reason", "x"), ("worker",)]
)
def test_no_command_repeats_the_password_in_its_ledgers_address(address, command):
    done = run(*command, "--ledger", address)

    assert done.exit_code == 8, done.output
    assert "ledger" in done.output


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("command", ["validate", "run", "plan"])
def test_no_manifest_may_have_a_password_in_its_ledgers_address(tmp_path, monkeypatch, address, command):
    raw = {
        "version": 1, "launch": "spring", "host": "sandbox", "ledger": address,
        "accounts": {"acme": {"account_id": "a1"}}, "defaults": {"account": "acme"},
        "campaigns": [{"stream": "st-1", "campaign": "cd-1"}],
    }  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.yaml").write_text(json.dumps(raw), encoding="utf-8")
    done = run(command, "m.yaml")
    (tmp_path / "m.yaml").unlink()  # the one file that holds it, and not ours

    assert done.exit_code == 3, done.output
    assert "m.yaml:1:" in done.output
