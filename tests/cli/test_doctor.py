import json


def findings(done):
    return {(one["subject"], one["grade"]): one for one in json.loads(done.stdout)["findings"]}


def test_a_healthy_setup_is_listed_with_one_call_per_account(workplace, platform):
    manifest = workplace.manifest(host=platform.start(), accounts=workplace.credentials())
    before = workplace.run("doctor")
    done = workplace.run("doctor", manifest)

    assert before.returncode == 0, before.stdout
    assert "does not exist yet" in before.stdout
    assert done.returncode == 0, done.stdout + done.stderr
    assert "account acme: token and scope are accepted; the list answers (3 campaigns)" in done.stdout
    assert "ok    clock: within 5 s of the host's" in done.stdout
    assert "ok    time zones: data for America/New_York" in done.stdout
    assert platform.calls == 1
    assert platform.starts == {}


def test_the_faults_of_a_sandbox_are_no_findings(workplace):
    manifest = workplace.manifest(sandbox={"faults": "realistic", "seed": 7})
    done = workplace.run("doctor", manifest)

    assert done.returncode == 0, done.stdout
    assert "account acme: token and scope are accepted" in done.stdout


def test_who_would_get_no_notice_is_a_warning(workplace, platform):
    workplace.environment |= {"HOOK": "http://127.0.0.1:9/canary-token", "BAD": "http://hooks.example/canary-token"}
    notify = [{"to": {"env": name}} for name in ("HOOK", "BAD", "MISSING")]
    manifest = workplace.manifest(host=platform.start(), accounts=workplace.credentials(), notify=notify)
    done = workplace.run("doctor", manifest)

    assert done.returncode == 0, done.stderr
    again, plain = f"python -m orchestrator notify test {manifest}", "plain http is for this machine only: use https"
    assert [line for line in done.stdout.splitlines() if " notify " in line] == [
        f"ok    notify 1 (webhook): has an address; to send a notice to it: {again}",
        f"warn  notify 2 (webhook): gets no notice: {plain}; correct it, then {again}",
        f"warn  notify 3: gets no notice: to: environment variable MISSING is unset or empty; correct it, then {again}",
    ]
    assert "canary-token" not in done.stdout + done.stderr


def test_4_with_the_fix_for_a_rejected_or_missing_credential(workplace, platform):
    url = platform.start(secret="another-secret-" + "8" * 50)
    manifest = workplace.manifest(host=url, accounts=workplace.credentials())
    rejected = workplace.run("doctor", manifest, "--json")
    del workplace.environment["ACME_SECRET"]
    missing = workplace.run("doctor", manifest, "--json")

    assert (rejected.returncode, missing.returncode) == (4, 4)
    assert "client_secret" in findings(rejected)["account acme", "bad"]["mend"]
    assert "ACME_SECRET" in findings(missing)["credentials", "bad"]["message"]
    assert platform.calls == 1


def test_4_for_a_ledger_others_may_write_and_a_warning_in_ci(workplace):
    workplace.run("run", workplace.manifest())
    workplace.environment["CI"] = "true"
    sound = workplace.run("doctor", "--json")
    (workplace.path / ".orchestrator" / "ledger.db").chmod(0o666)
    unsafe = workplace.run("doctor", "--json")

    assert sound.returncode == 0
    assert ("disk", "warn") in findings(sound)
    assert unsafe.returncode == 4
    assert findings(unsafe)["ledger", "bad"]["mend"].startswith("chmod 600")
