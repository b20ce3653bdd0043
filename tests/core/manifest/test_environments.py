import pytest

from orchestrator.core.manifest.checks import Issue
from orchestrator.core.manifest.environments import MAX_ENVIRONMENTS, check, check_choice, merge
from orchestrator.core.manifest.models import ENVIRONMENT_KEYS
from orchestrator.errors import WrongEnvironment

KNOWN = ", ".join(ENVIRONMENT_KEYS)
BASE = {
    "version": 1,
    "launch": "spring",
    "accounts": {"acme": {"account_id": "1", "client_id": {"env": "ID"}, "rate": ["50/60s"], "in_flight": 4}},
    "limits": {"max_starts": 500},
}


def merged(environment, **changes):
    return merge({**BASE, "environments": {"staging": changes, "other": {"host": "sandbox"}}}, environment)


def faults(chosen=None, **environments):
    return list(check({**BASE, "host": "sandbox", "environments": environments}, chosen))


def test_mappings_merge_by_key_and_all_else_is_replaced():
    found = merged("staging", host="sandbox", accounts={"acme": {"rate": ["9/1s"]}, "beta": {"account_id": "2"}})

    assert found.raw == {
        **BASE,
        "host": "sandbox",
        "accounts": {"acme": {**BASE["accounts"]["acme"], "rate": ["9/1s"]}, "beta": {"account_id": "2"}},
    }


def test_a_reference_to_a_secret_is_replaced_as_a_whole():
    found = merged("staging", accounts={"acme": {"client_id": {"file": "id.txt"}}})

    assert found.raw["accounts"]["acme"]["client_id"] == {"file": "id.txt"}


def test_an_empty_environment_is_what_all_share():
    assert merge({**BASE, "environments": {"staging": None}}, "staging").raw == BASE
    assert merge({**BASE, "environments": {"staging": None}}, None).raw == BASE


def test_each_value_is_traced_to_where_it_is_written():
    found = merged("staging", limits={"max_starts": 5}, accounts={"acme": {"rate": ["9/1s"]}, "beta": {}}, ledger="x")
    inside = ("environments", "staging")

    assert found.written(("limits", "max_starts")) == (*inside, "limits", "max_starts")
    assert found.written(("accounts", "acme", "rate", 0)) == (*inside, "accounts", "acme", "rate", 0)
    assert found.written(("accounts", "beta", "account_id")) == (*inside, "accounts", "beta", "account_id")
    assert found.written(("accounts", "acme", "in_flight")) == ("accounts", "acme", "in_flight")
    assert found.written(("limits",)) == ("limits",)
    assert found.written(("host",)) == ("host",)
    issue = found.located(Issue(("ledger",), "clashes", other=("launch",)))
    assert (issue.path, issue.other) == ((*inside, "ledger"), ("launch",))


def test_an_unknown_key_is_refused_in_every_environment():
    assert faults("staging", staging={"hots": "sandbox"}, prod={"accounts": {"acme": {"rat": "1/1s"}}}) == [
        Issue(("environments", "staging", "hots"), "unknown key", "did you mean 'host'?"),
        Issue(("environments", "prod", "accounts", "acme", "rat"), "unknown key", "did you mean 'rate'?"),
    ]


def test_a_key_that_environments_share_is_named_as_such():
    hint = f"write it outside of environments; known here: {KNOWN}"

    assert faults(a={"launch": "x"}) == [
        Issue(("environments", "a", "launch"), "is the same in every environment", hint)
    ]


def test_only_the_form_of_other_environments_is_checked():
    # Neither has a host of its own, and the second lacks its account's id.
    raw = {**BASE, "environments": {"a": {}, "b": {"accounts": {"beta": {"in_flight": 0}}}}}

    assert [(issue.path, issue.message) for issue in check(raw, "a")] == [
        (("environments", "b", "accounts", "beta", "account_id"), "is missing"),
        (("environments", "b", "accounts", "beta", "in_flight"), "must be greater than or equal to 1"),
    ]


@pytest.mark.parametrize("written", [{}, None, [], "staging"])
def test_environments_are_a_mapping(written):
    (issue,) = check({**BASE, "environments": written}, None)

    assert issue == Issue(("environments",), "must be a mapping of environments", "write each as NAME: {host: …}")


def test_an_environment_has_a_plain_name_and_is_a_mapping():
    odd, no_mapping = faults(**{"a b": {}, "c": "sandbox"})

    assert (odd.path, odd.message) == (
        ("environments", "a b"), "can only contain letters, digits, '.', '_' and '-', at most 128 of them",
    )  # fmt: skip
    assert no_mapping == Issue(("environments", "c"), "must be a mapping", "write it as key: value")


def test_there_is_a_limit_to_the_number_of_environments():
    (issue,) = faults(**{f"e{n}": {"bad": 1} for n in range(MAX_ENVIRONMENTS + 1)})

    assert (issue.path, issue.message) == (("environments",), f"has more than {MAX_ENVIRONMENTS} environments")
    assert faults(**{f"e{n}": None for n in range(MAX_ENVIRONMENTS)}) == []


def test_a_key_is_known_by_its_written_name_alone():
    (issue,) = faults(a={"approval": {"signers": "x", "not_": []}})
    assert (issue.path[-1], issue.message) == ("not_", "unknown key")


def test_the_chosen_environment_is_checked_with_the_manifest():
    wrong = {"accounts": {"beta": {"in_flight": 0}}}

    assert faults("a", a=wrong) == []
    assert faults("b", a=wrong) != []


@pytest.mark.parametrize(
    ("raw", "chosen", "message", "step"),
    [
        ({"environments": {"staging": {}, "production": {}}}, None,
         "m.yaml has environments, and none is chosen: staging, production",
         "add --env staging or --env production"),
        ({"environments": {"staging": {}, "production": {}}}, "prodution",
         "m.yaml has no environment 'prodution': staging, production", "did you mean 'production'?"),
        ({}, "staging", "m.yaml has no environments, but 'staging' was requested",
         "leave out --env, and unset ORCHESTRATOR_ENV"),
    ],
)  # fmt: skip
def test_the_choice_must_fit_the_manifest(raw, chosen, message, step):
    with pytest.raises(WrongEnvironment) as caught:
        check_choice(raw, "m.yaml", chosen)

    assert (caught.value.message, caught.value.next_step, caught.value.exit_code) == (message, step, 2)


def test_a_choice_that_fits_is_accepted():
    check_choice({}, "m.yaml", None)
    check_choice({"environments": {"staging": None}}, "m.yaml", "staging")
