"""Within a CI job: what the real program writes where, and the examples of docs/how-to/ci.md."""

import os
import re
import subprocess
import sys

import pytest
import yaml

from tests.paths import ROOT

ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
GUIDE = (ROOT / "docs" / "how-to" / "ci.md").read_text(encoding="utf-8")
YAML_BLOCKS = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)]
(WORKFLOW,) = [block for block in YAML_BLOCKS if "jobs" in block]
(PIPELINE,) = [block for block in YAML_BLOCKS if "stages" in block]
COMMANDS = re.findall(r"^\$ (.*)$", GUIDE, re.MULTILINE)


@pytest.fixture
def job(workplace):
    """A GitHub job around the workplace."""
    for name in ("output", "summary"):
        (workplace.path / name).write_text("", encoding="utf-8")
    workplace.environment |= {
        "GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(workplace.path / "output"),
        "GITHUB_STEP_SUMMARY": str(workplace.path / "summary"),
    }  # fmt: skip
    return workplace


def read(job, name):
    return (job.path / name).read_text(encoding="utf-8")


def outputs(job):
    return dict(line.split("=", 1) for line in read(job, "output").splitlines())


def test_in_a_github_job_stdout_stays_the_summary(job, platform):
    manifest = job.manifest(host=platform.start(), accounts=job.credentials())
    platform.set_state("cd-1", "Completed")
    done = job.run("run", manifest)

    assert done.returncode == 10
    assert done.stdout.startswith("launch spring, run r-")
    assert "::" not in done.stdout
    assert "::warning title=1 campaign skipped (rerun)::st-1/cd-1: " in done.stderr
    assert outputs(job).keys() == ACTION["outputs"].keys()
    assert outputs(job)["outcome"] == "failed"
    assert read(job, "summary").startswith("## Launch `spring`: some campaigns were not started (")


def test_the_detection_can_be_overruled(job):
    done = job.run("run", job.manifest(), "--ci", "none")

    assert done.returncode == 0, done.stderr
    assert read(job, "output") == read(job, "summary") == ""
    assert "::" not in done.stderr


def test_a_refused_run_says_so_to_the_job(job):
    accounts = {"acme": {"account_id": "a1", "client_id": {"env": "UNSET_A"}, "client_secret": {"env": "UNSET_B"}}}
    done = job.run("run", job.manifest(host="https://platform.kore.ai", accounts=accounts))

    assert done.returncode == 7
    nobody = {"recipients": "0", "recipients_unknown": "0"}
    assert outputs(job) == {
        "outcome": "refused", "started": "0", "failed": "0", "unknown": "0", "plan_hash": "", **nobody
    }  # fmt: skip
    assert read(job, "summary").startswith("## Launch: refused, exit code 7\n")
    assert "::error title=exit code 7::" in done.stderr
    assert done.stdout == ""


def test_files_that_cannot_be_written_change_no_exit_code(job):
    job.environment |= {"GITHUB_OUTPUT": "/dev/full", "GITHUB_STEP_SUMMARY": str(job.path)}
    done = job.run("run", job.manifest())

    assert done.returncode == 0
    assert "cannot write the files that the CI job reads" in done.stderr


def test_in_a_gitlab_job_two_more_reports_are_written(workplace):
    workplace.environment["GITLAB_CI"] = "true"
    done = workplace.run("run", workplace.manifest())
    folder = workplace.path / "reports" / "spring"

    assert done.returncode == 0, done.stderr
    assert {file.name for file in folder.iterdir()} == {"result.json", "result.csv", "junit.xml", "result.env"}
    assert "ORCHESTRATOR_OUTCOME=started" in (folder / "result.env").read_text(encoding="utf-8").splitlines()


REFUSED = ["ORCHESTRATOR_OUTCOME=refused", "ORCHESTRATOR_STARTED=0", "ORCHESTRATOR_FAILED=0", "ORCHESTRATOR_UNKNOWN=0",
           "ORCHESTRATOR_RECIPIENTS=0", "ORCHESTRATOR_RECIPIENTS_UNKNOWN=0"]  # fmt: skip
BROKEN = "launch: spring\nreport: {dir: reports}\nhost: [\n"


