"""How many pages a list has, as the platform's sample says it (kore-api.md section 1.7), and as it does not."""

import pytest

from orchestrator.kore.wire import read_list, read_status

ITEM = {"id": "cd-1", "status": "Ready", "updatedAt": "2025-12-05T12:07:54.203Z"}


def read(page, **data):
    _, more, left = read_list({"status": "success", "data": {"results": [ITEM], **data}}, page)
    return more, left


@pytest.mark.parametrize(
    ("page", "data", "expected"),
    [
        (1, {"hasMore": False, "totalPages": 1, "totalResults": 7}, (False, None)),
        (1, {"hasMore": True, "totalPages": 41, "totalResults": 2003}, (True, 40)),
        (3, {"hasMore": True, "totalPages": 41, "totalResults": 2003}, (True, 38)),
        (1, {"hasMore": True, "totalPages": 41}, (True, 40)),
        (1, {"hasMore": True, "totalResults": 2003}, (True, 40)),
        (1, {"hasMore": True, "totalResults": 100}, (True, 1)),
        (1, {"totalPages": 41}, (True, 40)),
        (41, {"totalPages": 41}, (False, None)),
        (1, {}, (False, None)),
    ],
)
def test_pages_that_are_left_are_counted(page, data, expected):
    assert read(page, **data) == expected


@pytest.mark.parametrize("wild", [0, -1, 1, True, "41", 41.0, 1e999, None, [41], {"n": 41}, 10**30])
def test_a_number_that_cannot_be_true_is_unknown(wild):
    assert read(1, hasMore=True, totalPages=wild) == (True, None)
    assert read(2, hasMore=True, totalPages=wild, totalResults=wild) == (True, None)


def test_an_empty_page_is_the_last_whatever_it_promises():
    assert read(2, results=[], hasMore=True, totalPages=41) == (False, 39)


def test_the_time_of_an_edit_is_read_both_ways():
    live, _, _ = read_list({"data": {"results": [ITEM]}}, 1)
    assert live["cd-1"].updated_at == read_status({"data": ITEM})["cd-1"].updated_at == "2025-12-05T12:07:54.203Z"
