"""What a person reads at the end of a run."""

from orchestrator.console.summary import summary
from tests.report.samples import result_of, small

WAVES = "\nwaves:\n  canary: passed\n  rest: cut short (1 of 6 campaigns was held)\n"


def test_a_summary_says_how_every_wave_went():
    assert WAVES in summary(small())


def test_without_waves_the_rest_is_not_worth_a_line():
    (_, rest) = small().waves
    assert "waves:" not in summary(result_of([], waves=[rest]))
