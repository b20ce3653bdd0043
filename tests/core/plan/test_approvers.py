import pytest

from orchestrator.core.manifest.signers import Signers
from orchestrator.core.plan.approvers import Approved, Signature, approvers, is_same, principals
from orchestrator.errors import Refused

PEOPLE = {"planner": ("Ann@Example.com", "ann"), "runner": ("ben",)}


def rule(**changes):
    return Signers(**{"signers": "allowed_signers", **changes})


def signed(*names, key="", file="plan.json.sig"):
    return Signature(file, names, key or f"SHA256:{names[0]}")


def refused(signatures, of=None, people=PEOPLE):
    with pytest.raises(Refused) as error:
        approvers(signatures, of or rule(), people)
    return error.value.message, error.value.next_step


def refusal(signatures, of=None):
    message, next_step = refused(signatures, of)
    assert next_step == "have the plan approved by another person"
    return message


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("ann@example.com", "ANN@Example.COM", True),
        ("ann", "Ann", True),
        ("ann@example.com", "ann", True),
        ("ann", "ann@example.com", True),
        ("ann@example.com", "ann@example.org", False),
        ("annette@example.com", "ann", False),
        ("12345+ann@users.noreply.github.com", "ann", True),
        ("ann@users.noreply.github.com", "ann@example.com", True),
        ("12345+ann@users.noreply.github.com", "ben@example.com", False),
        ("ann+x@example.com", "x", False),
        ("ann+a+b@example.com", "ann@example.com", True),
        ("ann+x", "ann@example.com", False),  # a tag is one of an address
        ("ann+x@example.com", "Ann@example.com", True),
        ("ann+x@example.com", "ann", True),
        ("ann+x@example.com", "ann@example.org", False),
        ("ann+x", "ann", False),
        ("ann@example.com.", "ann@example.com", True),
        (" ann@example.com", "\ufeffann@example.com", True),
        ("\uff41nn", "ann", True),
    ],
)
def test_who_may_be_one_person(one, other, same):
    assert is_same([one], [other]) is same
    assert is_same(["zoe", other], ["yan", one]) is same


def test_another_person_approves():
    cleo = signed("cleo@example.com", "cleo")

    assert approvers([cleo], rule(), PEOPLE) == (cleo,)


@pytest.mark.parametrize(
    ("names", "does"),
    [
        (("ann@example.com",), "made the plan"),
        (("boss@example.com", "ANN"), "made the plan"),
        (("ben@example.com",), "runs it"),
        (("b@example.com", "Ben"), "runs it"),
    ],
)
def test_nobody_approves_their_own(names, does):
    message = f"plan.json.sig: {names[0]} signed, and {does}: somebody else must approve it"

    assert refusal([signed(*names)]) == message
    # Another person's approval does not make up for it.
    assert refusal([signed("cleo"), signed(*names)]) == message


def test_a_plan_that_names_nobody_cannot_be_approved():
    nameless = {"planner": (), "runner": ("ben",)}
    message = "the plan does not show who made it, so an approver may be the same person"
    next_step = "make a new plan with plan and its option -o, and have it approved"

    assert refused([signed("cleo")], people=nameless) == (message, next_step)
    # Unless it may be approved by who made it.
    runner = rule(**{"not": ["runner"]})
    assert approvers([signed("cleo")], runner, nameless) == (signed("cleo"),)


def test_not_says_whose_approval_does_not_count():
    ben = signed("ben@example.com")

    assert approvers([ben], rule(**{"not": ["planner"]}), PEOPLE) == (ben,)
    assert approvers([signed("ann")], rule(**{"not": []}), PEOPLE) == (signed("ann"),)


@pytest.mark.parametrize(
    "second",
    [signed("cleo@example.com"), signed("CLEO", key="SHA256:other"), signed("x", key="SHA256:cleo@example.com")],
    ids=["the same", "another key", "another name"],
)
def test_two_signatures_of_one_person_count_once(second):
    found = refusal([signed("cleo@example.com"), second], rule(required=2))

    assert found == "the plan needs the approval of 2 people, and has 1 (cleo@example.com)"


def test_two_people_are_two():
    both = (signed("cleo@example.com"), signed("dan@example.com"))

    assert approvers(both, rule(required=2), PEOPLE) == both
    assert refusal([], rule()) == "the plan needs the approval of 1 person, and has 0"
    assert refusal(both, rule(required=3)) == (
        "the plan needs the approval of 3 people, and has 2 (cleo@example.com, dan@example.com)"
    )


@pytest.mark.parametrize("name", ["*@example.com", "cle?", "!cleo", "*"])
def test_a_pattern_names_nobody(name):
    with pytest.raises(Refused) as error:
        principals(["cleo", name], "plan.json.sig")
    assert error.value.message == (
        f"plan.json.sig: its key is listed under the pattern {name}, which may match anybody"
    )
    assert error.value.next_step == ("write one line per person into the file of signers, with that person's names")
    assert principals(["cleo@example.com", "cleo"], "x") == ("cleo@example.com", "cleo")


def test_the_journal_has_each_approver_with_key_and_time():
    approved = Approved("signed by cleo", "ann", (signed("cleo", "cl"), signed("dan")), 12.5)

    assert approved.as_json() == {
        "approved": "signed by cleo",
        "planned_by": "ann",
        "approvals": [
            {"by": "cleo", "key": "SHA256:cleo", "at": 12.5},
            {"by": "dan", "key": "SHA256:dan", "at": 12.5},
        ],
    }
