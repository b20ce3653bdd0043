"""Waves and stop rules in exact fractions: what a percentage says holds to the last campaign."""

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.manifest import Pass, StopWhen, Wave, parse
from orchestrator.core.stop_rules import tripped
from orchestrator.core.waves import assign, order, shortfall
from orchestrator.model import Outcome
from tests.property.values import manifests, percentages

counts = st.integers(0, 500)


def fraction(text):
    return Fraction(text.removesuffix("%")) / 100


@settings(max_examples=200, deadline=None)
@given(percentages, st.lists(st.sampled_from(Outcome), max_size=60))
def test_a_wave_passes_exactly_if_its_share_of_those_counted_is_started(share, outcomes):
    counted = [outcome for outcome in outcomes if outcome is not Outcome.SKIPPED]
    started = sum(outcome in {Outcome.STARTED, Outcome.ALREADY_STARTED} for outcome in counted)
    short = shortfall(Wave(name="w", pass_=Pass(started=share)), outcomes)
    assert (short is None) is (started >= fraction(share) * len(counted))


@settings(max_examples=200, deadline=None)
@given(percentages, counts, counts, st.integers(1, 20))
def test_a_share_stops_a_run_exactly_from_its_sample_on_and_never_for_nothing(share, count, rest, sample):
    attempted = count + rest
    broken = attempted >= sample and count > 0 and count >= fraction(share) * attempted
    rules = StopWhen(failed=share, min_sample=sample)
    assert (tripped(rules, failed=count, unknown=0, attempted=attempted) is not None) is broken


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 500), counts, counts, counts)
def test_a_count_stops_a_run_exactly_when_it_is_reached(limit, failed, unknown, rest):
    said = tripped(StopWhen(unknown=limit), failed=failed, unknown=unknown, attempted=failed + unknown + rest)
    assert (said is not None) is (unknown >= limit)


@settings(max_examples=60, deadline=None)
@given(manifests(plain=True))
def test_every_campaign_is_in_one_wave_of_the_order_and_no_earlier_wave_names_it(raw):
    manifest, _ = parse(raw)
    assert len(set(order(manifest.waves))) == len(order(manifest.waves))
    for campaign in manifest.campaigns:
        names = [
            wave.name
            for wave in manifest.waves
            if campaign.key in wave.campaigns or set(wave.tags) & set(campaign.tags)
        ]
        assert assign(campaign, manifest.waves) == [*names, "rest"][0]
        assert assign(campaign, manifest.waves) in order(manifest.waves)
