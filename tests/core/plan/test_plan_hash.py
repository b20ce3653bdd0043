import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.plan import plan_hash as identity

TEXTS = st.text(max_size=20) | st.just('"starts":[]')
FACTS = st.dictionaries(TEXTS.filter(lambda key: key != "starts"), TEXTS | st.lists(TEXTS, max_size=3), max_size=5)


@given(FACTS, st.lists(st.dictionaries(TEXTS, TEXTS, max_size=3), max_size=5), st.integers(1, 3))
def test_a_streamed_hash_is_that_of_the_whole(facts, starts, together):
    before, identity._CHUNK_SIZE = identity._CHUNK_SIZE, together
    try:
        assert identity.streamed_sha256(facts, iter(starts)) == identity.sha256({**facts, "starts": starts})
    finally:
        identity._CHUNK_SIZE = before


@pytest.mark.parametrize("facts", [{"a": "\ud83d"}, {"tool": "\ud83d"}])
def test_half_a_letter_from_a_server_does_not_cost_the_hash(facts):
    starts = [{"name": "\udc00"}]

    assert identity.streamed_sha256(facts, starts) == identity.sha256({**facts, "starts": starts})


def test_starts_are_read_some_at_a_time():
    """A million are never there at once."""
    alive, most = weakref.WeakSet(), 0

    def starts():
        nonlocal most
        for number in range(5000):
            one = Start(n=number)
            alive.add(one)
            most = max(most, len(alive))
            yield one

    identity.streamed_sha256({}, starts())

    assert most <= 2 * identity._CHUNK_SIZE + 1


class Start(dict):
    """A mapping that can be counted."""

    __hash__ = object.__hash__


def of(content):
    return {"starts": [{"stream": "s", "campaign": "c", "content": content}]}


@pytest.mark.parametrize(
    ("before", "now", "held", "refused"),
    [
        ({"message": "a1"}, {"message": "a1"}, (), ()),
        ({"message": "a1"}, {"message": "b2"}, ("message",), ("message",)),
        ({"message": "a1"}, {}, ("message",), ("message",)),
        ({}, {"message": "b2"}, (), ("message",)),  # what nobody approved is no change, and no approval
        ({}, {"list sizes": "b2"}, (), ()),
        ({"list sizes": "a1"}, {"list sizes": "b2"}, ("list sizes",), ("list sizes",)),
    ],
)
def test_what_counts_as_changed_since_the_plan(before, now, held, refused):
    assert identity.content_changes(of(before), of(now)) == ({"s/c": held} if held else {})
    assert identity.content_changes(of(before), of(now), is_binding=True) == ({"s/c": refused} if refused else {})
    assert identity.drift(of(before), of(now)) == []  # that is another question
    assert identity.content_changes({}, of(now), is_binding=True) == {}
