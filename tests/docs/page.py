"""A documentation page as a script: its files are written, its commands run in one shell, their output compared."""

import getpass
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"^```(\w+)(?: file=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MARK = "@@next@@"
_LOOSE = (
    (r"\br-[0-9a-f]{12}\b", "r-RUN"),
    (r"\b[0-9a-f]{64}\b", "HASH64"),
    (r"\b(?!0123456789abcdef)[0-9a-f]{16}\b", "HASH16"),
    (r"\b\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME"),
    (r"^\d\d:\d\d:\d\d ", "TIME "),
    (r"^(ok|warn) +disk: .*$", "DISK"),
    (r"\b\d+ calls, 0 over", "N calls, 0 over"),
)


def files(text):
    """The files that the page shows, by name."""
    return {name: body for _, name, body in _FENCE.findall(text) if name}


def steps(text):
    """The page's commands with the output it shows, in order."""
    found = []
    for kind, _, body in _FENCE.findall(text):
        for line in body.splitlines() if kind == "console" else ():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return [(command, "\n".join(shown).strip()) for command, shown in found]


def run(text, folder):
    """Run the page's commands in `folder`; what each of them printed."""
    for name, body in files(text).items():
        (folder / name).write_text(body, encoding="utf-8")
    commands = [command for command, _ in steps(text)]
    script = "exec 2>&1\nmark() { local code=$?; echo " + _MARK + "; return $code; }\n" + "\nmark\n".join(commands)
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    environment.pop("CI", None)
    done = subprocess.run(
        ["/bin/bash", "-c", script], cwd=folder, env=environment, text=True, capture_output=True, check=False,
        timeout=240,
    )  # fmt: skip
    return [part.strip() for part in done.stdout.split(_MARK)]


def comparable(printed):
    """Without what differs from run to run: ids, hashes, times, the user, the disk."""
    for pattern, word in _LOOSE:
        printed = re.sub(pattern, word, printed, flags=re.MULTILINE)
    printed = re.sub(rf"\bby([ =]){re.escape(getpass.getuser())}\b", r"by\1ann", printed)
    return "\n".join(line.rstrip() for line in printed.splitlines())
