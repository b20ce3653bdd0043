"""Contact lists as the platform writes them (kore-api.md section 1.7b), and as it does not."""

import pytest

from orchestrator.kore.contacts import read
from orchestrator.model import ContactList

ITEM = {
    "id": "cl-1", "name": "VIP", "totalRecordCount": 1200, "status": "Ready", "isListInUse": True,
    "campaignInUse": [{"id": "cd-1", "name": "an old name"}, {"id": "cd-2"}], "source": "localDrive",
    "dataSyncMode": "allowDuplicates", "updatedAt": "2025-12-05T12:07:54.203Z",
}  # fmt: skip
LIST = ContactList(
    "cl-1", "VIP", 1200, "Ready", in_use=True, used_by=("cd-1", "cd-2"), source="localDrive",
    updated_at="2025-12-05T12:07:54.203Z",
)  # fmt: skip


@pytest.mark.parametrize(
    "payload",
    [
        [ITEM],
        {"data": [ITEM]},
        {"status": "success", "data": {"results": [ITEM]}},
        {"data": {"contactLists": [ITEM]}},
        {"data": {"lists": [ITEM], "total": 1}},
        {"results": [ITEM]},
        {"contactLists": [ITEM], "data": None},
    ],
)
def test_lists_are_read_from_whatever_envelope_they_come_in(payload):
    assert read(payload) == (LIST,)


@pytest.mark.parametrize("payload", [None, "", 7, True, {}, {"data": {}}, {"data": "x"}, {"data": {"results": {}}}])
def test_an_answer_without_any_list_is_not_an_empty_one(payload):
    assert read(payload) is None
    assert read({"data": []}) == ()


@pytest.mark.parametrize("source", ["passiveApi", "PASSIVEAPI", "activeApi", "api"])
@pytest.mark.parametrize("shown", [0, 12, None])
def test_the_size_of_an_api_fed_list_is_unknown(source, shown):
    (one,) = read([ITEM | {"source": source, "totalRecordCount": shown}]) or ()
    assert (one.records, one.source) == (None, source)


@pytest.mark.parametrize(("shown", "records"), [(0, None), (7, 7)])
def test_nobody_on_a_list_of_no_source_is_an_unknown_number(shown, records):
    (one,) = read([{key: value for key, value in ITEM.items() if key != "source"} | {"totalRecordCount": shown}]) or ()
    assert one.records == records


@pytest.mark.parametrize(
    ("shown", "records"),
    [
        (0, 0), (1, 1), ("1200", 1200), (10**9, 10**9), (10**9 + 1, None), (-1, None), (True, None), (False, None),
        (1200.0, None), (1e999, None), ("", None), ("-1", None), ("1,200", None), ("٣", None), ("9" * 50, None),
        (None, None), ([1], None), ({"n": 1}, None),
    ],
)  # fmt: skip
def test_a_size_that_cannot_be_true_is_unknown(shown, records):
    (one,) = read([ITEM | {"totalRecordCount": shown}]) or ()
    assert one.records == records


def test_one_odd_list_does_not_hide_the_others():
    odd = [None, 7, "VIP", [], {}, {"name": ""}, {"id": 3}, {"id": "cl-2"}, {"_id": "cl-3", "name": "Late"}]
    assert read([*odd, ITEM]) == (
        ContactList("cl-2", "", None, ""),
        ContactList("cl-3", "Late", None, ""),
        LIST,
    )


@pytest.mark.parametrize(
    ("users", "ids"),
    [
        (None, ()), ([], ()), ({}, ()), (7, ()), ("cd-1", ("cd-1",)), ({"id": "cd-1"}, ("cd-1",)),
        ([{"_id": "cd-1"}, "cd-2", {"name": "none"}, None, {"id": "cd-1"}], ("cd-1", "cd-2")),
    ],
)  # fmt: skip
def test_campaigns_that_use_a_list_are_named_by_id(users, ids):
    (one,) = read([ITEM | {"campaignInUse": users}]) or ()
    assert one.used_by == ids


@pytest.mark.parametrize("said", [False, None, "true", 1, [True]])
def test_a_list_is_in_use_only_where_the_platform_says_so(said):
    (one,) = read([ITEM | {"isListInUse": said}]) or ()
    assert one.in_use is False
