"""Rounds of readings, as a follower journals them."""

from orchestrator.core.delivery.delivery import deliveries
from orchestrator.core.delivery.readings import Reading, Round, record_of

BEGUN = 1_780_000_000.0
KEY = "s/c0"


def reading(seconds, status="Active", sent=0, instance="i1", key=KEY):
    return Reading(key, BEGUN + seconds, status, sent, instance)


def round_at(seconds, *readings, unread=(), hours=None, account="acme", stalled_after=600.0):
    return Round(account, BEGUN + seconds, stalled_after, list(readings), frozenset(unread), hours or {})


def records(*rounds, reader="f-1"):
    return [record_of(one, "spring", reader, number, one.began) for number, one in enumerate(rounds, start=1)]


def delivery(*rounds, key=KEY, **options):
    return deliveries(records(*rounds), **options)[key]
