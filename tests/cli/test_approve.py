"""`approve`, and `run --approval`: plans approved by signatures, with the real commands and real keys."""

import json
import subprocess

import pytest

from tests.cli.test_terminal import at_terminal
from tests.signatures import Signer

APPROVAL = {"signers": "allowed_signers", "required": 1}


@pytest.fixture
def people(workplace):
    """Ann makes plans, ben runs them, cleo and dan may approve, and so may they; eve may not."""
    found = {name: Signer(workplace.path, f"{name}@example.com", name) for name in ("ann", "ben", "cleo", "dan", "eve")}
    lines = [one.line() for name, one in found.items() if name != "eve"]
    (workplace.path / "allowed_signers").write_text("".join(lines), encoding="ascii")
    workplace.environment |= {"HOME": str(workplace.path), "GITHUB_ACTOR": "ben"}
    git(workplace, "config", "--global", "user.email", "ann@example.com")
    workplace.environment.pop("SSH_AUTH_SOCK", None)
    return found


def planned(workplace, platform, file="plan.json", **changes):
    manifest = workplace.manifest(
        host=platform.start(), accounts=workplace.credentials(), approval={**APPROVAL, **changes}
    )
    workplace.environment["GITHUB_ACTOR"] = "ann"
    done = workplace.run("plan", manifest, "-o", file)
    workplace.environment["GITHUB_ACTOR"] = "ben"
    assert done.returncode == 0, done.stderr
    return manifest, done


def approve(workplace, name, *options, file="plan.json"):
    return workplace.run("approve", file, "--key", f"key-{name}@example.com", "--yes", *options)


def test_a_signed_plan_runs_and_the_signer_is_on_record(workplace, platform, people):
    manifest, plan = planned(workplace, platform)
    approved = approve(workplace, "cleo", "--json")
    done = workplace.run("run", manifest, "--plan", "plan.json", "--approval", "plan.json.sig")
    run, key = workplace.result()["run"], json.loads(approved.stdout)["key"]
    history = workplace.run("history", "spring").stdout

    assert "next: python -m orchestrator approve plan.json\n" in plan.stderr
    assert "then: python -m orchestrator run launch.yaml --plan plan.json --approval plan.json.sig\n" in plan.stderr
    assert done.returncode == 0, done.stderr
    assert platform.starts == {f"st-1/cd-{n}": 1 for n in range(3)}
    assert (run["by"], run["planned_by"]) == ("ben", "ann@example.com")
    assert [(one["by"], one["key"]) for one in run["approvals"]] == [("cleo@example.com", key)]
    assert run["approved"] == f"--plan, plan {run['plan_sha256'][:12]}; signed by cleo@example.com"
    assert "planned by ann@example.com, approved: --plan" in history
    assert f"plan {run['plan_sha256'][:12]} was made, and may be approved, by ann@example.com" in history


def of_an_older_plan(workplace, manifest):
    approve(workplace, "cleo")
    workplace.run("plan", manifest, "-o", "plan.json", "--as", "ann@example.com")
    return ["--plan", "plan.json", "--approval", "plan.json.sig"]


def of_another_launch(workplace, manifest):
    other = workplace.manifest("other.yaml", launch="summer", approval=APPROVAL)
    workplace.run("plan", other, "-o", "other.json", "--as", "ann@example.com")
    approve(workplace, "cleo", file="other.json")
    return ["--plan", "other.json", "--approval", "other.json.sig"]


def by(name):
    def make(workplace, _):
        approve(workplace, name)
        return ["--plan", "plan.json", "--approval", "plan.json.sig"]

    return make


def with_an_edited_plan(workplace, manifest):
    args = by("cleo")(workplace, manifest)
    file = workplace.path / "plan.json"
    file.write_text(file.read_text(encoding="utf-8").replace("ann@example.com", "eve@example.com"), encoding="utf-8")
    return args


