"""Lists of campaigns, with the real commands: what was understood, and what was left out, is said by each of them."""

import json

from tests.loading.sheets import workbook

LEFT_OUT = "list.xlsx#List: 2 columns left out: Owner, Region"


def listed(workplace, **changes):
    rows = ("Stream ID", "campaign", "Owner", "Region"), ("st-1", "cd-7", "Ann", "NE")
    (workplace.path / "list.xlsx").write_bytes(workbook(*rows))
    return workplace.manifest(campaigns_from=["list.xlsx"], campaigns=None, **changes)


def test_validate_says_how_each_file_was_read(workplace):
    manifest = listed(workplace)
    said = workplace.run("validate", manifest).stdout.splitlines()
    data = json.loads(workplace.run("validate", manifest, "--json").stdout)

    assert said[1] == "read: list.xlsx#List: 1 campaign; columns stream (Stream ID), campaign"
    assert said[-1] == f"warning: {LEFT_OUT}"
    assert data["warnings"] == [LEFT_OUT]
    assert data["files"] == [
        {"file": "list.xlsx#List", "campaigns": 1, "columns": {"Stream ID": "stream", "campaign": "campaign"},
         "left_out": ["Owner", "Region"], "separator": None}
    ]  # fmt: skip


def test_plan_and_run_warn_of_columns_that_are_left_out(workplace):
    manifest = listed(workplace)
    plan = json.loads(workplace.run("plan", manifest, "--json").stdout)
    shown = workplace.run("plan", manifest).stdout
    run = workplace.run("run", manifest, "--json")

    assert plan["warnings"] == [LEFT_OUT]
    assert f"warning: {LEFT_OUT}\n" in shown
    assert LEFT_OUT in json.loads(run.stdout)["warnings"]
    assert run.returncode == 0, run.stderr
