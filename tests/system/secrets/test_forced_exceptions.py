"""An exception full of secrets at every await that a run comes by: not a character of them gets out (P7)."""

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from tests import canaries
from tests.fork_server import LIBRARIES
from tests.paths import ROOT

KINDS = ("client", "os", "runtime", "database")
AT_EACH = (3, 2, 2, 2)  # kinds at each of four places in a row: together every kind at a half of them
AT_ONCE = 4  # runs wait for their timeouts most of the time
LEAST = 200
WARM = ("orchestrator.", "sqlalchemy.", "jwt.")  # imported before the fork, with what they import themselves
BEFORE = (
    "async with open_run(",
    "async with ready_run(",
    "async with AsyncExitStack() as unattended:",
    "async with opening() as opened:",
    "await asyncio.to_thread(credentials_of,",
)
"""Places that are come by before a secret has been read: an exception there can hold none of them."""
HUNG = -14


class Zygote:
    """Forks the program, rewritten; one run at a time."""

    def __init__(self):
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "tests" / "system" / "secrets" / "forced.py")], env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

        self.modules = []

    def run(self, directory, site="", kind="runtime", log_format="json"):
        directory.mkdir(mode=0o700)
        write_manifest(directory)
        arguments = ["run", "m.yaml", "--verbose", "--log-format", log_format]
        environment = {
            "ACME_ID": canaries.CLIENT_ID,
            "ACME_SECRET": canaries.SECRET,
            "ACME_KEY": canaries.private_key(),
        }
        job = {"cwd": str(directory), "site": site, "kind": kind, "arguments": arguments, "environment": environment,
               "modules": self.modules}  # fmt: skip
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def write_manifest(directory):
    secret = {"client_id": {"env": "ACME_ID"}, "client_secret": {"env": "ACME_SECRET"}}
    key = {"client_id": {"env": "ACME_ID"}, "client_secret": {"env": "ACME_KEY"}, "algorithm": "RS256"}
    check = {"command": ["true"]}
    raw = {
        "version": 1, "launch": "forced", "host": "sandbox", "sandbox": {"faults": "nasty", "seed": 3},
        "accounts": {"acme": {"account_id": "a1", "rate": "unlimited", **secret},
                     "keyed": {"account_id": "a2", "rate": "unlimited", **key}},
        "campaigns": [{"stream": "st-1", "campaign": f"cd-{n}", "account": ("keyed", "acme")[n % 2]} for n in range(4)],
        "waves": [{"name": "first", "campaigns": ["st-1/cd-0"], "pass": check}, {"name": "rest"}],
        "preflight": {"hours": True},
        # Many: on a crowded machine a read of the preflight may be late, time after time.
        "retry": {"attempts": 10, "backoff": "0.01s..0.02s"},
        "timeouts": {"connect": "0.2s", "total": "0.2s"}, "probe": {"settle": "0.05s"},
        "report": {"formats": ["json", "csv"]}, "notify": [{"to": {"env": "NOBODY"}}],
    }  # fmt: skip
    (directory / "m.yaml").write_text(json.dumps(raw), encoding="utf-8")


def test_an_exception_at_every_await_shows_no_secret(tmp_path):
    zygotes = [Zygote() for _ in range(AT_ONCE)]
    try:
        zygotes[0].run(tmp_path / "look")
        looked = json.loads((tmp_path / "look" / "seen.json").read_text(encoding="utf-8"))
        sites = looked["sites"]
        for zygote in zygotes:
            zygote.modules = [
                *(name for name in looked["modules"] if name.startswith(WARM)),
                *LIBRARIES,
                "tests.canaries",
            ]
        late = [site for site in sites if not is_before_secrets(site)]
        places = [site for n, site in enumerate(late) for _ in range(AT_EACH[n % len(AT_EACH)])]
        chosen = [(site, KINDS[n % len(KINDS)]) for n, site in enumerate(places)]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            parts = pool.map(lambda n: force(zygotes[n], tmp_path / str(n), chosen[n::AT_ONCE]), range(AT_ONCE))
            seen = {key: value for part in parts for key, value in part.items()}
    finally:
        for zygote in zygotes:
            zygote.close()

    sys.stdout.write(f"{len(seen)} exceptions at {len({site for site, _ in seen})} places\n")
    assert {key: value for key, value in seen.items() if value} == {}
    assert len(seen) >= LEAST


def is_before_secrets(site):
    module, line, _ = site.split(":")
    if module == "cli.run":  # its one await is the whole run, and it is come by first
        return True
    source = (ROOT / "orchestrator" / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")
    return any(place in source.splitlines()[int(line) - 1] for place in BEFORE)


def force(zygote, directory, chosen):
    """What leaked, or went wrong, by place and kind; only of those that were come by."""
    directory.mkdir()
    seen = {}
    for n, (site, kind) in enumerate(chosen):
        place = directory / str(n)
        code = zygote.run(place, site, kind, ("json", "text")[n % 2])
        if (place / "forced").exists():
            seen[site, kind] = "it hangs" if code == HUNG else canaries.search(place)
        shutil.rmtree(place)
    return seen