def without_its_planner(workplace, _):
    """Ann edits the file before she signs it."""
    file = workplace.path / "plan.json"
    document = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**document, "planned_by": ["eve"]}), encoding="utf-8")
    return by("ann")(workplace, _)


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (without_its_planner, "ann@example.com signed, and made the plan"),
        (lambda *_: [], "approval: {signers: …} needs --plan FILE and --approval"),
        (lambda *_: ["--plan", "plan.json"], "needs the approval of 1 person, and has 0"),
        (by("ann"), "ann@example.com signed, and made the plan"),
        (by("ben"), "ben@example.com signed, and runs it"),
        (by("eve"), "its key is not in the file of signers"),
        (of_an_older_plan, "it is not a signature over this plan"),
        (of_another_launch, "the plan has changed since it was made: launch: summer -> spring"),
        (with_an_edited_plan, "it is not a signature over this plan"),
    ],
    ids=[
        "hidden planner",
        "nothing",
        "no signature",
        "planner",
        "runner",
        "stranger",
        "older plan",
        "other launch",
        "edited",
    ],
)
def test_4_with_the_reason_and_nothing_sent(workplace, platform, people, made, why):
    manifest, _ = planned(workplace, platform)
    done = workplace.run("run", manifest, *made(workplace, manifest))

    assert done.returncode == 4, done.stderr
    assert why in done.stderr
    assert "no start was sent" in done.stderr
    assert platform.starts == {}


def test_an_approval_is_for_one_run(workplace, platform, people):
    manifest, _ = planned(workplace, platform)
    approve(workplace, "cleo")
    signed = ("run", manifest, "--plan", "plan.json", "--approval", "plan.json.sig")
    first, starts = workplace.run(*signed), dict(platform.starts)
    for number in range(3):
        platform.set_state(f"cd-{number}", "Ready")
    again = workplace.run(*signed)

    assert first.returncode == 0, first.stderr
    assert (again.returncode, platform.starts) == (4, starts)
    assert "the plan was used: a run of it got a permit" in again.stderr
    assert "next: python -m orchestrator plan launch.yaml -o plan.json" in again.stderr


def test_a_refused_signature_costs_no_call(workplace, platform, people):
    manifest, _ = planned(workplace, platform)
    approve(workplace, "eve")
    before = platform.calls
    done = workplace.run("run", manifest, "--plan", "plan.json", "--approval", "plan.json.sig")

    assert (done.returncode, platform.calls) == (4, before)


def test_two_approvers_sign_into_two_files(workplace, platform, people):
    manifest, plan = planned(workplace, platform, required=2)
    approve(workplace, "cleo")
    taken = approve(workplace, "dan")
    approve(workplace, "dan", "-o", "plan.json.2.sig")
    both = ("--approval", "plan.json.sig", "--approval", "plan.json.2.sig")
    twice = workplace.run("run", manifest, "--plan", "plan.json", *both[:2], *both[:2])
    done = workplace.run("run", manifest, "--plan", "plan.json", *both)

    assert "next: python -m orchestrator approve plan.json -o plan.json.2.sig\n" in plan.stderr
    assert (taken.returncode, "plan.json.sig already exists" in taken.stderr) == (2, True)
    assert (twice.returncode, "has 1 (cleo@example.com)" in twice.stderr) == (4, True)
    assert done.returncode == 0, done.stderr
    assert [one["by"] for one in workplace.result()["run"]["approvals"]] == ["cleo@example.com", "dan@example.com"]


def test_a_person_sees_the_plan_and_types_its_launch(workplace, platform, people):
    planned(workplace, platform)
    command = ("approve", "plan.json", "--key", "key-cleo@example.com")
    unasked = workplace.run(*command)
    wrong = at_terminal(workplace, *command, answer="winter")
    is_unsigned = not (workplace.path / "plan.json.sig").exists()
    code, text = at_terminal(workplace, *command, answer="spring")

    assert (unasked.returncode, wrong[0], is_unsigned) == (4, 4, True)
    assert "there is no terminal to ask one" in unasked.stderr
    assert code == 0, text
    assert "3 starts" in text
    assert "3  wave rest, account acme (67777ce93e25326494e90001)" in text
    assert "made by ann@example.com (ann, " in text


