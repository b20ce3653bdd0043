import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT = "67777ce93e25326494e90001"
SECRET = "canary-secret-" + "9" * 50


class Workplace:
    """An empty directory in which the real command is run."""

    def __init__(self, path):
        self.path = path
        self.environment = {**os.environ, "PYTHONPATH": str(ROOT), "ACME_ID": "cs-acme", "ACME_SECRET": SECRET}

    def manifest(self, name="launch.yaml", **changes):
        raw = {
            "version": 1,
            "launch": "spring",
            "host": "sandbox",
            "accounts": {"acme": {"account_id": ACCOUNT, "rate": "unlimited"}},
            "defaults": {"account": "acme"},
            "campaigns": [{"stream": "st-1", "campaign": f"cd-{n}"} for n in range(3)],
            "retry": {"attempts": 2, "backoff": "0.01s..0.02s"},
            "timeouts": {"connect": "1s", "total": "1s"},
            "probe": {"settle": "0.2s"},
        } | changes
        file = self.path / name
        file.write_text(json.dumps({k: v for k, v in raw.items() if v is not None}), encoding="utf-8")
        return name

    def credentials(self, **changes):
        reference = {"client_id": {"env": "ACME_ID"}, "client_secret": {"env": "ACME_SECRET"}}
        return {"acme": {"account_id": ACCOUNT, "rate": "unlimited", **reference, **changes}}

    def command(self, *arguments):
        return [sys.executable, "-m", "orchestrator", *arguments]

    def start(self, *arguments, **options):
        return subprocess.Popen(
            self.command(*arguments), cwd=self.path, env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options,
        )  # fmt: skip

    def run(self, *arguments):
        return subprocess.run(
            self.command(*arguments), cwd=self.path, env=self.environment, text=True, capture_output=True,
            check=False, timeout=60, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def result(self, launch="spring"):
        return json.loads((self.path / "reports" / launch / "result.json").read_text(encoding="utf-8"))


@pytest.fixture
def workplace(tmp_path):
    tmp_path.chmod(0o700)
    return Workplace(tmp_path)
