"""A documentation page as a script: its files are written, its commands run in one shell, their output compared.

`python -m tests.system.docs.page PAGE…` writes what the commands print today into the page; read the difference.
"""

import contextlib
import getpass
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.paths import ROOT
from tests.ports import free_port
from tests.system.docs import onprem

ELSEWHERE = {
    "README.md": "tests/system/docs/test_readme.py",
    "docs/examples/README.md": "tests/system/docs/test_examples.py",
    "docs/how-to/ci.md": "tests/cli/test_ci.py",
    "docs/how-to/many-hosts.md": "tests/system/docs/test_many_hosts.py",
}
"""Pages whose commands need more around them than a folder: by the test that runs them."""

_FENCE = re.compile(r"^```(\w+)(?: file=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MARK = "@@next@@"
_AROUND = ("CI", "GITHUB_", "GITLAB_", "OTEL_", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "ORCHESTRATOR_")
HOME = "/home/ann/campaigns"
"""The folder that pages show."""
_PORTS = ("8765", "8443", "3128")
_LOOSE = (
    (r"\br-[0-9a-f]{12}\b", "r-RUN"),
    (r"\b[0-9a-f]{64}\b", "HASH64"),
    (r"\b(?!0123456789abcdef)[0-9a-f]{16}\b", "HASH16"),
    (r"\b\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME"),
    (r"^\d\d:\d\d:\d\d ", "TIME "),
    (r"\btook(?: \d[\d.,]* (?:ms|s|min|h)\b)+", "TOOK"),
    (r"SHA256:[A-Za-z0-9+/]{43}", "FINGERPRINT"),
    (r"\bplan [0-9a-f]{12}\b", "plan HASH12"),
    (r"first start \S+ \S+, last .*UTC", "FIRST AND LAST"),
    (r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\b", "TIME"),
    (r"\b\d\d:\d\d:\d\d\.\d{3}\b", "CLOCK"),
    (r"^(ok|warn) +disk: .*$", "DISK"),
    (r"\b\d+ calls, 0 over", "N calls, 0 over"),
    (r"\(_ssl\.c:\d+\)", "(_ssl.c:N)"),
)


def pages():
    """Every page, by its path in the project."""
    found = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [file.relative_to(ROOT).as_posix() for file in found if "bad-day" not in file.parts]  # a report


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


PAGES = [page for page in pages() if page not in ELSEWHERE and steps((ROOT / page).read_text(encoding="utf-8"))]
"""The pages that are played."""


def play(text, folder):
    """Run the page's commands in `folder`, on free ports; what each of them printed."""
    folder.chmod(0o700)
    # Of any other port, two tests that play the page at the same time would wait for each other.
    assert set(re.findall(r"--port (\d+)", text)) <= {*_PORTS}
    ports = {shown: str(free_port()) for shown in _PORTS if shown in text}
    with _around(text, folder, ports):
        printed = run(_swapped(text, ports), folder)
    shown = {real: shown for shown, real in ports.items()} | {str(folder.resolve()): HOME}
    return [_swapped(one, shown) for one in printed]


def run(text, folder):
    """Run the page's commands in `folder`; what each of them printed."""
    for name, body in files(text).items():
        (folder / name).write_text(body, encoding="utf-8")
    commands = [command for command, _ in steps(text)]
    script = "exec 2>&1\nmark() { local code=$?; echo " + _MARK + "; return $code; }\n" + "\nmark\n".join(commands)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_AROUND)}
    environment = kept | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["/bin/bash", "-c", script], cwd=folder, env=environment, text=True, capture_output=True, check=False,
        timeout=900,
    )  # fmt: skip
    return [part.strip() for part in done.stdout.split(_MARK)]


def comparable(printed):
    """Without what differs from run to run: ids, hashes, times, the user, the disk."""
    for pattern, word in _LOOSE:
        printed = re.sub(pattern, word, printed, flags=re.MULTILINE)
    printed = re.sub(rf"\bby([ =]){re.escape(getpass.getuser())}\b", r"by\1ann", printed)
    printed = printed.replace(f"({getpass.getuser()})", "(ann)")
    return "\n".join(line.rstrip() for line in printed.splitlines())


@contextlib.contextmanager
def _around(text, folder, ports):
    """A page that names the on-prem host's port finds that host, and a proxy, before the page's own sandbox."""
    if "8443" not in text:
        yield
        return
    with onprem.served(folder, *(int(ports[shown]) for shown in ("8443", "3128", "8765"))):
        yield


def rewritten(text, printed):
    """The page with what its commands printed; what only differs as it always does stays as it is."""
    shown = iter(zip(steps(text), printed, strict=True))

    def block(found):
        if found[1] != "console":
            return found[0]
        lines = ["```console"]
        for line in found[3].splitlines():
            if line.startswith("$ "):
                (_, old), new = next(shown)
                lines += [line, *(old if comparable(old) == comparable(new) else new).splitlines()]
        return "\n".join([*lines, "```"])

    return _FENCE.sub(block, text)


def _swapped(text, words):
    for old, new in words.items():
        text = text.replace(old, new)
    return text


if __name__ == "__main__":
    for name in sys.argv[1:]:
        page = Path(name)
        text = page.read_text(encoding="utf-8")
        with tempfile.TemporaryDirectory() as folder:
            page.write_text(rewritten(text, play(text, Path(folder))), encoding="utf-8")
