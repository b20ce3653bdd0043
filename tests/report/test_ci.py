import io
import re

import pytest

from orchestrator.core.text import one_line
from orchestrator.errors import CredentialError, JournalWriteError, ManifestError, OrchestratorError, Problem
from orchestrator.model import Outcome, Reason
from orchestrator.report import ci, github
from orchestrator.report.markdown import LIMIT, as_markdown
from orchestrator.report.wording import outcome_word
from tests.report.samples import HOSTILE, campaign, hostile, result_of, small

GITHUB, GITLAB, NONE = ci.System.GITHUB, ci.System.GITLAB, ci.System.NONE
COMMAND = re.compile(r"::(error|warning) title=([^:,]*)::(.*)")


@pytest.mark.parametrize(
    ("choice", "environ", "system"),
    [
        ("auto", {}, NONE),
        ("auto", {"GITHUB_ACTIONS": "true"}, GITHUB),
        ("auto", {"GITHUB_ACTIONS": "false"}, NONE),
        ("auto", {"GITLAB_CI": "true"}, GITLAB),
        ("auto", {"CI": "true"}, NONE),
        ("none", {"GITHUB_ACTIONS": "true"}, NONE),
        ("gitlab", {"GITHUB_ACTIONS": "true"}, GITLAB),
        ("github", {}, GITHUB),
    ],
)
def test_the_system_is_found_by_its_environment_unless_chosen(choice, environ, system):
    assert ci.system_of(choice, environ) is system


def test_gitlab_gets_two_more_reports_and_none_twice():
    assert ci.formats(GITLAB, ("json", "junit")) == ("json", "junit", "dotenv")
    assert ci.formats(GITHUB, ("json",)) == ci.formats(NONE, ("json",)) == ("json",)


def carry_out(steps):
    for step in steps:
        step()


@pytest.fixture
def environ(tmp_path):
    return {"GITHUB_OUTPUT": str(tmp_path / "output"), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}


def read(environ, name):
    with open(environ[name], encoding="utf-8") as file:  # noqa: PTH123 - the variable holds text
        return file.read()


def test_github_gets_outputs_a_summary_and_annotations(environ):
    log = io.StringIO()
    carry_out(ci.publish(GITHUB, small(), environ, log))

    assert read(environ, "GITHUB_OUTPUT").splitlines() == [
        "outcome=unknown", "started=2", "failed=1", "unknown=1", f"plan_hash={'b2' * 32}",
        "recipients=12400", "recipients_unknown=1",
    ]  # fmt: skip
    assert read(environ, "GITHUB_STEP_SUMMARY") == as_markdown(small())
    assert [line[:7] for line in log.getvalue().splitlines()] == ["::error"] * 2 + ["::warni"] * 2


def test_what_others_wrote_stays_and_both_fit_below_the_limit(environ):
    with open(environ["GITHUB_STEP_SUMMARY"], "w", encoding="utf-8") as file:  # noqa: PTH123 - the same
        file.write("others\n" * 60_000)
    unknown = [campaign(n, Outcome.UNKNOWN, Reason.NO_EVIDENCE, message="m" * 200) for n in range(9000)]
    carry_out(ci.publish(GITHUB, result_of(unknown), environ, io.StringIO()))
    text = read(environ, "GITHUB_STEP_SUMMARY")

    assert text.startswith("others\n")
    assert "more, left out here" in text
    assert len(text.encode()) <= LIMIT


def test_a_job_that_offers_no_files_gets_its_annotations(environ):
    log = io.StringIO()
    carry_out(ci.publish(GITHUB, small(), {}, log))

    assert [line[:7] for line in log.getvalue().splitlines()].count("::error") == 2


@pytest.mark.parametrize("system", [GITLAB, NONE])
def test_nobody_else_gets_anything(environ, tmp_path, system):
    log = io.StringIO()
    carry_out(ci.publish(system, small(), environ, log))
    carry_out(ci.publish_refusal(system, CredentialError("no"), environ, log))

    assert log.getvalue() == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", HOSTILE)
def test_an_annotation_is_one_command_whatever_the_words(text):
    made = [campaign(n, Outcome.FAILED, Reason.REJECTED, message=text, next=text) for n in range(7)]
    (line,) = github.annotations(result_of(made))
    level, title, message = COMMAND.fullmatch(line).groups()
    named = "st-1/cd-0, st-1/cd-1, st-1/cd-2, st-1/cd-3, st-1/cd-4 and 2 more: "
    steps = [f"next: {step}" for step in text.split("\n")]
    lines = "\n".join(map(one_line, [*text.split("\n"), *steps])) if text else ""

    assert (level, title) == ("error", "7 campaigns failed (rejected)")
    assert message.replace("%0A", "\n").replace("%25", "%") == named + lines
    assert line.encode().decode().splitlines() == [line]
    assert re.fullmatch(r"(?:[^%]|%25|%0A)*", message)


