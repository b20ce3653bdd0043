"""Addresses are secrets: whatever end points and libraries do with them, not a character of a token gets out (P7)."""

import base64
import json
import random
import sys
import urllib.parse
from contextlib import ExitStack

import pytest
from click.testing import CliRunner

from orchestrator.cli import main
from tests import canaries
from tests.canaries import heard
from tests.commands import run
from tests.endpoints import end_point
from tests.paths import ROOT
from tests.ports import free_port

TOKENS = ("T0CANARY5f0c3a5f0c3a/B0CANARY7d1e7d1e/q7Rk2ZxW9bLt4VnY8mPc6HsD", "canary-hook-5f0c3a5f0c3a5f0c3a7d1e")
FAILURES = 200
AT_ONCE = 20
WRONG = (
    "https://127.0.0.1:{dead}/{token}", "http://127.0.0.1:{dead}/{token}", "http://{odd}@127.0.0.1:{dead}/x",
    "http://127.0.0.1:{fails}/{token}", "http://127.0.0.1:{resets}/?key={odd}", "http://127.0.0.1:{garbage}/{token}",
    "http://127.0.0.1:{redirects}/{token}", "http://hooks.example/{token}", "https://[::1/{token}",
    "https://127.0.0.1:99999/{token}", "json://127.0.0.1:{fails}/{token}", "json://{odd}@127.0.0.1:{dead}/x",
    "mmost://127.0.0.1:{resets}/{odd}", "slack://{odd}", "nosuch://{token}", "{odd}", "mailto://{odd}:x@127.0.0.1:{dead}",
    "https://127.0.0.1:{fails}/{token}", "xml://127.0.0.1:{garbage}/?x={odd}", "ntfy://127.0.0.1:{redirects}/{odd}",
)  # fmt: skip
"""Addresses that lead nowhere; `odd` and `token` are secret."""


def leaks_of(data):
    """Which secrets, or parts of the tokens that are long enough to be told, are in there; in any spelling."""
    parts = {part for token in TOKENS for part in (token, *token.split("/")) if len(part) > 8}
    return canaries.leaks(data, sorted(parts))


def address(form, ports, n):
    odd = TOKENS[n % 2].replace("/", "")
    return form.format(token=TOKENS[n % 2], odd=odd, **ports)


def manifest(entries):
    return {
        "version": 1, "launch": "spring", "host": "sandbox", "defaults": {"account": "acme"},
        "accounts": {"acme": {"account_id": "a1", "rate": "unlimited"}},
        "campaigns": [{"stream": "st-1", "campaign": "cd-1"}],
        "notify": entries, "report": {"formats": ["json", "csv", "junit", "markdown", "html", "prometheus"]},
    }  # fmt: skip


def test_two_hundred_failures_show_no_address(tmp_path):
    tmp_path.chmod(0o700)
    draw, failures = random.Random(14), 0
    with ExitStack() as stack:
        there = {name: stack.enter_context(end_point(name)) for name in ("fails", "resets", "garbage")}
        trap = f"http://127.0.0.1:{there['fails'].port}/{TOKENS[0]}"
        there["redirects"] = stack.enter_context(end_point("redirects", trap))
        ports = {"dead": free_port(), **{name: one.port for name, one in there.items()}}
        for turn in range(FAILURES // AT_ONCE):
            addresses = [address(form, ports, turn) for form in draw.sample(WRONG, AT_ONCE)]
            failures += failed(tmp_path / str(turn), addresses, turn)

    assert failures >= FAILURES
    found = {file: leaks_of(file.read_bytes() + bytes(file)) for file in tmp_path.rglob("*") if file.is_file()}
    assert {str(file): kinds for file, kinds in found.items() if kinds} == {}


def failed(folder, addresses, turn):
    """Run a launch that tells nobody it should; what it prints lies in its folder. How many notices failed."""
    folder.mkdir(mode=0o700)
    names = [f"ADDRESS_{n}" for n in range(len(addresses))]
    entries = [{"to": {"env": name}, "on": ["finished"]} for name in names]
    (folder / "m.yaml").write_text(json.dumps(manifest(entries)), encoding="utf-8")
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", **dict(zip(names, addresses, strict=True))}
    options = ("--verbose", "--log-format", ("text", "json")[turn % 2])
    command = [sys.executable, "-m", "orchestrator", "run", "m.yaml", *options, *(("--json",) if turn % 3 else ())]
    done = run(command, cwd=folder, env=environment)
    (folder / "printed").write_text(done.stdout + done.stderr, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    result = json.loads((folder / "reports" / "spring" / "result.json").read_text(encoding="utf-8"))
    assert result["totals"]["started"] == 1
    return len(result["warnings"])


SPELLED = {
    "as the address": lambda token: {"to": f"https://hooks.slack.com/services/{token}"},
    "as the name of a variable": lambda token: {"to": {"env": f"https://hooks.slack.com/services/{token}"}},
    "as the secret": lambda token: {"to": {"env": "A"}, "secret": token},
    "under an unknown key": lambda token: {"too": f"https://hooks.slack.com/services/{token}"},
    "as an event": lambda token: {"to": {"env": "A"}, "on": [token]},
    "in a list": lambda token: [f"https://hooks.slack.com/services/{token}"],
}


def in_block(raw, entry):
    """The manifest with an entry of `notify` in lines of its own."""
    text = "".join(f"{key}: {json.dumps(value)}\n" for key, value in raw.items())
    if isinstance(entry, list):
        return f"{text}notify:\n- {entry[0]}\n"
    lines = [f"{key}: {json.dumps(value)}\n" for key, value in entry.items()]
    return f"{text}notify:\n- {'  '.join(lines)}"


def in_flow(raw, entry):
    return json.dumps({**raw, "notify": [entry]})


@pytest.mark.parametrize("place", SPELLED)
@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("command", [("validate",), ("run",), ("explain",), ("notify", "test")])
@pytest.mark.parametrize("written", [in_block, in_flow])
def test_an_address_in_the_manifest_is_not_repeated(tmp_path, place, token, command, written):
    raw = {key: value for key, value in manifest([]).items() if key != "notify"}
    file = tmp_path / "m.yaml"
    file.write_text(written(raw, SPELLED[place](token)), encoding="utf-8")
    done = CliRunner().invoke(main, [*command, str(file)])
    file.unlink()  # the one file that holds it, and not ours
    heard(done.output)

    assert done.exit_code == 3, done.output
    assert leaks_of(done.output.encode()) == []
    assert "notify" in done.output


def test_the_search_finds_each_spelling_of_a_token():
    token = TOKENS[1]
    for spelled in (token, base64.b64encode(token.encode()).decode(), urllib.parse.quote(TOKENS[0], safe="")):
        assert leaks_of(f"x {spelled} y".encode())