@pytest.mark.parametrize(
    ("code", "changes", "arguments"),
    [
        (2, {}, ["--select", "nonsense"]),
        (2, {}, ["--nonsense"]),
        (3, {"host": "nowhere"}, []),
        (3, BROKEN, []),
        (4, {"limits": {"max_starts": 1}, "launch": "spring", "campaigns": "new"}, []),
        (5, {}, ["--select", "tag:nobody"]),
        (7, {"accounts": {"acme": {"account_id": "a1", "client_id": {"env": "A"}, "client_secret": {"env": "B"}}}}, []),
        (8, "unsafe ledger", []),
    ],
)  # fmt: skip
def test_a_refused_run_leaves_no_success_of_an_earlier_one(workplace, code, changes, arguments):
    workplace.environment["GITLAB_CI"] = "true"
    folder = workplace.path / "reports" / "spring"
    first = workplace.run("run", workplace.manifest())
    assert "ORCHESTRATOR_OUTCOME=started" in (folder / "result.env").read_text(encoding="utf-8"), first.stderr
    manifest = "launch.yaml"
    if changes == "unsafe ledger":
        (workplace.path / ".orchestrator" / "ledger.db").chmod(0o666)
    elif isinstance(changes, str):
        (workplace.path / manifest).write_text(changes, encoding="utf-8")
    else:
        if changes.get("campaigns") == "new":
            changes = {**changes, "campaigns": [{"stream": "st-2", "campaign": f"cd-{n}"} for n in range(2)]}
        workplace.manifest(**changes)
    done = workplace.run("run", manifest, *arguments)

    assert done.returncode == code, done.stderr
    assert (folder / "result.env").read_text(encoding="utf-8").splitlines() == REFUSED
    report = (folder / "junit.xml").read_text(encoding="utf-8")
    assert f'type="exit code {code}"' in report
    assert "cd-0" not in report


def test_what_cannot_be_written_keeps_nothing_else_back(job):
    """A folder in the place of one report, and outputs on a full disk."""
    (job.path / "reports" / "spring" / "result.json").mkdir(parents=True)
    job.environment["GITHUB_OUTPUT"] = "/dev/full"
    done = job.run("run", job.manifest(report={"formats": ["json", "csv", "dotenv"]}))

    assert done.returncode == 0, done.stderr
    assert {"result.csv", "result.env"} <= {file.name for file in (job.path / "reports" / "spring").iterdir()}
    assert "cannot write result.json of launch spring to reports: Is a directory" in done.stderr
    assert "cannot write the files that the CI job reads: No space left on device" in done.stderr
    assert read(job, "summary").startswith("## Sandbox: nothing was sent. Launch `spring`: everything is started")


def test_outputs_are_read_though_the_last_line_before_had_no_end(job):
    (job.path / "output").write_text("others=1", encoding="utf-8")
    job.run("run", job.manifest())

    assert outputs(job) | {"plan_hash": ""} == {
        "others": "1", "outcome": "started", "started": "3", "failed": "0", "unknown": "0", "plan_hash": "",
        "recipients": "10800", "recipients_unknown": "0",
        "sandbox": "true",
    }  # fmt: skip


def test_report_writes_every_format(workplace):
    workplace.run("run", workplace.manifest())
    formats = ("json", "csv", "junit", "markdown", "prometheus", "dotenv")
    done = workplace.run("report", "spring", *(f"--format={name}" for name in formats))

    assert done.returncode == 0, done.stderr
    assert len({line for line in done.stdout.splitlines() if (workplace.path / line).is_file()}) == len(formats)