def test_what_the_owner_left_out_is_no_annotation():
    left_out = [campaign(1, Outcome.SKIPPED, Reason.DISABLED), campaign(2, Outcome.SKIPPED, Reason.DESELECTED)]

    assert list(github.annotations(result_of(left_out))) == []


def test_a_refusal_is_said_and_nothing_was_sent(environ):
    log = io.StringIO()
    carry_out(ci.publish_refusal(GITHUB, CredentialError("KORE_ID is\nnot set", next_step="set it"), environ, log))

    assert log.getvalue() == "::error title=exit code 7::KORE_ID is%0Anot set%0Anext: set it\n"
    nobody = "recipients=0\nrecipients_unknown=0\n"
    assert read(environ, "GITHUB_OUTPUT") == f"outcome=refused\nstarted=0\nfailed=0\nunknown=0\nplan_hash=\n{nobody}"


@pytest.mark.parametrize("error", [JournalWriteError("disk"), OrchestratorError("bug")])
def test_where_something_may_have_been_sent_no_zero_is_claimed(environ, error):
    carry_out(ci.publish_refusal(GITHUB, error, environ, io.StringIO()))

    outcome, *others = read(environ, "GITHUB_OUTPUT").splitlines()
    assert outcome in {"outcome=journal_failed", "outcome=error"}
    assert others == ["started=", "failed=", "unknown=", "plan_hash=", "recipients=", "recipients_unknown="]


@pytest.mark.parametrize(
    ("code", "word"),
    [(0, "started"), (1, "error"), *((n, "refused") for n in range(2, 10)), (10, "failed"), (11, "unknown"),
     (12, "held"), (13, "journal_failed"), (129, "interrupted"), (130, "interrupted"), (143, "interrupted")],
)  # fmt: skip
def test_every_exit_code_has_a_word(code, word):
    assert outcome_word(code) == word


def test_dotenv_is_what_gitlab_can_read():
    text = ci.as_dotenv(hostile(100))

    assert len(text) < 5 * 1024
    assert all(re.fullmatch(r"ORCHESTRATOR_[A-Z_]+=[a-z0-9_]+", line) for line in text.splitlines())


def test_outputs_begin_on_a_line_of_their_own(environ):
    with open(environ["GITHUB_OUTPUT"], "w", encoding="utf-8") as file:  # noqa: PTH123 - the same
        file.write("others=1")
    carry_out(ci.publish(GITHUB, small(), environ, io.StringIO()))

    assert read(environ, "GITHUB_OUTPUT").splitlines()[:2] == ["others=1", "outcome=unknown"]


def test_a_refusal_is_in_the_steps_summary(environ):
    carry_out(ci.publish_refusal(GITHUB, CredentialError("no `key`", next_step="set it"), environ, io.StringIO()))

    assert read(environ, "GITHUB_STEP_SUMMARY") == (
        "## Launch: refused, exit code 7\n\n``no `key`; no start was sent``\n\nNext: `set it`\n"
    )


def test_dotenv_of_a_refusal_leaves_out_what_is_not_known():
    assert ci.as_dotenv_refusal(CredentialError("no")) == (
        "ORCHESTRATOR_OUTCOME=refused\nORCHESTRATOR_STARTED=0\nORCHESTRATOR_FAILED=0\nORCHESTRATOR_UNKNOWN=0\n"
        "ORCHESTRATOR_RECIPIENTS=0\nORCHESTRATOR_RECIPIENTS_UNKNOWN=0\n"
    )
    assert ci.as_dotenv_refusal(JournalWriteError("disk")) == "ORCHESTRATOR_OUTCOME=journal_failed\n"


def test_github_gets_each_problem_of_a_manifest_at_its_place(tmp_path):
    problem = Problem(
        "a,b.yaml", 7, 20, "campaigns[0].campaign", "can only contain letters", "retype it", value='"cd 1"'
    )
    log = io.StringIO()
    environ = {"GITHUB_OUTPUT": str(tmp_path / "out")}
    carry_out(ci.publish_refusal(GITHUB, ManifestError((problem,) * 30), environ, log))
    first, second, *others = log.getvalue().splitlines()

    assert first == "::error title=exit code 3::the manifest has 30 problems"
    assert second == (
        "::error file=a%2Cb.yaml,line=7,col=20,title=manifest::"
        'campaigns[0].campaign: can only contain letters (read: "cd 1"); retype it'
    )
    assert len(others) == 8
