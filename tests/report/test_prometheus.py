from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from orchestrator.model import Outcome, Reason, Stop, StopReason
from orchestrator.report.prometheus import as_prometheus
from tests.report.samples import RUN, campaign, hostile, result_of, small

PREFIX = "campaign_orchestrator_"


def samples(result):
    """All samples, read by somebody else's parser: {(name, labels): value}."""
    return {
        (sample.name.removeprefix(PREFIX), frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(as_prometheus(result))
        for sample in family.samples
    }


def value(found, name, **labels):
    return found[name, frozenset({"launch": "winter-2026", **labels}.items())]


def test_counts_times_and_budget_are_there():
    found = samples(small())

    assert value(found, "campaigns", outcome="started") == 2
    assert value(found, "campaigns_by_reason", account="acme", outcome="failed", reason="rejected") == 1
    assert value(found, "exit_code") == 11
    assert value(found, "run_duration_seconds") == 90.5
    assert value(found, "last_success_timestamp_seconds") == 1772528400.0
    assert value(found, "window_peak_calls", account="beta", window="10/10s") == 10
    assert value(found, "window_limit_calls", account="beta", window="50/60s") == 50
    assert value(found, "throttled_calls", account="acme") == 1


def test_durations_are_a_histogram():
    found = samples(result_of([*small().campaigns, campaign(9, Outcome.STARTED, Reason.ACCEPTED, elapsed_ms=250.0)]))
    buckets = [value(found, "start_duration_seconds_bucket", le=f"{le:g}") for le in (0.1, 0.25, 1, 2.5)]

    assert buckets == [0, 4, 4, 5]
    assert value(found, "start_duration_seconds_bucket", le="+Inf") == 5
    assert value(found, "start_duration_seconds_count") == 5
    assert value(found, "start_duration_seconds_sum") == pytest.approx(3.0705)


def test_no_sample_appears_twice_and_every_line_is_read():
    text = as_prometheus(hostile(2000))
    lines = [line for line in text.split("\n") if line and not line.startswith("#")]

    assert len(samples(hostile(2000))) == len(lines)


def test_a_run_that_was_killed_has_no_end_but_still_every_metric():
    result = result_of([campaign(1, Outcome.HELD, Reason.STOPPED)], stop=Stop(StopReason.CRASHED, "killed"))
    killed = samples(result_of([], stop=Stop(StopReason.CRASHED, "killed")))
    result.run.update(finished_at=None, last_success_at=None)
    found = samples(result)

    assert value(found, "finished_timestamp_seconds") == value(found, "run_duration_seconds") == 0
    assert value(found, "last_success_timestamp_seconds") == 0
    assert {name for name, _ in killed} <= {name for name, _ in found}
    assert RUN["finished_at"]


def families(text):
    """Name, help, type and samples of every metric, in the file's order; a histogram's sum and count in any."""
    found = text_string_to_metric_families(text)
    return [(one.name, one.documentation, one.type, sorted(one.samples, key=lambda s: s.name)) for one in found]


def test_the_file_means_the_same_as_the_handwritten_one():
    """The library sorts labels, writes `2.0` for `2`, and a histogram's count before its sum."""
    before = (Path(__file__).parent / "result.before.prom").read_text(encoding="utf-8")

    assert families(as_prometheus(small())) == families(before)
