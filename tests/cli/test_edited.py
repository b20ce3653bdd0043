"""A campaign that is edited between its plan and its start, from the real command."""

import json

import pytest

MANY = [f"cd-{n}" for n in range(1000)]
CANARY = "CANARY-text-for-3f9c"
LISTED = {
    "message": CANARY, "template": f"cmt-{CANARY}", "experience_flow": f"cf-{CANARY}",
    "dnc_list": f"never {CANARY}",
}  # fmt: skip
EDITS = [
    ("message", "another", "message"),
    ("template", None, "template"),
    ("experience_flow", "cf-2", "experience flow"),
    ("contact_lists", ("others",), "contact lists and list sizes"),
    ("contact_lists", (), "contact lists and list sizes"),
    ("dnc_list", None, "DNC lists"),
    ("name", "One more", "name"),
    ("recipients", 7, "list sizes"),
]


def listed(campaign, **edits):
    """A list of its own: campaigns that share one are not started together."""
    return LISTED | {"contact_lists": (f"people of {campaign}",)} | edits


def place(workplace, platform, campaigns=("cd-0", "cd-1"), **changes):
    url = platform.start(campaigns)
    for campaign in campaigns:
        platform.set_state(campaign, "Ready", **listed(campaign))
    rows = [{"stream": "st-1", "campaign": campaign, "name": f"Renewal {campaign}"} for campaign in campaigns]
    return workplace.manifest(host=url, accounts=workplace.credentials(), campaigns=rows, **changes)


def planned(workplace, manifest, *options):
    done = workplace.run("plan", manifest, "-o", "plan.json", *options)
    assert done.returncode == 0, done.stderr
    return json.loads((workplace.path / "plan.json").read_text(encoding="utf-8"))["plan_sha256"]


def on_disk(workplace):
    return b"".join(file.read_bytes() for file in workplace.path.rglob("*") if file.is_file())


@pytest.mark.parametrize("approval", ["plan", "none"])
def test_each_field_in_turn_is_refused_or_held_and_named(workplace, platform, approval):
    manifest = place(workplace, platform, MANY, approval=approval)
    approved = planned(workplace, manifest)
    used = platform.calls
    for number, (field, value, name) in enumerate(EDITS):
        if approval == "plan":
            platform.set_state("cd-501", "Ready", **listed("cd-501", name="cd-501") | {field: value})
            before = platform.calls
            done = workplace.run("run", manifest, "--approve", approved)
            assert done.returncode == 4, done.stderr
            assert f"Renewal cd-501: {name} changed since the plan" in done.stderr
            assert platform.calls - before <= used
        else:
            platform.set_state(f"cd-{number}", "Ready", **listed(f"cd-{number}", **{field: value}))
    if approval == "none":
        before = platform.calls
        done = workplace.run("run", manifest, "--plan", "plan.json")
        assert done.returncode == 12, done.stderr
        rows = workplace.result()["campaigns"]
        held = {row["campaign"]: row["message"] for row in rows if row["reason"] == "changed"}
        assert held == {f"cd-{n}": f"{name} changed since the plan" for n, (_, _, name) in enumerate(EDITS)}
        assert platform.calls - before <= used + len(MANY) - len(EDITS)
    assert sum(platform.starts.values()) == (0 if approval == "plan" else len(MANY) - len(EDITS))
    assert CANARY.encode() not in on_disk(workplace)


def test_the_sender_counts_where_the_plan_read_it(workplace, platform):
    manifest = place(workplace, platform, approval="plan")
    plain, detailed = planned(workplace, manifest), planned(workplace, manifest, "--details")
    platform.set_state("cd-1", "Ready", **listed("cd-1", sender="+15550109999"))
    done = workplace.run("run", manifest, "--approve", detailed)
    assert done.returncode == 4
    assert "Renewal cd-1: sender changed since the plan" in done.stderr
    # The plan without details never saw the sender.
    assert workplace.run("run", manifest, "--approve", plain).returncode == 0


def test_what_was_edited_back_is_what_was_approved(workplace, platform):
    manifest = place(workplace, platform, approval="plan")
    approved = planned(workplace, manifest)
    for text in ("another", CANARY):
        platform.set_state(
            "cd-0", "Ready", **listed("cd-0", message=text), updated_at=f"2026-01-01T00:00:0{len(text)}Z"
        )
    assert workplace.run("run", manifest, "--approve", approved).returncode == 0
