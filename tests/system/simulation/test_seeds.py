import os
import subprocess
import sys
from contextlib import nullcontext

import pytest

from orchestrator.sandbox.platform import Hazard
from tests.paths import ROOT
from tests.system.simulation import checkers
from tests.system.simulation.checkers import Broken, SendWatch, WindowCounter
from tests.system.simulation.world import simulate


def days(*options, **environment):
    return subprocess.run(
        [sys.executable, "-m", "tests.system.simulation", *options],
        cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, **environment},
    )  # fmt: skip


def test_two_thousand_days_break_no_promise():
    done = days("--seeds", "2000")
    print(done.stdout)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.soak
def test_as_many_days_more_as_are_asked_for_break_no_promise():
    done = days("--seeds", os.environ.get("SEEDS", "20000"), "--first", "2000")
    print(done.stdout)

    assert done.returncode == 0, done.stdout + done.stderr


def test_a_day_can_be_repeated_exactly():
    """Whatever order the hashes of this process give to sets."""
    seeds = (3, 27, 93, 1183)
    here = {seed: simulate(seed).trace[:16] for seed in seeds}
    there = {seed: days("--seed", str(seed), PYTHONHASHSEED="7").stdout.split()[-1] for seed in seeds}

    assert here == there


# The checkers see what they are there to see.


def test_one_call_too_many_is_seen():
    counter = WindowCounter([(2, 10.0)])
    counter.arrived(0.0, "one")
    counter.arrived(3.0, "two")
    with pytest.raises(Broken, match="P2"):
        counter.arrived(9.9, "three")


def test_a_full_window_is_no_fault():
    counter = WindowCounter([(2, 10.0)])
    for at in (0.0, 3.0, 10.0, 13.0, 20.0):
        counter.arrived(at, "a call")


class Line:
    def __init__(self, kind, attempt=1, campaign="s/c", run_id="r", **data):
        self.kind, self.attempt, self.campaign, self.run_id, self.data = kind, attempt, campaign, run_id, data


def watching(*lines):
    watch = SendWatch()
    for line in lines:
        watch.committed(line)
    return watch


def test_a_start_without_an_intent_is_seen():
    with pytest.raises(Broken, match="P5"):
        watching().sent(0.0, "r", "s/c", 1, signalled=False)


def test_a_start_after_a_signal_is_seen():
    with pytest.raises(Broken, match="P8"):
        watching(Line("intent")).sent(0.0, "r", "s/c", 1, signalled=True)


@pytest.mark.parametrize(
    ("status", "text"), [(502, ""), (None, ""), (200, ""), (409, ""), (503, "exceeded the per-minute rate limit")]
)
def test_a_second_start_after_a_possible_delivery_is_seen(status, text):
    watch = watching(Line("intent"), Line("intent", 2))
    watch.sent(0.0, "r", "s/c", 1, signalled=False)
    watch.answered("r", "s/c", status, text)
    with pytest.raises(Broken, match="P1"):
        watch.sent(1.0, "r", "s/c", 2, signalled=False)


@pytest.mark.parametrize(
    ("status", "text"), [(429, ""), (401, ""), (302, ""), (418, "Rate limit for this API has been reached")]
)
def test_a_second_start_after_one_that_was_refused_is_none(status, text):
    watch = watching(Line("intent"), Line("intent", 2))
    watch.sent(0.0, "r", "s/c", 1, signalled=False)
    watch.answered("r", "s/c", status, text)
    watch.sent(1.0, "r", "s/c", 2, signalled=False)


def test_a_persons_word_allows_one_more_start():
    watch = watching(Line("intent"))
    watch.sent(0.0, "r", "s/c", 1, signalled=False)
    watch.committed(Line("resolve", event="resolved_not_started"))
    watch.committed(Line("intent", 2))
    watch.sent(1.0, "r", "s/c", 2, signalled=False)
    watch.committed(Line("intent", 3))
    with pytest.raises(Broken, match="P1"):
        watch.sent(2.0, "r", "s/c", 3, signalled=False)