def bash(workplace, script, **environ):
    return subprocess.run(
        ["/bin/bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script], cwd=workplace.path, text=True,
        env={**workplace.environment, **environ}, capture_output=True, check=False, timeout=120,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def install_python(job):
    """What the action's first step would have installed."""
    python = job.path / "temp" / "orchestrator" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    python.chmod(0o755)


def test_the_actions_step_takes_no_manifest_text_for_a_command(job):
    (step,) = [step for step in ACTION["runs"]["steps"] if step.get("id") == "run"]
    install_python(job)
    (job.path / "orchestrator").mkdir()
    (job.path / "orchestrator" / "__init__.py").write_text("raise SystemExit('not us')", encoding="utf-8")
    name = job.manifest("a $(touch harm) b; touch harm.yaml")
    done = bash(job, step["run"], MANIFEST=name, ARGUMENTS="--select\nstream:st-1\n\n--exclude=campaign:cd-2\n",
                RUNNER_TEMP=str(job.path / "temp"), GITHUB_ACTION_PATH=str(ROOT))  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert outputs(job) | {"plan_hash": ""} == {
        "outcome": "started", "started": "2", "failed": "0", "unknown": "0", "plan_hash": "",
        "recipients": "7200", "recipients_unknown": "0", "sandbox": "true",
    }  # fmt: skip
    assert not list(job.path.glob("harm*"))


def test_the_actions_step_chooses_the_environment(job):
    (step,) = [step for step in ACTION["runs"]["steps"] if step.get("id") == "run"]
    install_python(job)
    name = job.manifest(environments={"staging": {}, "live": {}})
    given = {"MANIFEST": name, "ARGUMENTS": "", "RUNNER_TEMP": str(job.path / "temp"), "GITHUB_ACTION_PATH": str(ROOT)}
    done = bash(job, step["run"], ENVIRONMENT="staging", **given)

    assert done.returncode == 0, done.stderr
    assert outputs(job)["environment"] == "staging"
    assert "in environment `staging`" in read(job, "summary")
    assert bash(job, step["run"], ENVIRONMENT="", **given).returncode == 2


def test_the_action_lists_its_interface_and_installs_the_lock():
    scripts = "\n".join(step.get("run", "") for step in ACTION["runs"]["steps"])

    assert {"outcome", "started", "failed", "unknown", "recipients", "recipients_unknown", "plan_hash"} == ACTION[
        "outputs"
    ].keys()
    assert all(out["value"] == f"${{{{ steps.run.outputs.{name} }}}}" for name, out in ACTION["outputs"].items())
    assert "${{" not in scripts
    assert "--require-hashes" in scripts
    assert (ROOT / "requirements.lock").is_file()


def test_the_guides_workflow_uses_the_action_as_it_is():
    (step,) = [s for s in WORKFLOW["jobs"]["launch"]["steps"] if "campaign-orchestrator@" in s.get("uses", "")]
    text = yaml.safe_dump(WORKFLOW)
    used = set(re.findall(r"steps\.launch\.outputs\.(\w+)", text))

    assert step["id"] == "launch"
    assert step["with"].keys() <= ACTION["inputs"].keys()
    assert used
    assert used <= ACTION["outputs"].keys()
    assert set(re.findall(r"needs\.launch\.outputs\.(\w+)", text)) <= WORKFLOW["jobs"]["launch"]["outputs"].keys()
    assert WORKFLOW["concurrency"]["cancel-in-progress"] is False


def ours(job):
    return [line for line in PIPELINE[job]["script"] if line.startswith("python -m orchestrator")]


def test_the_guides_pipeline_runs_and_its_artifacts_are_there(workplace):
    (workplace.path / "launches").mkdir()
    workplace.manifest("launches/spring.yaml")
    workplace.environment |= {
        "GITLAB_CI": "true", "PATH": f"{os.path.dirname(sys.executable)}:{workplace.environment['PATH']}",  # noqa: PTH120
        **PIPELINE["variables"],
    }  # fmt: skip
    for job in ("check", "send"):
        done = bash(workplace, "\n".join(ours(job)))
        assert done.returncode == 0, done.stderr
    reports = PIPELINE["send"]["artifacts"]["reports"]

    assert ours("check")
    assert PIPELINE["send"]["artifacts"]["when"] == "always"
    for pattern in (reports["junit"], reports["dotenv"], *PIPELINE["send"]["artifacts"]["paths"]):
        assert list(workplace.path.glob(pattern.rstrip("/"))), pattern
    env = next(workplace.path.glob(reports["dotenv"])).read_text(encoding="utf-8")
    assert set(re.findall(r"\$(ORCHESTRATOR_\w+)", yaml.safe_dump(PIPELINE))) <= {
        line.split("=")[0] for line in env.splitlines()
    }


def test_the_guides_commands_run(workplace):
    (workplace.path / "launches").mkdir()
    workplace.manifest("launches/spring.yaml")
    workplace.environment["PATH"] = f"{os.path.dirname(sys.executable)}:{workplace.environment['PATH']}"  # noqa: PTH120
    for command in COMMANDS:
        done = bash(workplace, command)
        assert done.returncode == 0, f"{command}\n{done.stderr}"

    assert len(COMMANDS) >= 3
