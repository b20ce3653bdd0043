"""Manifests with environments, with the real commands."""

import json

import pytest

ACCOUNT = "67777ce93e25326494e90001"
OWN = {"ledger": "sqlite:///live.db"}


@pytest.fixture
def manifest(workplace):
    def write(production=None, staging=None, **changes):
        environments = {"staging": staging or {}, "production": production or {}}
        return workplace.manifest(environments=environments, **changes)

    return write


def test_a_manifest_with_environments_needs_a_choice(workplace, manifest):
    done = workplace.run("run", manifest())

    assert (done.returncode, done.stdout) == (2, "")
    assert "launch.yaml has environments, and none is chosen: staging, production; no start was sent" in done.stderr
    assert "next: add --env staging or --env production" in done.stderr


def test_the_variable_chooses_as_the_option_does(workplace, manifest):
    workplace.environment["ORCHESTRATOR_ENV"] = "staging"
    workplace.run("run", manifest())
    plain = workplace.manifest("plain.yaml")

    assert workplace.result("spring/staging")["run"]["environment"] == "staging"
    refused = workplace.run("plan", plain)
    assert refused.returncode == 2
    assert "plain.yaml has no environments, but 'staging' was requested" in refused.stderr
    assert workplace.run("validate", plain, "--env", "").returncode == 0


def test_what_staging_started_never_counts_in_production(workplace, manifest, platform):
    # Same host, same account, same campaigns: only the environment differs.
    host = {"host": platform.start(), "accounts": workplace.credentials()}
    staged = workplace.run("run", manifest(**host), "--env", "staging")
    live = workplace.run("run", manifest(**host), "--env", "production")
    again = workplace.run("run", manifest(**host), "--env", "staging")

    assert (staged.returncode, live.returncode, again.returncode) == (0, 4, 0)
    assert (
        f"launch spring began on host {host['host']} in environment staging, "
        f"but the manifest names {host['host']} in environment production; no start was sent"
    ) in live.stderr
    assert "next: give each environment a ledger of its own (the key `ledger` in it), or the launch" in live.stderr
    assert set(platform.starts.values()) == {1}


def test_a_ledger_for_each_environment_keeps_them_apart(workplace, manifest):
    name = manifest(production=OWN)
    codes = [workplace.run("run", name, "--env", one).returncode for one in ("staging", "production")]

    assert codes == [0, 0]
    assert [workplace.result(f"spring/{one}")["totals"]["started"] for one in ("staging", "production")] == [3, 3]
    assert workplace.run("status", "spring", "--ledger", OWN["ledger"]).returncode == 0


def test_a_plan_is_approved_for_its_environment_alone(workplace, manifest):
    name = manifest(production=OWN, approval="plan")
    hashes = {}
    for one in ("staging", "production"):
        done = workplace.run("plan", name, "--env", one)
        assert done.stdout.startswith(f"plan for launch spring in environment {one}: 3 to start")
        hashes[one] = done.stdout.split()[-1]
    refused = workplace.run("run", name, "--env", "production", "--approve", hashes["staging"])
    again = workplace.run("plan", name, "--env", "staging", "-o", "plan.json").stdout.split()[-1]
    other = workplace.run("run", name, "--env", "production", "--plan", "plan.json", "--approve", again)

    assert hashes["staging"] != hashes["production"]
    assert refused.returncode == 4
    assert "next: python -m orchestrator plan launch.yaml --env production" in refused.stderr
    assert "environment: staging -> production" in other.stderr
    assert workplace.run("run", name, "--env", "production", "--approve", hashes["production"]).returncode == 0


def test_the_summary_names_it_and_so_does_what_comes_next(workplace, manifest):
    done = workplace.run("run", manifest(sandbox={"faults": "nasty", "seed": 3}), "--env", "staging")
    steps = {campaign["next"] for campaign in workplace.result("spring/staging")["campaigns"]} - {None}

    assert "launch spring in environment staging, run r-" in done.stdout
    assert all("--env staging" in step for step in steps if " run " in step)
    assert "launch spring in environment staging" in workplace.run("status").stdout


def test_stop_started_takes_the_environment_of_the_run(workplace, manifest, platform):
    host = {"host": platform.start(), "accounts": workplace.credentials()}
    name = manifest(production=host, accounts={"acme": {"account_id": ACCOUNT}})
    assert workplace.run("run", name, "--env", "production").returncode == 0
    done = workplace.run("stop-started", "spring", "--reason", "test is over")

    assert done.returncode == 0
    assert platform.state("cd-0") == "Stopped"


def test_explain_prints_the_manifest_with_its_origins(workplace):
    (workplace.path / "launch.yaml").write_text(
        "version: 1\nlaunch: spring\nhost: sandbox\naccounts:\n"
        f'  acme: {{account_id: "{ACCOUNT}", client_secret: {{env: ACME_SECRET}}, client_id: {{env: ACME_ID}}}}\n'
        "campaigns_from: [list.csv]\nenvironments:\n  live:\n    accounts: {acme: {rate: [5/1s]}}\n",
        encoding="utf-8",
    )
    (workplace.path / "list.csv").write_text("stream,campaign,account\ns,c,acme\n", encoding="utf-8")
    done = workplace.run("explain", "launch.yaml", "accounts", "--env", "live")
    rate = json.loads(workplace.run("explain", "launch.yaml", "rate", "--env", "live", "--json").stdout)
    row = workplace.run("explain", "launch.yaml", "campaigns[0].account", "--env", "live")

    assert done.stdout == (
        "accounts:\n"
        "  acme:\n"
        f'    account_id: "{ACCOUNT}"  # launch.yaml:5:10\n'
        "    client_id: {env: ACME_ID}               # launch.yaml:5:85\n"
        "    client_secret: {env: ACME_SECRET}       # launch.yaml:5:50\n"
        "    algorithm: HS256                        # default\n"
        "    rate: [5/1s]                            # launch.yaml:9:23\n"
        "    in_flight: 8                            # default\n"
        "    messages_per_minute: null               # default\n"
    )
    assert rate["values"] == [{"path": "accounts.acme.rate", "value": ["5/1s"], "origin": "launch.yaml:9:23"}]
    assert row.stdout == "campaigns:\n  - account: acme  # list.csv:2:5\n"


def test_explain_says_that_there_is_no_such_value(workplace):
    done = workplace.run("explain", workplace.manifest(), "limits.max_start")

    assert (done.returncode, done.stdout) == (2, "")
    assert "no value 'limits.max_start'; did you mean 'limits.max_starts'?\n" in done.stderr
    assert done.stderr.endswith("next: python -m orchestrator explain launch.yaml\n")
    short = workplace.run("explain", "launch.yaml", "ratee")
    assert "no value 'ratee'; did you mean 'rate'?\n" in short.stderr
