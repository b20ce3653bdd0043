"""Plans, approval and caps, with the real commands."""

import json
from datetime import datetime

import pytest

from tests.cli.test_terminal import at_terminal


def planned(workplace, manifest, *arguments):
    done = workplace.run("plan", manifest, "-o", "plan.json", *arguments)
    assert done.returncode == 0, done.stderr
    return done, json.loads((workplace.path / "plan.json").read_text(encoding="utf-8"))


def test_a_plan_shows_order_waves_times_calls_and_omissions(workplace):
    accounts = {"acme": {"account_id": "67777ce93e25326494e90001", "rate": ["2/10s"]}}
    manifest = workplace.manifest(accounts=accounts, waves=[{"name": "canary", "campaigns": ["st-1/cd-2"]}])
    done, document = planned(workplace, manifest)
    order = [(c["campaign"], c["wave"], round(c["earliest_s"])) for c in document["campaigns"]]

    assert order == [("cd-2", "canary", 10), ("cd-0", "rest", 10), ("cd-1", "rest", 20)]
    assert document["calls"] == {"acme": 5}
    assert "takes at least 20 s and 5 calls (acme 5)" in done.stdout
    assert "note: not checked: calling hours" in done.stdout
    assert "(24 h), for one run" in done.stdout
    text = (workplace.path / "plan.json").read_text(encoding="utf-8")
    assert text.startswith('{"begins_at":"20')
    assert ',"calls":{"acme":5},"campaigns":' in text


@pytest.mark.parametrize("options", [[], ["--full"]])
def test_a_plan_names_the_wave_whose_texting_comes_first(workplace, options):
    waves = [{"name": "canary", "campaigns": ["st-1/cd-0"], "pass": {"completed": "100%"}}]
    manifest = workplace.manifest(campaigns=[{"stream": "st-1", "campaign": f"cd-{n}"} for n in range(50)], waves=waves)
    done, document = planned(workplace, manifest, *options)
    waits = {c["campaign"]: c["waits_for_wave"] for c in document["campaigns"]}

    assert {waits.pop("cd-0"), *waits.values()} == {None, "canary"}
    assert "after canary" in done.stdout
    assert "takes at least" in done.stdout
    assert "plus the texting that waves wait for," in done.stdout
    assert "note: wave rest opens after wave canary has texted as its pass asks; when" in done.stdout


def test_20_says_that_starts_would_be_sent(workplace, platform):
    manifest = workplace.manifest(host=platform.start(), accounts=workplace.credentials())
    before = workplace.run("plan", manifest, "--detailed-exitcode")
    workplace.run("run", manifest)
    after = workplace.run("plan", manifest, "--detailed-exitcode")

    assert (before.returncode, after.returncode) == (20, 0), before.stderr + after.stderr


def test_drift_is_refused_by_field_and_so_is_a_used_plan(workplace, platform):
    url = platform.start()
    manifest = workplace.manifest(host=url, accounts=workplace.credentials())
    _, document = planned(workplace, manifest, "--select", "campaign:cd-0,campaign:cd-1")
    platform.set_state("cd-1", "Active")
    drifted = workplace.run("run", manifest, "--plan", "plan.json")
    unselected = workplace.run("run", manifest, "--plan", "plan.json", "--exclude", "campaign:cd-1")
    platform.set_state("cd-1", "Ready")
    sent_before = dict(platform.starts)
    done = workplace.run("run", manifest, "--plan", "plan.json")
    again = workplace.run("run", manifest, "--plan", "plan.json")

    assert (drifted.returncode, unselected.returncode) == (4, 4)
    assert "starts: st-1/cd-1 is no longer in the plan" in drifted.stderr
    assert "selection: " in unselected.stderr
    assert sent_before == {}
    assert done.returncode == 0, done.stderr
    assert workplace.result()["run"]["plan_sha256"] == document["plan_sha256"]
    assert platform.starts == {"st-1/cd-0": 1, "st-1/cd-1": 1}
    assert again.returncode == 4
    assert "a plan is for one run" in again.stderr


def test_a_hash_planned_on_this_ledger_is_enough_approval(workplace):
    manifest = workplace.manifest(approval="plan")
    blind = workplace.run("run", manifest, "--approve", "0123456789abcdef")
    _, document = planned(workplace, manifest)
    done = workplace.run("run", manifest, "--approve", document["plan_sha256"][:16])

    assert blind.returncode == 4
    assert "no plan in this ledger" in blind.stderr
    assert done.returncode == 0, done.stderr
    assert workplace.result()["run"]["approved"] == f"--approve, plan {document['plan_sha256'][:12]}"


@pytest.mark.parametrize("text", ["", "[]", '{"plan_sha256": "x"}'])
def test_3_for_a_file_that_is_no_plan(workplace, text):
    (workplace.path / "plan.json").write_text(text, encoding="utf-8")
    done = workplace.run("run", workplace.manifest(), "--plan", "plan.json")

    assert done.returncode == 3
    assert "no start was sent" in done.stderr


