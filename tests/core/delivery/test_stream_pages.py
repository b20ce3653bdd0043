"""Which pages of a list are asked for."""

import pytest

from orchestrator.core.delivery.stream_pages import StreamPages
from orchestrator.model import CallTarget, CampaignType, LiveState

TARGET = CallTarget("lane", "a1", "s", "s", CampaignType.SMS)


def read(pages, wanted, *listed):
    """A round over a list, whose pages are given; the pages that were asked for, and who is gone."""
    pages.begin(wanted)
    asked = []
    while (page := pages.next_page()) is not None:
        asked.append(page)
        found = listed[page - 1] if page <= len(listed) else ""
        pages.took(page, dict.fromkeys(found, LiveState("Active")), more=page < len(listed))
    return asked, pages.end()


def test_reading_ends_when_all_are_found():
    assert read(StreamPages(TARGET), {"a", "d"}, "ab", "cd", "ef") == ([1, 2], set())


def test_the_next_round_asks_where_they_were():
    pages = StreamPages(TARGET)
    read(pages, {"d", "f"}, "ab", "cd", "ef", "gh")

    assert read(pages, {"d", "f"}, "ab", "cd", "ef", "gh") == ([2, 3], set())
    assert read(pages, {"f"}, "ab", "cd", "ef", "gh") == ([3], set())


def test_who_moved_is_looked_for_everywhere():
    pages = StreamPages(TARGET)
    read(pages, {"d", "f"}, "ab", "cd", "ef")

    assert read(pages, {"d", "f"}, "bd", "ef") == ([2, 1], set())


def test_a_shorter_list_is_not_asked_beyond_its_end():
    pages = StreamPages(TARGET)
    read(pages, {"e", "i"}, "ab", "cd", "ef", "gh", "ij")

    assert read(pages, {"e", "i"}, "ab", "cd", "ef") == ([3, 5, 1, 2], set())


def test_who_was_not_found_is_looked_for_from_the_start():
    pages = StreamPages(TARGET)
    read(pages, {"d"}, "ab", "cd", "ef")

    assert read(pages, {"d"}, "ab", "ce", "f") == ([2, 1, 3], set())
    assert read(pages, {"d"}, "ab", "ce", "f") == ([1, 2, 3], {"d"})


def test_who_is_missing_twice_is_gone():
    pages = StreamPages(TARGET)
    read(pages, {"a", "b"}, "ab", "cd")

    assert read(pages, {"a", "b"}, "bc", "d") == ([1, 2], set())
    assert read(pages, {"a", "b"}, "bc", "d") == ([1, 2], {"a"})


def test_who_is_found_again_was_never_gone():
    pages = StreamPages(TARGET)
    read(pages, {"a"}, "ab")
    read(pages, {"a"}, "b")
    read(pages, {"a"}, "ab")

    assert read(pages, {"a"}, "b") == ([1], set())


def test_a_round_that_failed_says_nothing_of_who_is_gone():
    pages = StreamPages(TARGET)
    read(pages, {"a"}, "b")
    pages.begin({"a"})
    pages.failed()

    assert pages.next_page() is None
    assert pages.end() == set()


@pytest.mark.parametrize("fails", [True, False])
def test_a_round_that_ends_before_the_list_says_nothing_either(fails):
    pages = StreamPages(TARGET)
    read(pages, {"a", "d"}, "ab", "cd", "ef")
    for _ in range(2):
        pages.begin({"a", "d"})
        pages.took(2, {"c": LiveState("Active")}, more=False)
        if fails:
            pages.failed()
        assert pages.end() == set()


def test_a_round_that_asked_for_nothing_says_nothing():
    pages = StreamPages(TARGET)
    for _ in range(2):
        pages.begin({"a"})
        assert pages.end() == set()


def test_a_list_without_an_end_ends():
    pages = StreamPages(TARGET)
    pages.begin({"a"})
    asked = 0
    while (page := pages.next_page()) is not None:
        pages.took(page, {"b": LiveState("Active")}, more=True)
        asked += 1

    assert asked == 2
