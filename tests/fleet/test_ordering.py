"""Orders of a fleet: what it cannot carry out, and several at once, where another is given while a person is asked."""

import pytest

from orchestrator.clock import SystemClock
from orchestrator.core.journal.records import END, HALT
from orchestrator.core.plan.approvers import NOT_ASKED
from orchestrator.core.plan.selection import Choice
from orchestrator.errors import Refused
from orchestrator.fleet.ordering import Request, check_request, order_launch
from orchestrator.ledger.store import Store
from tests.core.builders import LAUNCH, manifest

RAW = {
    "version": 1, "launch": LAUNCH, "host": "https://sandbox.example", "defaults": {"account": "acme"},
    "accounts": {"acme": {"account_id": "67777c", "client_id": {"env": "ID"}, "client_secret": {"env": "SECRET"}}},
    "campaigns": [{"stream": "st-1", "campaign": "cd-1"}],
}  # fmt: skip


@pytest.fixture
def store(tmp_path):
    opened = Store.open(f"sqlite:///{tmp_path / '.orchestrator' / 'ledger.db'}")
    yield opened
    opened.close()


def parsed(**changes):
    return manifest(**{key: value for key, value in RAW.items() if key not in {"version", "launch"}} | changes)


def request(sha256="a" * 64, max_starts=None):
    return Request(parsed(), "m.yaml", None, sha256, lambda: [RAW], Choice(), no_wait=False, max_starts=max_starts)


def place(store, wanted, meanwhile=lambda: None):
    def confirm(_):
        meanwhile()
        return NOT_ASKED

    return order_launch(store, SystemClock(store.time), wanted, confirm)


def ends(store, kind=END):
    return [record.run_id for record in store.read(LAUNCH) if record.kind == kind]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"limits": {"max_recipients": 5}}, "none of them could count all recipients before the first start"),
        ({"waves": [{"name": "w", "pass": {"sent": "50%"}, "tags": ["a"]}, {"name": "rest"}],
          "campaigns": [{"stream": "st-1", "campaign": "cd-1", "tags": ["a"]}, {"stream": "st-1", "campaign": "cd-2"}]},
         "cannot read them: it has no credentials and holds no account"),
    ],
)  # fmt: skip
def test_a_refusal_says_why_a_fleet_cannot_do_it(changes, why):
    with pytest.raises(Refused, match=why):
        check_request(parsed(**changes))


def test_the_same_order_given_twice_at_once_is_one_order(store):
    first = []
    order, is_new = place(store, request(), lambda: first.append(place(store, request())))

    assert [(order.header.run_id, True)] == [(one.header.run_id, new) for one, new in first]
    assert not is_new
    assert ends(store) == []


def test_of_two_orders_in_place_of_a_third_one_stays(store):
    old, _ = place(store, request("a" * 64))
    other = []

    def meanwhile():
        if not other:
            other.append(place(store, request("b" * 64))[0].header.run_id)

    new, is_new = place(store, request("c" * 64), meanwhile)

    assert is_new
    assert ends(store) == ends(store, HALT) == [old.header.run_id, *other]
    assert place(store, request("c" * 64))[0].header == new.header


def test_an_order_that_is_refused_ends_no_other(store):
    old, _ = place(store, request("a" * 64))

    def refuse():
        raise Refused("nobody agreed")

    with pytest.raises(Refused):
        place(store, request("b" * 64), refuse)

    assert ends(store) == ends(store, HALT) == []
    order, is_new = place(store, request("a" * 64))
    assert (order.header.run_id, is_new) == (old.header.run_id, False)


def test_a_cap_below_the_order_in_progress_is_refused(store):
    place(store, request(max_starts=1))

    with pytest.raises(Refused, match="is already in progress with 1 start, --max-starts allows 0"):
        place(store, request(max_starts=0))
    assert place(store, request(max_starts=1))[1] is False
