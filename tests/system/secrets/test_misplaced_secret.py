"""A secret that is pasted into a wrong place of a manifest, or of a list, is in no message about it."""

import json

import pytest
from click.testing import CliRunner

from orchestrator.cli import main
from tests.canaries import SECRET, heard

PLAIN = "pa55-canary-word"
"""A secret that looks like an ordinary word: only its variable's value gives it away."""
SHAPED = "q7Rk2ZxW9bLt4VnY8mPc6HsD3fGj5TaE"
"""One that looks like a random key."""
FIELDS = {"account_id": '"1"', "client_id": "{env: ACME_ID}", "client_secret": "{env: ACME_SECRET}", "rate": "[x]"}


def manifest(**fields):
    account = ", ".join(f"{key}: {value}" for key, value in {**FIELDS, **fields}.items())
    return f"""\
version: 1
launch: spring
host: https://kore.example
accounts:
  acme: {{{account}}}
defaults: {{account: acme}}
campaigns:
  - {{stream: st-1, campaign: cd-1}}
"""


def quoted(secret):
    return json.dumps(secret)


PLACES = {
    "as the secret": lambda secret: manifest(client_secret=quoted(secret)),
    "as the client id": lambda secret: manifest(client_id=quoted(secret)),
    "as a variable's name": lambda secret: manifest(client_secret=f"{{env: {quoted(secret)}}}"),
    "as an unknown key of the account": lambda secret: manifest(sekret=quoted(secret)),
    "as the name of a key": lambda secret: manifest(**{quoted(secret): 1}),
    "in a list": lambda secret: manifest(client_secret=f"[{quoted(secret)}]"),
    "with a quote that is not closed": lambda secret: manifest(client_secret=quoted(secret)[:-1]),
    "in a line of its own": lambda secret: manifest().replace(
        "  acme: {", f"  acme:\n   client_secret:\n     {secret}: x: y\n   x: {{"
    ),
}
ANYWHERE = {
    "as the account's id": lambda secret: manifest(account_id=quoted(f"{secret}!")),
    "as the launch": lambda secret: manifest().replace("spring", quoted(f"{secret}!")),
    "as a campaign's id": lambda secret: manifest().replace("cd-1", quoted(f"{secret}!")),
    "behind a long text": lambda secret: manifest().replace("cd-1", quoted("x" * 60 + f"!{secret}")),
    "as the name of an account": lambda secret: manifest().replace("{account: acme}", f"{{account: {quoted(secret)}}}"),
    "as a tag": lambda secret: manifest().replace("cd-1", f"cd-1, tags: [{quoted(f'{secret}!')}]"),
}


@pytest.mark.parametrize("place", [*PLACES, *ANYWHERE])
@pytest.mark.parametrize("secret", [SECRET, SHAPED, PLAIN], ids=["canary", "shaped", "plain"])
@pytest.mark.parametrize("form", [(), ("--json",)], ids=["text", "json"])
def test_a_misplaced_secret_is_not_shown(tmp_path, monkeypatch, place, secret, form):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ACME_SECRET", secret)
    text = ({**PLACES, **ANYWHERE}[place])(secret)
    (tmp_path / "m.yaml").write_text(text, encoding="utf-8")
    done = CliRunner().invoke(main, ["validate", "m.yaml", *form])
    (tmp_path / "m.yaml").unlink()  # the one file that holds it, and not ours
    heard(done.output)

    assert done.exit_code == 3, done.output
    assert "m.yaml" in done.output
    assert not any(part in done.output for part in (secret, json.dumps(secret)[1:-1], secret[:20]))


@pytest.mark.parametrize("secret", [SECRET, SHAPED], ids=["canary", "shaped"])
def test_a_secret_in_a_list_is_not_shown(tmp_path, monkeypatch, secret):
    monkeypatch.chdir(tmp_path)
    rows = json.dumps({"stream": "st-1", "campaign": secret + "!", "name": secret}) + "\n"
    (tmp_path / "m.yaml").write_text(manifest(rate="[50/60s]") + "campaigns_from: [list.jsonl]\n", encoding="utf-8")
    (tmp_path / "list.jsonl").write_text(rows, encoding="utf-8")
    done = CliRunner().invoke(main, ["validate", "m.yaml"])
    (tmp_path / "list.jsonl").unlink()
    heard(done.output)

    assert "list.jsonl:1:20: campaign: can only contain" in done.output
    assert secret[:20] not in done.output
