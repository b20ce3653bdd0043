from dataclasses import replace

from orchestrator.core.journal.states import Event
from orchestrator.core.result.build import build
from orchestrator.core.result.statistics import Range, statistics
from orchestrator.model import Outcome, Stop, StopReason
from tests.core.builders import journal, moved, starts

GOOD = build(journal(starts("cd-1"), moved(Event.INTENT), moved(Event.ACCEPTED)))
BAD = build(journal(starts("cd-1"), moved(Event.INTENT), moved(Event.REJECTED)))
HELD = build(journal(starts("cd-1"), stop=Stop(StopReason.RULE, "3 failed")))


def test_a_range_is_the_least_the_median_and_the_most():
    assert Range.of([9.0, 1.0, 4.0]) == Range(1.0, 4.0, 9.0)
    assert Range.of([7.0]) == Range(7.0, 7.0, 7.0)


def test_rehearsals_differ_in_time_outcomes_and_exit_codes():
    found = statistics([HELD, BAD, GOOD, GOOD], [60.0, 90.0, 30.0, 61.0])

    assert (found.runs, found.seconds) == (4, Range(30.0, 60.5, 90.0))
    assert found.outcomes[Outcome.STARTED] == Range(0, 0.5, 1)
    assert found.outcomes[Outcome.HELD] == Range(0, 0, 1)
    assert set(found.outcomes) == set(Outcome)
    assert list(found.exit_codes.items()) == [(0, 2), (10, 1), (12, 1)]


def test_one_rehearsal_has_a_range_of_nothing():
    found = statistics([replace(GOOD, totals={**GOOD.totals, Outcome.STARTED: 5})], [1.5])

    assert (found.seconds, found.outcomes[Outcome.STARTED]) == (Range(1.5, 1.5, 1.5), Range(5, 5, 5))
