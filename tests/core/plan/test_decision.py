from orchestrator.core.plan.decision import START, Action, Decision, by_live_state, changed
from orchestrator.model import Outcome, Reason
from tests.core.builders import manifest, ready


def decided(rerun, live):
    parsed = manifest({"campaign": "cd-1", "rerun": rerun})
    return by_live_state(parsed.campaigns[0], live, parsed)


def test_what_was_edited_after_it_was_planned_is_held():
    assert changed("its message") == Decision(Action.SKIP, Outcome.HELD, Reason.CHANGED, "its message")


def test_only_a_start_with_rerun_true_is_told_to_text_again():
    live = ready(status="Stopped", instance_id="cid-7")
    assert decided({"instance": "cid-7"}, live) == START
    assert decided(True, live).message  # noqa: FBT003
