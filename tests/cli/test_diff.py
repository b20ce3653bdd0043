"""`diff` and `plan --diff`, with the real commands."""

import json

import pytest

LISTED = {"message": "Hello"}


def put(workplace, platform, **changes):
    manifest = workplace.manifest(host=platform.start(), accounts=workplace.credentials(), **changes)
    for n in range(3):
        platform.set_state(f"cd-{n}", "Ready", **LISTED)
    return manifest


def test_two_runs_differ_by_what_became_of_their_campaigns(workplace, platform):
    manifest = put(workplace, platform)
    platform.set_state("cd-1", "Paused")
    workplace.run("run", manifest)
    first = workplace.result()["run"]["run_id"]
    platform.set_state("cd-1", "Ready")
    workplace.run("run", manifest)
    done = workplace.run("diff", f"spring@{first}", "spring")
    markdown = workplace.run("diff", f"spring@{first}", "spring", "--format", "markdown").stdout
    told = json.loads(workplace.run("diff", f"spring@{first[:9]}", "spring", "--json").stdout)

    assert done.returncode == 20, done.stderr
    assert "~ st-1/cd-1: outcome: skipped -> started; reason: not_startable -> accepted" in done.stdout
    assert "3 changed of 3 campaigns" in done.stdout
    assert "| changed | `st-1/cd-1` | `outcome: skipped -> started`;" in markdown
    assert told["exit_code"] == 20
    assert set(told["changed"]) == {"st-1/cd-0", "st-1/cd-1", "st-1/cd-2"}


def test_equal_sides_print_nothing_and_end_with_0(workplace, platform):
    manifest = put(workplace, platform)
    workplace.run("plan", manifest, "-o", "plan.json")
    for arguments in (("diff", "plan.json", "plan.json"), ("diff", "plan.json", manifest),
                      ("plan", manifest, "--diff", "plan.json")):  # fmt: skip
        done = workplace.run(*arguments)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    workplace.run("run", manifest)
    assert workplace.run("diff", "plan.json", "spring").returncode == 0
    assert workplace.run("diff", "plan.json", "reports/spring/result.json").returncode == 0


def test_a_plan_is_compared_with_the_live_state(workplace, platform):
    manifest = put(workplace, platform)
    workplace.run("plan", manifest, "-o", "plan.json", "--select", "campaign:cd-0,campaign:cd-1")
    platform.set_state("cd-0", "Ready", message="Another")
    platform.set_state("cd-1", "Active")
    platform.set_state("cd-2", "Active")
    for arguments in (("diff", "plan.json", manifest), ("plan", manifest, "--diff", "plan.json")):
        done = workplace.run(*arguments)
        assert done.returncode == 20, done.stderr
        assert "~ st-1/cd-0: message edited on the platform\n" in done.stdout
        assert "~ st-1/cd-1: action: start -> skip; outcome: none -> already_started" in done.stdout
        assert "cd-2" not in done.stdout  # the plan did not select it
    assert platform.starts == {}


def test_two_plans_say_what_they_cannot_compare(workplace, platform):
    manifest = put(workplace, platform)
    workplace.run("plan", manifest, "-o", "a.json")
    workplace.run("plan", manifest, "-o", "b.json", "--exclude", "campaign:cd-2")
    done = workplace.run("diff", "a.json", "b.json")
    assert done.returncode == 20
    assert "~ st-1/cd-2: action: start -> skip" in done.stdout
    assert "not compared: what the campaigns would send" in done.stdout


@pytest.mark.parametrize(
    ("sides", "code", "said"),
    [
        (("nothing.json", "spring"), 3, "cannot read nothing.json: No such file or directory"),
        (("launch.yaml", "spring"), 2, "only B may be a manifest"),
        (("spring", "summer"), 5, "the ledger has no launch summer"),
        (("spring@r-none", "spring"), 5, "launch spring has no run whose id begins with r-none"),
        (("spring@r-", "spring"), 5, "launch spring has several runs whose id begins with r-"),
        (("not.json", "spring"), 3, "cannot read not.json: it is not JSON ('n' is not expected here)"),
        (("twice.json", "spring"), 3, "cannot read twice.json: it is not JSON ('run' is written twice)"),
        (("list.json", "spring"), 3, "list.json is not a plan"),
        (("empty.json", "spring"), 3, "the file is not a plan"),
        (("run.json", "spring"), 3, "run.json is not a result.json"),
        (("totals.json", "spring"), 3, "totals.json is not a result.json"),
        (("words.json", "spring"), 3, "words.json is not a result.json"),
    ],
)  # fmt: skip
def test_a_side_that_does_not_exist_is_a_clear_error(workplace, sides, code, said):
    whole = '{"run": {"run_id": "r-1"}, "campaigns": [], "totals": %s}'
    texts = {
        "not": "no", "list": "[]", "empty": "{}", "run": '{"run": {}}', "twice": '{"run": {}, "run": {}}',
        "totals": whole % "[1]", "words": whole % '{"started": "x"}',
    }  # fmt: skip
    for name, text in texts.items():
        (workplace.path / f"{name}.json").write_text(text, encoding="utf-8")
    workplace.run("run", workplace.manifest())
    workplace.run("run", workplace.manifest())
    done = workplace.run("diff", *sides)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
