"""A machine that lets a process open few files: a run makes do with them, and nothing is lost."""

import json
import subprocess
import sys

from orchestrator.sandbox.limiter import Limit
from orchestrator.sandbox.world import world_of
from tests.canaries import SECRET

ACCOUNTS, EACH = 40, 4
PROGRAM = ("sh", "-c", 'ulimit -n "$1" && shift && exec "$@"', "sh")


def run_with_files(workplace, platform, files):
    """The result, and all events, of a run whose process may open that number of files; the platform is another."""
    accounts = {f"a{n}": f"{n:024x}" for n in range(ACCOUNTS)}
    campaigns = [
        {"account": one, "stream": f"st-{one}", "campaign": f"cd-{n}"} for one in accounts for n in range(EACH)
    ]
    world = world_of(
        [(account_id, "cs-acme", SECRET, "HS256") for account_id in accounts.values()],
        [(accounts[one["account"]], one["stream"], one["campaign"], one["campaign"], "sms") for one in campaigns],
        Limit(1000, 1.0),
    )
    (acme,) = workplace.credentials().values()
    name = workplace.manifest(
        host=platform.serve(world), defaults=None, campaigns=campaigns,
        accounts={name: {**acme, "account_id": account_id} for name, account_id in accounts.items()},
    )  # fmt: skip
    command = [
        *PROGRAM,
        str(files),
        sys.executable,
        "-m",
        "orchestrator",
        "run",
        name,
        "--json",
        "--log-format",
        "json",
    ]
    done = subprocess.run(
        command, cwd=workplace.path, env=workplace.environment, capture_output=True, text=True, check=False
    )
    events = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout), events


def test_sixty_four_files_are_enough_for_forty_accounts(workplace, platform):
    result, events = run_with_files(workplace, platform, 64)
    answers = [event for event in events if event["event"] == "start_answered"]
    assert [answer for answer in answers if answer["verdict"] != "accepted"] == []
    assert len(answers) == ACCOUNTS * EACH
    assert result["totals"]["started"] == ACCOUNTS * EACH
    [warning] = [event["message"] for event in events if event["event"] == "connections_short"]
    assert warning.endswith("instead of 100: this process may not open enough files; raise the limit (ulimit -n)")


def test_where_there_are_enough_files_nothing_is_said(workplace, platform):
    _, events = run_with_files(workplace, platform, 400)
    assert [event for event in events if event["event"] == "connections_short"] == []
