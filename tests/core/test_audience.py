import pytest

from orchestrator.core.audience import Audience, sentence, total


@pytest.mark.parametrize(
    ("recipients", "words"),
    [
        ([], "0"), ([0], "0"), ([12400], "12,400"), ([12000, 400], "12,400"),
        ([12400, None, None], "12,400, 2 campaigns unknown"),
        ([None], "unknown (1 campaign)"), ([None, None], "unknown (2 campaigns)"), ([0, None], "unknown (1 campaign)"),
    ],
)  # fmt: skip
def test_an_unknown_number_is_said_and_never_zero(recipients, words):
    assert str(Audience.of(recipients)) == words


def test_one_account_is_not_named():
    assert sentence({"acme": Audience(12400, 2)}) == "12,400, 2 campaigns unknown"
    assert sentence({}) == ""


def test_several_accounts_are_told_apart():
    people = {"acme": Audience(8000), "beta": Audience(4400, 2)}
    assert total(people) == Audience(12400, 2)
    assert sentence(people) == "12,400, 2 campaigns unknown (acme 8,000; beta 4,400, 2 campaigns unknown)"


def test_many_accounts_are_counted_from_the_sixth_on():
    people = {f"a{n}": Audience(1) for n in range(7)}
    assert sentence(people) == "7 (a0 1; a1 1; a2 1; a3 1; a4 1; 2 more accounts)"


@pytest.mark.parametrize(("accounts", "end"), [(5, "a4 1)"), (6, "a4 1; 1 more account)")])
def test_five_accounts_are_all_named(accounts, end):
    assert sentence({f"a{n}": Audience(1) for n in range(accounts)}).endswith(end)


@pytest.mark.parametrize(("audience", "is_known"), [((0, 0), False), ((1, 0), True), ((0, 1), True), ((1, 1), True)])
def test_an_unknown_audience_is_not_nobody(audience, is_known):
    assert bool(Audience(*audience)) is is_known