def result(outcome, reason="accepted", exit_code=0, stop=None):
    campaign = {"stream": "s", "campaign": "c", "outcome": outcome, "reason": reason}
    return {"campaigns": [campaign], "totals": {outcome: 1}, "run": {"exit_code": exit_code, "stop": stop}}


@pytest.mark.parametrize(
    ("told", "lines"),
    [
        (result("started"), [Line("intent"), Line("verdict", event="indeterminate"), Line("no_evidence")]),
        (result("failed", "rejected", 10), [Line("intent"), Line("verdict", event="indeterminate")]),
        (result("held", "stopped", 12), [Line("intent")]),
        (result("unknown", "no_evidence", 11), [Line("intent"), Line("verdict", event="accepted")]),
        (result("started", exit_code=10), [Line("intent"), Line("verdict", event="accepted")]),
        (result("unknown", "no_evidence", 12), [Line("intent")]),
    ],
)
def test_a_report_that_the_journal_contradicts_is_seen(told, lines):
    with pytest.raises(Broken, match="P3"):
        checkers.check_result(told, ["s/c"], lines)


def test_a_report_without_a_campaign_is_seen():
    with pytest.raises(Broken, match="P3"):
        checkers.check_result(result("started"), ["s/c", "s/d"], [Line("intent"), Line("verdict", event="accepted")])


@pytest.mark.parametrize(("outcome", "acted"), [("started", set()), ("failed", {"s/c"}), ("held", {"s/c"})])
def test_a_report_that_the_platform_contradicts_is_seen(outcome, acted):
    with pytest.raises(Broken, match="P4"):
        checkers.check_truth(result(outcome), acted, set())


def test_an_unknown_out_of_sight_is_seen():
    unseen = {"campaigns": [], "totals": {}, "run": {"exit_code": 0, "stop": None}}
    checkers.check_in_sight(unseen, [Line("intent"), Line("verdict", event="accepted")])
    with pytest.raises(Broken, match="P4"):
        checkers.check_in_sight(unseen, [Line("intent")])


@pytest.mark.parametrize(("message", "is_seen"), [("nothing was found", True), ("HTTP 409; nothing was found", False)])
def test_lost_words_of_the_platform_are_seen(message, is_seen):
    told = result("unknown", "no_evidence", 11)
    told["campaigns"][0]["message"] = message
    lines = [Line("intent"), Line("verdict", event="indeterminate", message="HTTP 409"), Line("no_evidence")]
    with pytest.raises(Broken, match="P4") if is_seen else nullcontext():
        checkers.check_words(told, lines)


@pytest.mark.parametrize(("account", "is_seen"), [("a1", True), ("a0", False)])
def test_a_held_campaign_that_names_another_account_is_seen(account, is_seen):
    told = result("held", "stopped", 12)
    told["campaigns"][0] |= {"account": account, "message": "not started: account a0: its lease was lost"}
    with pytest.raises(Broken, match="P3") if is_seen else nullcontext():
        checkers.check_held(told)


def test_a_lost_answer_is_seen():
    watch = watching(Line("intent"))
    watch.sent(0.0, "r", "s/c", 1, signalled=False)
    watch.answered("r", "s/c", 200, "")

    checkers.check_kept(watch.sends, "r", [Line("verdict", event="accepted")], [])
    with pytest.raises(Broken, match="P3"):
        checkers.check_kept(watch.sends, "r", [Line("intent")], [])


@pytest.mark.parametrize(("by_people", "is_seen"), [(set(), True), ({"s/c"}, False), ({"s/other"}, False)])
def test_two_campaigns_at_a_time_on_a_contact_list_are_seen(by_people, is_seen):
    hazards = [Hazard("duplicate", "a", "s", "c", 0.0), Hazard("shared_list", "a", "s", "c", 1.0, "other")]
    with pytest.raises(Broken, match="lists") if is_seen else nullcontext():
        checkers.check_lists(hazards, by_people)
