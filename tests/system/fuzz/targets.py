"""The fuzzer's targets: hostile input gives a valid model or located faults, in bounded output, and nothing else."""

import tempfile
from pathlib import Path

from orchestrator.console.render import dumps, error_result
from orchestrator.core.attempt.verdict import VerdictKind, classify, classify_read, classify_stop
from orchestrator.errors import ManifestError
from orchestrator.kore import wire
from orchestrator.loading.manifest_file import MAX_PROBLEMS, LoadedManifest, load_manifest
from orchestrator.model import LiveState, Reply

HEAD = b"""\
version: 1
launch: spring
host: sandbox
accounts: {acme: {account_id: "1"}}
defaults: {account: acme}
"""
MAX_OUTPUT = 256 * 1024

_folder = Path(tempfile.mkdtemp(prefix="fuzz-"))


def fuzz_manifest(data: bytes) -> LoadedManifest | None:
    """A manifest of these bytes."""
    return _load({"m.yaml": data})


def fuzz_csv(data: bytes) -> LoadedManifest | None:
    """A manifest whose rows are these bytes."""
    return _load({"m.yaml": HEAD + b"campaigns_from: [rows.csv]\n", "rows.csv": data})


def fuzz_jsonl(data: bytes) -> LoadedManifest | None:
    """The same for JSON lines."""
    return _load({"m.yaml": HEAD + b"campaigns_from: [rows.jsonl]\n", "rows.jsonl": data})


def fuzz_reply(data: bytes) -> None:
    """A platform's reply: every reading of it is total, and only an honest `Active` starts a campaign."""
    payload = wire.read_body(data)
    live, more, left = wire.read_list(payload, 1)
    for states in (live, wire.read_status(payload)):
        assert all(isinstance(key, str) and isinstance(state, LiveState) for key, state in states.items())
    assert isinstance(more, bool)
    assert left is None or left > 0
    for status in (200, 400, 401, 429, 500):
        reply = Reply(status, payload, data[:500].decode("utf-8", "replace"), 0.0, 0.1, None, None)
        verdict = classify(reply)
        accepted = isinstance(payload, dict) and str(payload.get("status")).casefold() == "active" and status == 200
        assert (verdict.kind is VerdictKind.ACCEPTED) == accepted
        assert len(verdict.message) < 1000
        classify_read(reply)
        classify_stop(reply)


TARGETS = {"manifest": fuzz_manifest, "csv": fuzz_csv, "jsonl": fuzz_jsonl, "reply": fuzz_reply}


def _load(files: dict[str, bytes]) -> LoadedManifest | None:
    for name, data in files.items():
        (_folder / name).write_bytes(data)
    try:
        loaded = load_manifest(_folder / "m.yaml")
    except ManifestError as error:
        _check(error)
        return None
    assert loaded.manifest.campaigns
    return loaded


def _check(error: ManifestError) -> None:
    assert 1 <= len(error.problems) <= MAX_PROBLEMS + 1
    for problem in error.problems:
        assert problem.line >= 1, problem
        assert problem.column >= 1, problem
        assert problem.file, problem
        assert problem.message, problem
    result = error_result("validate", error)
    text = "\n".join(result.messages)
    output = text.encode("utf-8", "backslashreplace") + dumps(result.as_json()).encode()
    assert len(output) <= MAX_OUTPUT, len(output)
