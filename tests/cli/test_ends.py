"""However a run's surroundings fail once starts have left: its own exit code, its summary, and never 1 to 9 (P6)."""

import os
import resource
import sqlite3

import pytest

COUNT = 5


@pytest.fixture
def slow_run(workplace, platform):
    """A run whose last start is answered when `answered` is set; given when the others are done."""
    campaigns = [f"cd-{n}" for n in range(COUNT)]
    url = platform.start(campaigns=campaigns)
    answered = platform.hold(campaigns[-1])
    manifest = workplace.manifest(
        host=url, accounts=workplace.credentials(in_flight=1), timeouts={"connect": "5s", "total": "60s"},
        campaigns=[{"stream": "st-1", "campaign": campaign} for campaign in campaigns],
        report={"formats": ["json", "html", "prometheus"]},
    )  # fmt: skip
    workplace.environment["PYTHONHASHSEED"] = "0"  # a fresh Python: a forked one has imported all that the end needs
    with workplace.start("run", manifest, "--verbose") as process:
        for line in process.stderr:
            if f"campaign_done campaign=st-1/cd-{COUNT - 2}" in line:
                break
        process.answered = answered
        yield process


def delete_rows(workplace, where):
    with sqlite3.connect(workplace.path / ".orchestrator" / "ledger.db", timeout=10) as ledger:
        ledger.execute(f"DELETE FROM journal WHERE {where}")  # noqa: S608 - a test's own words
    ledger.close()


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("1", "starts may have left"),
        ("kind IN ('run', 'plan')", "starts may have left"),
        ("campaign = 'st-1/cd-0'", "the journal has lost rows: it has no record of 1 start"),
    ],
)
def test_13_when_rows_of_the_journal_are_lost_in_mid_run(slow_run, workplace, where, said):
    delete_rows(workplace, where)
    slow_run.answered.set()
    out, err = slow_run.communicate()

    assert slow_run.returncode == 13, out + err
    assert said in out + err or "contradicts itself" in err
    assert "no start was sent" not in err
    assert "Traceback" not in err


def test_without_a_file_descriptor_left_a_run_tells_its_end(slow_run):
    """A socket leak, or a low `ulimit -n`: what the end needs was imported before the first start."""
    highest = max(map(int, os.listdir(f"/proc/{slow_run.pid}/fd")))  # noqa: PTH208 - numbers, no paths
    resource.prlimit(slow_run.pid, resource.RLIMIT_NOFILE, (highest + 1, highest + 1))
    slow_run.answered.set()
    out, err = slow_run.communicate()

    assert slow_run.returncode in {0, 13}, out + err
    assert "exit code 0" in out or "the journal" in err
    assert "Traceback" not in err


def test_a_full_disk_behind_stdout_keeps_a_runs_code(workplace):
    with open("/dev/full", "w", encoding="utf-8") as full:  # noqa: PTH123
        process = workplace.start("run", workplace.manifest(), stdout=full)
        _, err = process.communicate()

    assert process.returncode == 0, err
    assert "cannot write to standard output: No space left on device" in err
    assert "next: python -m orchestrator status spring" in err


def test_a_report_folder_the_locale_cannot_spell_gives_a_warning(workplace):
    outputs = workplace.path / "output"
    workplace.environment |= {
        "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0",
        "GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(outputs),
    }  # fmt: skip
    done = workplace.run("run", workplace.manifest(report={"dir": "berichte-\u00fc"}))

    assert done.returncode == 0, done.stderr
    assert "exit code 0" in done.stdout
    assert "the locale has no letter '\\xfc'; set LC_ALL=C.UTF-8; the journal has everything" in done.stderr
    assert "outcome=started" in outputs.read_text(encoding="utf-8").splitlines()