def test_a_plan_that_shows_other_starts_is_not_signed(workplace, platform, people):
    planned(workplace, platform)
    file = workplace.path / "plan.json"
    document = json.loads(file.read_text(encoding="utf-8"))
    document["campaigns"] = document["campaigns"][:1]
    file.write_text(json.dumps(document), encoding="utf-8")
    done = approve(workplace, "cleo")

    assert done.returncode == 3
    assert "it shows 1 start, and not the 3 that its hash covers" in done.stderr


@pytest.mark.parametrize("where", ["git", "git literal", "agent", "default"])
def test_without_key_the_usual_one_signs(workplace, platform, people, where):
    planned(workplace, platform)
    key = workplace.path / "key-cleo@example.com"
    agent = None
    if where == "default":
        (workplace.path / ".ssh").mkdir()
        (workplace.path / ".ssh" / "id_ed25519").write_bytes(key.read_bytes())
        (workplace.path / ".ssh" / "id_ed25519").chmod(0o600)
    elif where == "git":
        git(workplace, "config", "--global", "gpg.format", "ssh")
        git(workplace, "config", "--global", "user.signingkey", "~/key-cleo@example.com")
    else:
        agent = subprocess.Popen(
            ["ssh-agent", "-D", "-a", str(workplace.path / "agent")],  # noqa: S607
            stdout=subprocess.PIPE,
        )
        agent.stdout.readline()
        workplace.environment["SSH_AUTH_SOCK"] = str(workplace.path / "agent")
        subprocess.run(["ssh-add", "-q", str(key)], env=workplace.environment, check=True)  # noqa: S607
        if where == "git literal":
            git(workplace, "config", "--global", "gpg.format", "ssh")
            git(workplace, "config", "--global", "user.signingkey", f"key::{people['cleo'].public}")
    try:
        done = workplace.run("approve", "plan.json", "--yes")
    finally:
        if agent is not None:
            agent.kill()
            agent.wait()
            agent.stdout.close()

    assert done.returncode == 0, done.stderr
    assert (workplace.path / "plan.json.sig").is_file()


