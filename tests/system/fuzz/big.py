"""A megabyte of what parsers choke on. `python -m tests.system.fuzz.big FOLDER NAME…` forks to load each one."""

import json
import os
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Final

from tests.system.fuzz.targets import HEAD

MIB: Final = 1024 * 1024
KEYS: Final = (
    "version", "launch", "host", "accounts", "account_id", "client_id", "client_secret", "env", "rate", "in_flight",
    "defaults", "account", "campaigns", "campaigns_from", "stream", "campaign", "iid", "name", "tags", "window",
    "rerun", "preflight", "check", "startable", "probe", "settle", "sandbox", "seed", "limit", "windows", "zones",
    "hours", "waves", "bake", "pass", "started", "retry", "backoff", "timeouts", "total", "stop_when", "per_account",
    "breaker", "limits", "max_starts", "repeat_guard", "ledger", "report", "formats", "x",
)  # fmt: skip


def fill(piece: bytes, size: int = MIB) -> bytes:
    """The piece again and again."""
    return (piece * (size // len(piece) + 1))[: size - size % len(piece)]


def each(template: str, size: int = MIB) -> bytes:
    """The template with 0, 1, 2… for its `#`."""
    found, length = [], 0
    for n in count():
        found.append(template.replace("#", str(n)).encode())
        length += len(found[-1])
        if length >= size:
            return b"".join(found)
    raise AssertionError


ONE = HEAD + b"campaigns: [{stream: s, campaign: c}]\n"
ACCOUNTS = b"version: 1\nlaunch: s\nhost: sandbox\naccounts:\n"
WINDOW = HEAD + b'windows:\n  w: {hours: "09:00-20:00", '
LAUGHS = b"a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + b"".join(
    b"a%d: &a%d [%s]\n" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 10)) for n in range(1, 10)
)
MANIFESTS: Final[dict[str, Callable[[], bytes]]] = {
    "open lists": lambda: fill(b"["),
    "open mappings": lambda: fill(b"{a: "),
    "lists in lists": lambda: b"[" * (MIB // 2) + b"]" * (MIB // 2),
    "dashes": lambda: fill(b"- "),
    "question marks": lambda: fill(b"? "),
    "block in block": lambda: b"".join(b" " * n + b"a:\n" for n in range(1400)),
    "one plain scalar": lambda: b"launch: " + fill(b"x"),
    "one quoted scalar": lambda: b'launch: "' + fill(b"\\u0041") + b'"\n',
    "an open quote": lambda: b"launch: '" + fill(b"x\n\n"),
    "one key": lambda: HEAD + b"campaigns:\n- {stream: s, campaign: c, ? " + fill(b"k") + b" : 1}\n",
    "anchors": lambda: each("- &a# x\n"),
    "aliases": lambda: b"- &a x\n" + fill(b"- *a\n"),
    "a billion laughs": lambda: LAUGHS + fill(b"# ha\n"),
    "merges": lambda: b"a: &a {x: 1}\n" + fill(b"<<: *a\n"),
    "bad merges": lambda: b"a: {<<: [" + fill(b"1,") + b"]}\n",
    "one key again and again": lambda: fill(b"a: 1\n"),
    "the same on one line": lambda: b"{" + fill(b"a,") + b"}",
    "keys": lambda: each("k#: 1\n"),
    "numbers as keys": lambda: each("#: 1\n"),
    "tags": lambda: fill(b"- !x y\n"),
    "one tag": lambda: b"a: !" + fill(b"x") + b" y\n",
    "directives": lambda: each("%TAG !e#! tag:x,#:\n"),
    "unknown directives": lambda: fill(b"%FOO bar\n"),
    "documents": lambda: fill(b"---\n"),
    "comments": lambda: fill(b"#\n"),
    "blanks": lambda: fill(b" "),
    "carriage returns": lambda: fill(b"\r"),
    "next lines": lambda: ONE + fill("\u0085".encode()),
    "nul": lambda: fill(b"\0"),
    "utf-16": lambda: ONE.decode().encode("utf-16") + fill(b"\0#"),
    "no text": lambda: fill(b"\xff"),
    "a huge number": lambda: b"version: " + fill(b"9"),
    "a huge exponent": lambda: b"version: 1e" + fill(b"9"),
    "numbers": lambda: fill(b"- 1\n"),
    "campaigns": lambda: HEAD + b"campaigns:\n" + each("- {stream: s, campaign: c#}\n"),
    "one campaign again": lambda: HEAD + b"campaigns:\n" + fill(b"- {stream: s, campaign: c}\n"),
    "campaigns that are none": lambda: HEAD + b"campaigns:\n" + fill(b"- 1\n"),
    "empty campaigns": lambda: HEAD + b"campaigns:\n" + fill(b"- {}\n"),
    "mistyped keys": lambda: HEAD + b"campaigns:\n" + each("- {strem: s, campain: c#}\n"),
    "unknown accounts": lambda: HEAD + b"campaigns:\n" + each("- {stream: s, campaign: c#, account: acm#}\n"),
    "keys of a campaign": lambda: HEAD + b"campaigns:\n- {stream: s, campaign: c, " + each("k#: 1, ") + b"}\n",
    "accounts and unknown ones": lambda: ACCOUNTS + each("  account-#: {account_id: '#'}\n", 70_000)
    + b"campaigns:\n" + each("- {stream: s, campaign: c#, account: accountx#}\n", 900_000),
    "one account's id": lambda: ACCOUNTS + each("  a#: {account_id: '1'}\n"),
    "waves and campaigns": lambda: HEAD + b"campaigns:\n" + each("- {stream: s, campaign: c#, tags: [t#]}\n", MIB // 2)
    + b"waves:\n" + each("- {name: w#, tags: [u#]}\n", MIB // 2),
    "unknown campaigns": lambda: ONE + b"waves:\n- {name: w, campaigns: [" + each("s/x#,") + b"]}\n",
    "zones": lambda: WINDOW + b"zones: [" + each("Xurope/B#,") + b"]}\n",
    "one zone": lambda: WINDOW + b'zones: ["' + fill(b"../") + b'"]}\n',
    "formats": lambda: ONE + b"report: {formats: [" + fill(b"jsn,", MIB // 3) + b"]}\n",
    "files": lambda: HEAD + b"campaigns_from: [" + each("no#.csv,") + b"]\n",
    "one file again": lambda: HEAD + b"campaigns_from: [" + fill(b"m.yaml,", MIB // 3) + b"]\n",
    "a file's name": lambda: HEAD + b'campaigns_from: ["' + fill(b"a") + b'.csv"]\n',
}  # fmt: skip
TABLES: Final[dict[str, Callable[[], bytes]]] = {
    "rows": lambda: b"stream,campaign\n" + each("s,d#\n"),
    "one row again": lambda: b"stream,campaign\n" + fill(b"s,d\n"),
    "empty cells": lambda: b"stream,campaign\n" + fill(b",\n"),
    "short rows": lambda: b"stream,campaign\n" + fill(b"s\n"),
    "columns": lambda: each("x#,"),
    "one column again": lambda: fill(b"stream,"),
    "an open quote in a table": lambda: b'stream,campaign\n"' + fill(b"x"),
    "commas": lambda: b"stream,campaign\n" + fill(b","),
}
LINES: Final[dict[str, Callable[[], bytes]]] = {
    "objects": lambda: each('{"stream":"s","campaign":"d#"}\n'),
    "deep lines": lambda: fill(b"[" * 60_000 + b"\n"),
    "no json": lambda: fill(b"x\n"),
    "lists": lambda: fill(b"[]\n"),
    "wide objects": lambda: fill(b"{" + b",".join(b'"a%d":1' % n for n in range(5000)) + b',"a1":2}\n'),
    "wrong types": lambda: fill(b'{"stream":1,"campaign":2}\n'),
    "keys of rows": lambda: each('{"k#":1}\n'),
    "one line": lambda: b'{"stream":"' + fill(b"s") + b'"}\n',
}
NAMES: Final = (*MANIFESTS, *TABLES, *LINES)


def _files(name: str) -> dict[str, bytes]:
    if name in MANIFESTS:
        return {"m.yaml": MANIFESTS[name]()}
    ending, made = ("csv", TABLES[name]) if name in TABLES else ("jsonl", LINES[name])
    return {"m.yaml": HEAD + f"campaigns_from: [rows.{ending}]\n".encode(), f"rows.{ending}": made()}


def _measure(folder: Path, name: str) -> dict[str, object]:
    from orchestrator.console.render import error_result
    from orchestrator.errors import ManifestError
    from orchestrator.loading.manifest_file import load_manifest

    begun, end, output = time.process_time(), "valid", ""
    try:
        load_manifest(folder / "m.yaml")
    except ManifestError as error:
        end, output = "faults", "\n".join(error_result("validate", error).messages)
        if len(error.problems) > 101 or len(output) > 128 * 1024:
            end = "too much output"
    except BaseException as error:  # noqa: BLE001 - the test reports it
        end = repr(error)[:200]
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    return {
        "name": name,
        "end": end,
        "seconds": time.process_time() - begun,
        "mib": peak // 1024,
        "output": len(output),
    }


def main(folder: Path, names: list[str]) -> None:
    """Load each. The files are written by a process of their own: its memory must not count."""
    (folder / "m.yaml").write_bytes(ONE)
    _measure(folder, "once for the imports")
    for name in names:
        for work in (lambda n: [(folder / f).write_bytes(data) for f, data in _files(n).items()],
                     lambda n: os.write(1, json.dumps(_measure(folder, n)).encode() + b"\n")):  # fmt: skip
            child = os.fork()
            if child == 0:
                work(name)
                os._exit(0)
            os.waitpid(child, 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