def test_a_cap_from_a_flag_or_the_environment_only_tightens(workplace):
    manifest = workplace.manifest(limits={"max_starts": 2})
    loose = workplace.run("run", manifest, "--max-starts", "1000")
    noted = workplace.run("plan", manifest)
    workplace.environment["ORCHESTRATOR_MAX_STARTS"] = "1"
    tight = workplace.run("run", workplace.manifest(limits={"max_starts": 1000}))

    assert (loose.returncode, tight.returncode) == (4, 4)
    assert "limits.max_starts allows 2" in loose.stderr
    assert "note: a run is refused: the plan has 3 starts, limits.max_starts allows 2" in noted.stdout
    assert "--max-starts allows 1" in tight.stderr


def test_a_plan_on_the_wrong_host_does_not_lock_the_launch_to_it(workplace, platform):
    planned = workplace.run("plan", workplace.manifest())  # on the sandbox
    right = workplace.manifest(
        host=platform.start(campaigns=("cd-0",)), accounts=workplace.credentials(),
        campaigns=[{"stream": "st-1", "campaign": "cd-0"}],
    )  # fmt: skip
    ran = workplace.run("run", right)

    assert (planned.returncode, ran.returncode) == (0, 0), ran.stderr
    refused = workplace.run("plan", workplace.manifest())
    assert refused.returncode == 4
    assert "the manifest names sandbox" in refused.stderr


def test_a_large_plan_is_counted_by_wave_and_account(workplace):
    campaigns = [{"stream": "st-1", "campaign": f"cd-{n}", "tags": ["first"] * (n < 2)} for n in range(41)]
    campaigns[5]["enabled"] = False
    manifest = workplace.manifest(campaigns=campaigns, waves=[{"name": "canary", "tags": ["first"]}, {"name": "rest"}])
    short, full = (workplace.run("plan", manifest, *option).stdout.splitlines() for option in ((), ("--full",)))

    assert short[:7] == [
        "plan for launch spring: 40 to start, 0 to check, 1 to skip",
        "recipients: 144,000",
        "    start   check    skip  first       last        recipients  wave      account",
        "        2       0       0  at once     at once          7,200  canary    acme",
        "       38       0       1  at once     at once        136,800  rest      acme",
        "  skip 1: skipped: enabled: false in the manifest",
        "  --full lists the campaigns one by one",
    ]
    assert sum(line.startswith(("  start ", "  skip ")) for line in full) == 41


def test_a_pager_shows_only_what_does_not_fit_a_terminal(workplace):
    campaigns = [{"stream": "st-1", "campaign": f"cd-{n}"} for n in range(60)]
    long, short = workplace.manifest("long.yaml", campaigns=campaigns), workplace.manifest()
    pager = {"PAGER": "sed s/^/paged:/", "answer": "q"}

    assert "paged:plan for launch" in at_terminal(workplace, "plan", long, "--full", **pager)[1]
    for arguments, more in (((short, "--full"), {}), ((long, "--full"), {"CI": "1"}), ((long,), {})):
        assert "paged:" not in at_terminal(workplace, "plan", *arguments, **pager, **more)[1]
    assert "paged:" not in workplace.run("plan", long, "--full").stdout


def test_a_plan_forecasts_the_end_of_texting(workplace):
    accounts = {"acme": {"account_id": "67777ce93e25326494e90001", "rate": "unlimited", "messages_per_minute": 3600}}
    done, document = planned(workplace, workplace.manifest(accounts=accounts))
    took = datetime.fromisoformat(document["texting"]["ends_at"]) - datetime.fromisoformat(document["begins_at"])

    # Three lists of 3,600 people at 60 a second.
    assert round(took.total_seconds()) == 180
    assert "texting ends about " in done.stdout
    assert sorted(document["texting"]["campaigns"]) == ["st-1/cd-0", "st-1/cd-1", "st-1/cd-2"]
    assert (document["texting"]["late"], document["texting"]["unknown"]) == ([], 0)


def test_why_says_what_a_shared_list_means_and_what_to_do(workplace, platform):
    manifest = workplace.manifest(host=platform.start(), accounts=workplace.credentials())
    for number in range(3):
        platform.set_state(f"cd-{number}", "Ready", contact_lists=("east",))
    workplace.run("run", manifest)
    why = workplace.run("why", "spring", "st-1/cd-1").stdout
    means = (
        "the platform cannot run two campaigns on one contact list at the same time; if the other one runs, wait until "
        "it is Completed, or stop it, and run again; with same_list: sequence, a run waits for that itself"
    )

    assert "now: held (shared_list): contact list 'east' is in use: " in why
    assert f"\nmeans: {means}\nnext: python -m orchestrator run " in why


def test_a_list_that_a_refused_start_left_free_is_named_as_free(workplace, platform):
    manifest = workplace.manifest(host=platform.start(), accounts=workplace.credentials())
    for number in range(2):
        platform.set_state(f"cd-{number}", "Ready", contact_lists=("east",))
    platform.refuse("cd-0")
    first = workplace.run("run", manifest)
    reason = workplace.result()["campaigns"][1]["message"]
    again = workplace.run("run", manifest)

    assert (
        reason == "contact list 'east' is free: cd-0 (st-1/cd-0) did not start; run again at any time (same_list: hold)"
    )
    assert reason in first.stdout
    assert "1 started" in again.stdout
    assert platform.starts == {"st-1/cd-1": 1, "st-1/cd-2": 1}
