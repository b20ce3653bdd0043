import pytest

from orchestrator.core.rules import shared_lists
from orchestrator.core.rules.shared_lists import Conflict, ListUser, ListUsers, is_over, named_users, runs
from orchestrator.model import ContactList, Lane
from tests.core.builders import key, ready

SEQUENCE = "contact lists: of campaigns that share one, each starts after the one before it has ended"


def user(campaign, *lists):
    return ListUser(key(campaign), "", lists, "is Active")


@pytest.mark.parametrize("status", ["Active", "ACTIVE", "Preparing", "Paused"])
def test_a_campaign_that_runs_or_is_paused_keeps_its_lists(status):
    assert runs(ready(status=status))
    assert not is_over(ready(status=status))


@pytest.mark.parametrize("status", ["Completed", "Stopped", "Failed"])
def test_a_campaign_that_is_over_keeps_no_list(status):
    assert not runs(ready(status=status))
    assert is_over(ready(status=status))


def test_a_campaign_that_is_ready_after_its_start_is_not_over():
    assert not is_over(ready())


def test_a_campaign_that_is_gone_is_over():
    assert is_over(None)


def test_a_list_is_free_when_its_last_user_has_gone():
    users = ListUsers([user("cd-1", "east"), user("cd-2", "east")])
    users.free(key("cd-1"))
    conflict = users.conflict(key("cd-3"), ("west", "east"))
    assert conflict is not None
    assert (conflict.name, conflict.user.key) == ("east", key("cd-2"))

    users.free(key("cd-2"))
    assert users.conflict(key("cd-3"), ("west", "east")) is None


def test_a_campaign_does_not_wait_for_itself():
    assert ListUsers([user("cd-1", "east")]).conflict(key("cd-1"), ("east",)) is None


def test_a_campaign_whose_lists_changed_keeps_only_the_new_ones():
    users = ListUsers([user("cd-1", "east")])
    users.take(user("cd-1", "west"))
    assert users.conflict(key("cd-2"), ("east",)) is None
    assert users.conflict(key("cd-2"), ("west",)) is not None


def test_the_lists_of_a_campaign_are_known_until_it_frees_them():
    users = ListUsers([user("cd-1", "east", "west")])
    assert users.lists_of(key("cd-1")) == ("east", "west")
    assert users.lists_of(key("cd-2")) == ()

    users.free(key("cd-1"))
    assert users.lists_of(key("cd-1")) == ()


def test_a_list_that_a_campaign_names_twice_is_freed_once():
    users = ListUsers([user("cd-1", "east", "east")])
    users.free(key("cd-1"))
    assert users.conflict(key("cd-2"), ("east",)) is None


def test_lists_of_two_streams_with_one_name_are_two_lists():
    users = ListUsers([ListUser("st-2/cd-1", "", ("east",), "is Active")])
    assert users.conflict(key("cd-2"), ("east",)) is None


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("hold", ()),
        ("sequence", (f"{SEQUENCE}; a run waits 4 h at most for that",)),
        ("warn", ("contact lists: campaigns that share one are started together, with a warning",)),
    ],
)  # fmt: skip
def test_a_rule_that_is_not_the_default_is_put_in_words(mode, said):
    assert shared_lists.sentences(mode, 4 * 3600.0) == said


def test_lists_in_use_name_campaigns_by_name_or_id():
    lists = [
        ContactList("cl-1", "east", 10, "Ready", in_use=True, used_by=("cd-1", "cd-2")),
        ContactList("cl-2", "west", 10, "Ready", in_use=True, used_by=("cd-2",)),
        ContactList("cl-3", "south", 10, "Ready", in_use=True, used_by=("cd-3",)),
        ContactList("cl-4", "north", 10, "Ready", in_use=False, used_by=("cd-4",)),
    ]
    found = named_users(lists, {"east", "cl-2", "north"})
    assert found == {"cd-1": ("east",), "cd-2": ("east", "cl-2")}


@pytest.mark.parametrize(("mode", "second_waits"), [("hold", False), ("sequence", False), ("warn", True)])
def test_only_a_start_that_begins_keeps_its_list_from_the_next(mode, second_waits):
    """`one` has `east`; the first start wants it, too, and `west`, which the second one wants."""
    users = {Lane("l"): ListUsers([user("one", "east")])}
    starts = [(Lane("l"), user("cd-1", "east", "west")), (Lane("l"), user("cd-2", "west"))]
    found = shared_lists.conflicts(starts, users, mode)

    assert found.keys() == {(Lane("l"), key("cd-1"))} | ({(Lane("l"), key("cd-2"))} if second_waits else set())
    assert users[Lane("l")].lists_of(key("cd-2")) == ()  # what is known is not changed


def test_a_warning_names_three_lists_at_most():
    met = [Conflict(f"l{n}", user("cd-1", "x")) for n in (1, 2, 2, 3, 4)]
    named = [f"'l{n}': st-1/cd-1 is Active" for n in (1, 2, 3)]

    assert shared_lists.warning("hold", met[:4]) == (
        f"4 campaigns held because of a contact list in use ({'; '.join(named)})",
    )
    assert shared_lists.warning("hold", met) == (
        f"5 campaigns held because of a contact list in use ({'; '.join(named)}; ...)",
    )