def git(workplace, *words):
    done = subprocess.run(
        ["git", *words],  # noqa: S607
        cwd=workplace.path,
        env=workplace.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_without_any_key_the_option_is_named(workplace, platform, people):
    planned(workplace, platform)
    done = workplace.run("approve", "plan.json", "--yes")
    broken = workplace.run("approve", "plan.json", "--yes", "--key", "plan.json")

    assert (done.returncode, broken.returncode) == (4, 4)
    assert "there is no SSH key to sign with" in done.stderr
    assert "--key FILE" in done.stderr
    assert "ssh-keygen could not sign with " in broken.stderr


def test_the_planner_is_gits_person_then_the_ci_systems(workplace, people):
    manifest = workplace.manifest(approval=APPROVAL)
    by_git, named = (
        json.loads(workplace.run("plan", manifest, "--json", *given).stdout)["planned_by"]
        for given in ((), ("--as", "zoe@example.com"))
    )
    git(workplace, "config", "--global", "--unset", "user.email")
    by_actor = json.loads(workplace.run("plan", manifest, "--json").stdout)["planned_by"]

    assert by_actor[0] == "ben"
    assert by_git == ["ann@example.com", *by_actor]
    assert named == ["zoe@example.com", *by_actor]


def test_without_signers_a_signature_is_refused(workplace, people):
    manifest = workplace.manifest()
    workplace.run("plan", manifest, "-o", "plan.json")
    approve(workplace, "cleo")
    done = workplace.run("run", manifest, "--plan", "plan.json", "--approval", "plan.json.sig")
    alone = workplace.run("run", manifest, "--approval", "plan.json.sig")

    assert (done.returncode, alone.returncode) == (4, 2)
    assert "the manifest names no signers" in done.stderr


def test_an_environment_may_ask_for_signatures(workplace, people):
    manifest = workplace.manifest(environments={"staging": {}, "production": {"approval": APPROVAL}})
    staging = workplace.run("run", manifest, "--env", "staging")
    production = workplace.run("run", workplace.manifest(launch="summer", environments={
        "staging": {}, "production": {"approval": APPROVAL},
    }), "--env", "production")  # fmt: skip

    assert (staging.returncode, production.returncode) == (0, 4), staging.stderr
    assert "needs --plan FILE and --approval" in production.stderr


def commit(workplace, name, message):
    git(workplace, "-c", f"user.name={name}", "-c", f"user.email={name}@example.com", "commit", "-q", "-m", message)


def test_planned_in_a_pull_request_signed_and_run_on_merge(workplace, platform, people):
    """The recipe of docs/how-to/approve.md, with two people and one repository on this machine."""
    manifest = workplace.manifest(host=platform.start(), accounts=workplace.credentials(), approval=APPROVAL)
    git(workplace, "init", "-q", "-b", "main")
    git(workplace, "add", manifest, "allowed_signers")
    commit(workplace, "ann", "The launch")
    # 1. Ann's pull request: the plan, as her CI job makes it.
    git(workplace, "checkout", "-q", "-b", "ann/launch")
    (workplace.path / "plans").mkdir()
    workplace.environment["GITHUB_ACTOR"] = "ann"
    assert workplace.run("plan", manifest, "-o", "plans/spring.json").returncode == 0
    git(workplace, "add", "plans")
    commit(workplace, "ann", "The plan of spring")
    # 2. Cleo reads it, signs it, and pushes the signature.
    workplace.environment["GITHUB_ACTOR"] = "cleo"
    assert approve(workplace, "cleo", file="plans/spring.json").returncode == 0
    git(workplace, "add", "plans")
    commit(workplace, "cleo", "Approved")
    # 3. Merged: the job that runs it is started by ben.
    git(workplace, "checkout", "-q", "main")
    git(workplace, "merge", "-q", "ann/launch")
    workplace.environment["GITHUB_ACTOR"] = "cleo"
    by_approver = workplace.run("run", manifest, "--plan", "plans/spring.json", "--approval", "plans/spring.json.sig")
    workplace.environment["GITHUB_ACTOR"] = "ben"
    done = workplace.run("run", manifest, "--plan", "plans/spring.json", "--approval", "plans/spring.json.sig")
    run = workplace.result()["run"]

    assert (by_approver.returncode, "cleo@example.com signed, and runs it" in by_approver.stderr) == (4, True)
    assert done.returncode == 0, done.stderr
    assert (run["planned_by"], run["approvals"][0]["by"], run["by"]) == ("ann@example.com", "cleo@example.com", "ben")
    assert len(platform.starts) == 3


def test_the_last_question_says_who_approved(workplace, platform, people):
    manifest, _ = planned(workplace, platform)
    approve(workplace, "cleo")
    signed = ("run", manifest, "--plan", "plan.json", "--approval", "plan.json.sig")
    code, shown = at_terminal(workplace, *signed, answer="winter")
    again, _ = at_terminal(workplace, *signed, answer="spring")

    assert (code, again) == (4, 0)
    assert "3 campaigns will be started on http://127.0.0.1" in shown
    assert "  3  wave rest, account acme" in shown
    assert f"ledger: {workplace.path}/.orchestrator/ledger.db (NEW: it knows of no start" in shown.replace("\r\n", "")
    assert "; signed by cleo@example.com, planned by ann@example.com" in shown.replace("\r\n", "")
    assert workplace.result()["run"]["approved"].endswith("; signed by cleo@example.com; at a terminal")
