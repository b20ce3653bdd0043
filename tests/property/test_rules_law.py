"""Stop rules, waves and the breaker against exact arithmetic and against what each of them promises."""

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.attempt.verdict import VerdictKind
from orchestrator.core.manifest.models import BreakerRules, Pass, StopWhen, Wave
from orchestrator.core.rules.circuit_breaker import LOST, MOST_TRIPS, Breaker, BreakerState
from orchestrator.core.rules.stop_rules import tripped
from orchestrator.core.rules.waves import assign, baked_at, order, shortfall
from orchestrator.model import Outcome
from tests.core.builders import one

LAWS = settings(max_examples=300)
# As the manifest writes percentages: four decimals at most.
parts = st.integers(1, 1_000_000)
counts = st.integers(0, 5000)


def written(part: int) -> str:
    return f"{part // 10_000}.{part % 10_000:04}%"


@LAWS
@given(parts, counts, counts, st.integers(1, 200))
def test_a_share_stops_a_run_exactly_when_it_is_reached(part, failed, others, least):
    rules = StopWhen(failed=written(part), min_sample=least)
    total = failed + others
    reached = total >= least and failed > 0 and Fraction(failed, total) >= Fraction(part, 1_000_000)
    said = tripped(rules, {"started": others, "failed": failed, "unknown": 0})
    assert (said is not None) == reached


@LAWS
@given(st.integers(1, 100), st.integers(1, 60))
def test_a_share_on_its_boundary_stops_and_one_less_does_not(percent, times):
    total, failed = 100 * times, percent * times
    rules = StopWhen(failed=f"{percent}%", min_sample=total)
    assert tripped(rules, {"started": total - failed, "failed": failed, "unknown": 0}) is not None
    assert tripped(rules, {"started": total - failed + 1, "failed": failed - 1, "unknown": 0}) is None
    assert tripped(rules, {"started": total - failed - 1, "failed": failed, "unknown": 0}) is None or percent == 100


@LAWS
@given(parts, st.lists(st.sampled_from(list(Outcome)), max_size=200))
def test_a_wave_passes_exactly_when_its_share_is_started(part, outcomes):
    wave = Wave(name="canary", pass_=Pass(started=written(part)))
    counted = [o for o in outcomes if o is not Outcome.SKIPPED]
    good = sum(o in {Outcome.STARTED, Outcome.ALREADY_STARTED} for o in counted)
    enough = not counted or Fraction(good, len(counted)) >= Fraction(part, 1_000_000)
    assert (shortfall(wave, outcomes) is None) == enough


tags = st.sets(st.sampled_from(["a", "b", "c", "d"]), max_size=3)
keys = st.sampled_from(["st-1/cd-1", "st-1/cd-2"])


@LAWS
@given(tags, st.lists(st.tuples(tags, st.sets(keys)), max_size=5))
def test_a_campaign_is_in_only_the_first_wave_that_names_it(own, drawn):
    waves = [Wave(name=f"w{n}", tags=tuple(t), campaigns=tuple(k)) for n, (t, k) in enumerate(drawn)]
    campaign = one(tags=sorted(own))
    names = [w.name for w, (t, k) in zip(waves, drawn, strict=True) if not (t or k) or own & t or campaign.key in k]
    assert assign(campaign, waves) == (names[0] if names else "rest")
    assert assign(campaign, waves) in order(waves)


@LAWS
@given(st.lists(st.floats(0, 1e9)), st.floats(0, 86400))
def test_a_bake_runs_from_the_last_start_and_not_without_one(times, bake):
    over = baked_at(Wave(name="canary", bake=bake), times)
    assert all(over >= at + bake for at in times)
    assert over == max(times) + bake if times else over < 0


moves = st.one_of(st.sampled_from(list(VerdictKind)), st.booleans())


@LAWS
@given(st.integers(1, 5), st.lists(moves, max_size=60))
def test_an_open_breaker_stops_all_until_a_read_works(most, drawn):
    breaker, row = Breaker(BreakerRules(opens_after=most)), 0
    for now, move in enumerate(drawn):
        before = breaker
        if isinstance(move, bool):
            breaker = breaker.after_read(worked=move)
        else:
            breaker = breaker.after_start(move, float(now))
            row = row + 1 if move in LOST else 0
        if before.state is BreakerState.OPEN and breaker.state is not BreakerState.OPEN:
            assert move is True
            assert breaker.state is BreakerState.TRIAL
        if breaker.state is BreakerState.CLOSED:
            assert row < most
        assert breaker.admits(0) == (breaker.state is not BreakerState.OPEN)
        assert breaker.admits(1) == (breaker.state is BreakerState.CLOSED)


@LAWS
@given(st.lists(st.booleans(), max_size=40), st.integers(1, 5))
def test_a_lane_of_one_loses_at_most_a_few_starts_in_a_row(answers, most):
    """However long the platform misbehaves, `opens_after` and two trials are all that it costs."""
    breaker, lost = Breaker(BreakerRules(opens_after=most)), 0
    for now, answered in enumerate(answers):
        if breaker.verdict(float(now)) is not None:
            break
        if not breaker.admits(0):
            breaker = breaker.after_read(worked=True)
        lost = 0 if answered else lost + 1
        breaker = breaker.after_start(VerdictKind.ACCEPTED if answered else VerdictKind.INDETERMINATE, float(now))
        assert lost <= most + MOST_TRIPS - 1


def test_a_breaker_gives_up_at_its_time_and_not_before():
    breaker = Breaker(BreakerRules(opens_after=1, gives_up_after="10m")).after_start(VerdictKind.NOT_SENT, 1000.0)
    assert breaker.verdict(1599.9) is None
    assert "no read has worked for 10 min" in str(breaker.verdict(1600.0))
    assert breaker.after_read(worked=True).verdict(1600.0) is None
