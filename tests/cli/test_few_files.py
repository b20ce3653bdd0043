"""A machine that lets a process open few files: a run makes do with them, and nothing is lost."""

import json
import subprocess
import sys

ACCOUNTS, EACH = 40, 4
PROGRAM = ("sh", "-c", 'ulimit -n "$1" && shift && exec "$@"', "sh")


def run_with_files(workplace, files):
    """The result, and all events, of a run whose process may open that number of files."""
    names = [f"a{n}" for n in range(ACCOUNTS)]
    campaigns = [{"account": one, "stream": f"st-{one}", "campaign": f"cd-{n}"} for one in names for n in range(EACH)]
    name = workplace.manifest(
        accounts={one: {"account_id": f"{n:024x}", "rate": "unlimited"} for n, one in enumerate(names)},
        defaults=None, sandbox={"limit": "1000/1s"}, timeouts={"connect": "10s", "total": "20s"},
        campaigns=campaigns,
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


def test_sixty_four_files_are_enough_for_forty_accounts(workplace):
    result, events = run_with_files(workplace, 64)
    answers = [event["verdict"] for event in events if event["event"] == "start_answered"]
    assert answers == ["accepted"] * (ACCOUNTS * EACH)
    assert result["totals"]["started"] == ACCOUNTS * EACH
    [warning] = [event["message"] for event in events if event["event"] == "connections_short"]
    assert warning.endswith("instead of 100: this process may not open enough files; raise the limit (ulimit -n)")


def test_where_there_are_enough_files_nothing_is_said(workplace):
    _, events = run_with_files(workplace, 400)
    assert [event for event in events if event["event"] == "connections_short"] == []
