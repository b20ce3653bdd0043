"""Waves that wait for the texting of others, in a plan: from when on they start, or which wave they wait for."""

from dataclasses import replace

import pytest

from orchestrator.core.journal.states import State
from orchestrator.core.plan.delivery_gates import Gate
from orchestrator.core.plan.estimate import estimate
from tests.core.builders import history, key, manifest, planned, ready

MINUTE = 60.0


def ahead(asked, *, rate=600, recipients=(1200, 600, 600), histories=None, **wave):
    """Two campaigns of a canary, one of the rest, by an account that texts 600 a minute."""
    account = {"account_id": "67777c", "rate": "unlimited", **({"messages_per_minute": rate} if rate else {})}
    found = manifest(
        {"campaign": "cd-0", "tags": ["canary"]}, {"campaign": "cd-1", "tags": ["canary"]}, {"campaign": "cd-2"},
        accounts={"acme": account},
        waves=[{"name": "canary", "tags": ["canary"], "pass": asked, **wave}, {"name": "rest"}],
    )  # fmt: skip
    plan = planned(found, histories, {one.key: ready() for one in found.campaigns})
    entries = tuple(replace(entry, recipients=count) for entry, count in zip(plan.entries, recipients, strict=True))
    return estimate(found, replace(plan, entries=entries), {})


@pytest.mark.parametrize(
    ("asked", "minutes"),
    [
        ({"completed": "100%"}, 3),  # 1,800 messages
        ({"completed": "50%"}, 2),  # the smaller one, while they share
        ({"sent": "50%"}, 1.5),
        ({"sent": "100%", "completed": "50%"}, 3),
    ],
)
def test_a_wave_starts_once_the_one_before_has_texted(asked, minutes):
    found = ahead(asked)
    assert found.earliest[key("cd-1")] == 0.0
    assert found.earliest[key("cd-2")] == pytest.approx(minutes * MINUTE)
    assert found.waits_for(["canary", "rest"]) == {}


def test_a_bake_and_texting_pass_at_the_same_time():
    assert ahead({"completed": "100%"}, bake="10m").earliest[key("cd-2")] == pytest.approx(10 * MINUTE)
    assert ahead({"completed": "100%"}, bake="1m").earliest[key("cd-2")] == pytest.approx(3 * MINUTE)


@pytest.mark.parametrize("changes", [{"rate": None}, {"recipients": (1200, None, 600)}])
def test_texting_that_cannot_be_forecast_is_named_instead(changes):
    found = ahead({"completed": "100%"}, **changes)
    assert found.waits_for(["canary", "rest", "last"]) == {"rest": "canary", "last": "canary"}
    assert found.texting.end is None


def test_what_an_earlier_run_started_is_waited_for_as_well():
    histories = {key("cd-0"): history(State.STARTED), key("cd-1"): history(State.STARTED)}
    assert ahead({"completed": "100%"}, histories=histories).waits_for(["rest"]) == {"rest": "canary"}


def test_a_wave_without_such_a_rule_keeps_nobody_waiting():
    found = ahead({"started": "100%"})
    assert found.gates == ()
    assert found.earliest[key("cd-2")] == 0.0


def test_a_texting_that_takes_longer_than_its_wave_may_is_said():
    assert Gate("canary", "rest", 600.0, 0.0, 3600.0).sentence(0.0) == (
        "wave rest opens after wave canary has texted as its pass asks, about 00:10 UTC"
    )
    late = Gate("canary", "rest", 600.0, 0.0, 300.0).sentence(0.0)
    assert late.endswith("; its pass waits for 5 min at most, and the rest would be held")
    unknown = Gate("canary", "rest", None, 0.0, 300.0).sentence(0.0)
    assert unknown.endswith("; when that is cannot be forecast")
