from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core import identity

TEXTS = st.text(max_size=20) | st.just('"starts":[]')
FACTS = st.dictionaries(TEXTS.filter(lambda key: key != "starts"), TEXTS | st.lists(TEXTS, max_size=3), max_size=5)


@given(FACTS, st.lists(st.dictionaries(TEXTS, TEXTS, max_size=3), max_size=5), st.integers(1, 3))
def test_a_streamed_hash_is_that_of_the_whole(facts, starts, together):
    before, identity._TOGETHER = identity._TOGETHER, together
    try:
        assert identity.streamed_sha256(facts, iter(starts)) == identity.sha256({**facts, "starts": starts})
    finally:
        identity._TOGETHER = before
