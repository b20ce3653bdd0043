"""What a person reads at the end of a run."""

from orchestrator.console.summary import status_json, summary
from orchestrator.core.journal.states import Event
from orchestrator.core.result.build import build
from orchestrator.model import Stop, StopReason
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
        "recipients: unknown (1 campaign)\n"
        "\n"
        "account  started  unknown  in flight  waiting  calls  throttled\n"
        "acme           1        1          1        2      -          -\n"
        "\n"
        "in flight:\n"
        "  Name of cd-3 (st-1/cd-3): its start is on its way\n"
        "\n"
        "unknown:\n"
        "  Name of cd-2 (st-1/cd-2): HTTP 500; no evidence\n"
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


def test_the_end_has_its_codes_meaning_its_time_and_its_starts():
    """An earlier run's start is none of this run's."""
    moves = [
        record("intent"), moved(Event.ACCEPTED, sent_at=101.0),
        record("intent", campaign="st-1/cd-2"), moved(Event.ACCEPTED, campaign="st-1/cd-2", sent_at=130.0),
        record("intent", campaign="st-1/cd-3"), moved(Event.ACCEPTED, campaign="st-1/cd-3", sent_at=3.0),
    ]  # fmt: skip
    lines = summary(build(journal(starts("cd-1", "cd-2", "cd-3"), *moves))).splitlines()
    assert lines[:4] == [
        "launch spring, run r-1: 3 started",
        "Sandbox: nothing was sent",
        "exit code 0: all selected campaigns are started",
        "took 14 min 10 s; first start 1970-01-01 00:01:41, last 00:02:10 UTC",
    ]


def test_held_campaigns_are_counted_by_their_reason_names_first():
    stop = Stop(StopReason.RULE, "4 are unknown")
    held = summary(build(journal(starts(*(f"cd-{n}" for n in range(1, 6))), stop=stop))).split("held:\n")[1]
    assert held.splitlines()[:2] == [
        "  5 stopped: not started: 4 are unknown",
        "    Name of cd-1 (st-1/cd-1), Name of cd-2 (st-1/cd-2), Name of cd-3 (st-1/cd-3), and 2 more",
    ]
