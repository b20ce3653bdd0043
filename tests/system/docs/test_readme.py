"""The commands of README.md. The bad day's is compared by test_examples.py."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.paths import ROOT
from tests.system.docs.page import comparable, play, steps

README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKE = shutil.which("make") or "make"
BAD_DAY = "python -m orchestrator rehearse docs/examples/bad-day.yaml --at 2026-03-02T15:00:00Z"
WAY_IN = (
    "source .venv/bin/activate",
    "python -m orchestrator init may",
    "cd may",
    "python -m orchestrator discover launch.yaml -o campaigns.csv --stream",
    "python -m orchestrator plan launch.yaml",
)
"""Run, with the answers as options and a stream's id, by tests/cli/test_init.py and docs/how-to/from-account.md."""
INTERRUPTED = """
```yaml file=world.yaml
accounts:
  - {account_id: "a1a1a1a1a1a1a1a1a1a1a1a1", client_id: cs-spring, secret: only-for-the-sandbox-0123456789abcdef}
campaigns:
  - {account_id: "a1a1a1a1a1a1a1a1a1a1a1a1", stream: st-0603182c, campaign: cd-0e0475b}
```

```yaml file=spring.yaml
version: 1
launch: spring-renewal-2026-03
host: http://127.0.0.1:8765
accounts:
  acme: {account_id: "a1a1a1a1a1a1a1a1a1a1a1a1", client_id: {env: THE_ID}, client_secret: {env: THE_SECRET}}
defaults: {account: acme}
campaigns:
  - {stream: st-0603182c, campaign: cd-0e0475b}
timeouts: {connect: 2s, total: 2s}
```

```console
$ python -m orchestrator sandbox --port 8765 --world world.yaml --faults nasty --seed 5 > sandbox.log 2>&1 &
$ until grep -qs Sandbox sandbox.log; do sleep 0.2; done
$ export THE_ID=cs-spring THE_SECRET=only-for-the-sandbox-0123456789abcdef
$ python -m orchestrator run spring.yaml
```
"""


def commands():
    return [command for command, _ in steps(README)]


def made(folder):
    """What `make run` prints in the end: stdout, and the reports that it names on stderr.

    It runs in a folder with nothing but the demonstration's manifest.
    """
    done = subprocess.run(
        [MAKE, "--silent", "-f", ROOT / "Makefile", "-o", ".venv/.runtime", f"BIN={Path(sys.executable).parent}",
         "run"],
        cwd=folder, check=True, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    reports = [line for line in done.stderr.splitlines(keepends=True) if line.startswith("report: ")]
    return "".join([done.stdout, "\n", *reports])


@pytest.fixture(scope="module")
def twice(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demonstration")
    folder.chmod(0o700)
    shutil.copytree(ROOT / "configs", folder / "configs")
    return made(folder), made(folder)


def test_every_command_is_known_here():
    assert {"make run", BAD_DAY, *WAY_IN, *(command for command in commands() if "spring" in command)} == set(
        commands()
    )


def test_make_run_starts_all_and_the_second_time_nothing(twice):
    (shown,) = re.findall(r"^```\n(launch demo-.*?)^```$", README, re.MULTILINE | re.DOTALL)
    columns = re.compile(r"^(\w+ +\d+) +\d+ +\d+$", re.MULTILINE)  # calls and waits are the network's
    first, second = (columns.sub(r"\1", comparable(text)) for text in twice)

    assert first == columns.sub(r"\1", comparable(shown))
    assert ": 30 already_started\n" in second


def test_an_interrupted_run_goes_on_as_the_page_says(tmp_path):
    shown = "\n".join(["```console", *(f"$ {command}" for command in commands() if "spring" in command), "```"])
    *_, status, resolved, run = play(INTERRUPTED + shown + "\n```console\n$ kill %1; wait %1\n```\n", tmp_path)[:-1]

    assert "1 unknown" in status
    assert resolved == "st-0603182c/cd-0e0475b is recorded as not-started"
    assert "1 started" in run
