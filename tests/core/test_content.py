import hashlib

import pytest

from orchestrator.core import content
from orchestrator.core.content import FIELDS, NOTHING, changed, changed_seals, digest, merged, sealed, words
from orchestrator.kore.wire import read_list, read_status

ITEM = {
    "id": "cd-1", "status": "Ready", "name": "Renewal", "schedule": {"isSchedulingEnabled": False},
    "message": {"message": "SGVsbG8=", "templateId": "cmt-1"}, "experienceFlow": "cf-1",
    "contactLists": ["people"], "dncLists": {"name": "never"},
}  # fmt: skip
DETAILS = ITEM | {"dialingStrategy": {"callerId": {"phoneNumber": "+1555"}, "callingHours": {"frequency": "DAILY"}}}
NONCE = bytes(range(16))


def listed(**edits):
    return read_list({"data": {"results": [ITEM | edits]}}, 1)[0]["cd-1"].content


def by_id(**edits):
    return read_status({"data": DETAILS | edits})["cd-1"].content


EDITS = [
    ({"message": {"message": "SGVsbG9v", "templateId": "cmt-1"}}, "message"),
    ({"message": {"message": "SGVsbG8=", "templateId": "cmt-2"}}, "template"),
    ({"message": {"message": "SGVsbG8="}}, "template"),
    ({"experienceFlow": "cf-2"}, "experience flow"),
    ({"contactLists": ["people", "others"]}, "contact lists"),
    ({"contactLists": None}, "contact lists"),
    ({"dncLists": None}, "DNC lists"),
    ({"name": "Renewal "}, "name"),
    ({"schedule": {"isSchedulingEnabled": False, "startDateTime": "2026-01-27"}}, "schedule"),
]


@pytest.mark.parametrize(("edit", "name"), EDITS)
def test_each_field_of_a_list_is_told_apart(edit, name):
    assert changed(listed(), listed(**edit)) == (name,)
    assert changed_seals(sealed(listed(), NONCE), sealed(listed(**edit), NONCE)) == (name,)


def test_an_edit_of_nothing_that_is_sent_changes_nothing():
    assert changed(listed(), listed(status="Active", updatedAt="T", priority="1", totalMessagesSent=5)) == ()


@pytest.mark.parametrize(
    ("edit", "name"),
    [
        ({"dialingStrategy": DETAILS["dialingStrategy"] | {"callerId": {"phoneNumber": "+1556"}}}, "sender"),
        ({"dialingStrategy": DETAILS["dialingStrategy"] | {"callingHours": {}}}, "calling hours"),
    ],
)
def test_what_only_a_reply_by_id_names_is_told_apart(edit, name):
    assert changed(by_id(), by_id(**edit)) == (name,)


def test_a_list_and_a_reply_by_id_are_compared_by_shared_fields():
    assert changed(listed(), by_id()) == ()
    assert changed(by_id(message={}, dncLists=None, schedule={"isRecurrenceEnabled": False}), listed()) == ()
    assert changed(listed(), by_id(name="New", contactLists=[])) == ("contact lists", "name")


def test_of_two_reads_the_later_counts_where_it_names_a_field():
    both = merged(listed(), by_id(name="New"))
    assert changed(both, listed()) == ("name",)
    assert changed(both, by_id(name="New")) == ()
    assert sealed(both, NONCE).keys() == set(FIELDS) - {"list sizes"}
    assert merged(NOTHING, listed()) == merged(listed(), NOTHING) == listed()


def test_nothing_known_differs_from_nothing():
    assert changed(NOTHING, listed()) == changed(listed(), NOTHING) == ()
    assert sealed(NOTHING, NONCE) == {}


def test_a_seal_cannot_be_guessed_without_the_nonce():
    plain = hashlib.sha256(b'"SGVsbG8=').hexdigest()
    seals = sealed(listed(), NONCE)
    assert not any(seal in plain or plain.startswith(seal) for seal in seals.values())
    assert not set(seals.values()) & set(sealed(listed(), bytes(16)).values())


def test_two_fields_with_one_value_have_two_seals():
    seals = sealed(digest({"name": "x", "message": "x"}), NONCE)
    assert seals["name"] != seals["message"]


@pytest.mark.parametrize("values", [("null", None), ("[]", []), ('"x', '""x'), ("\ud800", "?")])
def test_values_that_look_alike_are_told_apart(values):
    one, two = (digest({"message": value}) for value in values)
    assert changed(one, two) == ("message",)


def test_fields_are_named_in_a_sentence():
    assert [words(FIELDS[:n]) for n in (1, 2, 3)] == [
        "message", "message and template", "message, template and experience flow",
    ]  # fmt: skip


def test_a_content_is_ten_short_digests():
    assert len(listed()) == 16 * len(FIELDS) == 160
    assert content.NOTHING == b""


def test_a_seal_is_the_same_in_every_version():
    """Else each plan that an earlier version made would be refused as changed."""
    content = digest({"message": "Hello é", "contact lists": ["a"], "DNC lists": None})

    assert sealed(content, NONCE) == {
        "message": "74ca721eca741ae76f9b8db6c3729b2a",
        "contact lists": "1f3d7cc1084f58a36eb26f59b61e9c9a",
        "DNC lists": "d76b5ddc4dd578f8304fe20dce9fe7a8",
    }


def test_a_content_without_all_fields_is_a_fault_and_no_match():
    short = listed()[:-16]

    for compare in (lambda: changed(short, by_id()), lambda: merged(by_id(), short), lambda: sealed(short, NONCE)):
        with pytest.raises(ValueError, match="zip"):
            compare()
