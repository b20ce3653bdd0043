"""What a person reads at the end of a run."""

from orchestrator.console.summary import status_json, summary
from orchestrator.core.journal.states import Event
from orchestrator.core.result.build import build
from tests.core.builders import journal, moved, record, starts
from tests.report.samples import result_of, small

WAVES = "\nwaves:\n  canary: passed\n  rest: cut short (1 of 6 campaigns was held)\n"


def test_a_summary_says_how_every_wave_went():
    assert WAVES in summary(small())


def test_without_waves_the_rest_is_not_worth_a_line():
    (_, rest) = small().waves
    assert "waves:" not in summary(result_of([], waves=[rest]))


def going_on():
    """Two campaigns started, one of them lost its answer and was judged; one is in flight, two wait."""
    moves = [
        record("intent"), moved(Event.ACCEPTED),
        record("intent", campaign="st-1/cd-2"), moved(Event.INDETERMINATE, campaign="st-1/cd-2", message="HTTP 500"),
        moved(Event.NO_EVIDENCE, campaign="st-1/cd-2", message="no evidence"),
        record("intent", campaign="st-1/cd-3"),
    ]  # fmt: skip
    return build(journal(starts(*(f"cd-{n}" for n in range(1, 6))), *moves, ended=False), live="r-1")


def test_a_run_that_goes_on_is_shown_as_it_stands():
    assert summary(going_on(), is_live=True) == (
        "launch spring, run r-1: 1 started, 1 unknown, 1 in flight, 2 waiting\n"
        "Sandbox: nothing was sent\n"
        "\n"
        "account  started  unknown  in flight  waiting  calls  throttled\n"
        "acme           1        1          1        2      -          -\n"
        "\n"
        "in flight:\n"
        "  st-1/cd-3 (in_flight) its start is on its way\n"
        "\n"
        "unknown:\n"
        "  st-1/cd-2 (no_evidence) HTTP 500; no evidence\n"
        "\n"
        "the run is going on\n"
    )


def test_a_machine_reads_how_a_run_that_goes_on_stands():
    data = status_json(going_on(), is_live=True)
    assert [row["outcome"] for row in data["campaigns"]] == ["started", "unknown", "in_flight", "waiting", "waiting"]
    assert {word: count for word, count in data["totals"].items() if count} == {
        "started": 1, "unknown": 1, "in_flight": 1, "waiting": 2,
    }  # fmt: skip
    assert (data["is_live"], data["run"]["exit_code"], data["run"]["stop"]) == (True, None, None)
    assert {row["next"] for row in data["campaigns"]} == {None}
