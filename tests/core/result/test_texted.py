import pytest

from orchestrator.core.result.texted import texts
from orchestrator.core.result.types import WaveVerdict, wave_verdict
from orchestrator.model import Outcome, Reason


@pytest.mark.parametrize(
    ("outcome", "reason", "is_texted"),
    [
        (Outcome.STARTED, Reason.OPEN_INTENT, True),
        (Outcome.ALREADY_STARTED, Reason.JOURNAL, True),  # by an earlier run of the launch
        (Outcome.ALREADY_STARTED, Reason.LIVE_STATE, False),  # by somebody else
        (Outcome.FAILED, Reason.JOURNAL, False),
        (Outcome.SKIPPED, Reason.DISABLED, False),
    ],
)
def test_only_what_this_launch_started_is_texted(outcome, reason, is_texted):
    assert texts(outcome, reason) is is_texted


@pytest.mark.parametrize(
    ("journaled", "verdict"),
    [
        ({"verdict": "cut_short", "passed": False}, WaveVerdict.CUT_SHORT),
        ({"passed": True}, WaveVerdict.PASSED),  # journals of earlier versions
        ({"passed": False}, WaveVerdict.NOT_PASSED),
    ],
)
def test_a_wave_has_the_verdict_that_was_journaled(journaled, verdict):
    assert wave_verdict(journaled) is verdict
