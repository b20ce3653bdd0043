import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.journal.states import State
from orchestrator.core.plan.estimate import Estimate, caveats, estimate
from orchestrator.core.plan.plan import Plan
from tests.core.builders import history, key, manifest, planned, ready

ACME = {"account_id": "67777c"}


def parsed(count=3, rate=None, **changes):
    accounts = {"acme": {**ACME, "rate": rate or ["2/10s"]}, "umbrella": {"account_id": "9", "rate": ["1/60s"]}}
    return manifest(*({"campaign": f"cd-{n}"} for n in range(count)), accounts=accounts, **changes)


def ahead(found, reads=None, histories=None):
    live = {campaign.key: ready() for campaign in found.campaigns}
    return estimate(found, planned(found, histories, live), reads or {})


def seconds(found):
    return {campaign: round(at, 1) for campaign, at in found.earliest.items()}


def test_starts_leave_as_early_as_the_windows_let_them():
    assert seconds(ahead(parsed(5))) == {
        "st-1/cd-0": 0.0, "st-1/cd-1": 0.0, "st-1/cd-2": 10.0, "st-1/cd-3": 10.0, "st-1/cd-4": 20.0,
    }  # fmt: skip


def test_preflight_spends_the_same_windows():
    found = ahead(parsed(2), {"acme": 1})
    assert seconds(found) == {"st-1/cd-0": 0.0, "st-1/cd-1": 10.0}
    assert found.calls == {"acme": 3}


def test_an_unlimited_rate_takes_no_time():
    found = ahead(parsed(1000, rate="unlimited"))
    assert found.seconds == 0.0
    assert found.calls == {"acme": 1000}


def test_a_wave_waits_for_all_accounts_of_the_last_and_its_bake():
    accounts = {"acme": {**ACME, "rate": ["2/10s"]}, "umbrella": {"account_id": "9", "rate": ["1/60s"]}}
    found = manifest(
        {"campaign": "cd-0", "tags": ["canary"]}, {"campaign": "cd-1", "tags": ["canary"], "account": "umbrella"},
        {"campaign": "cd-2", "tags": ["canary"], "account": "umbrella"}, {"campaign": "cd-3"},
        accounts=accounts, waves=[{"name": "canary", "tags": ["canary"], "bake": "10m"}],
    )  # fmt: skip
    assert ahead(found).earliest[key("cd-2")] == pytest.approx(60, abs=0.1)
    assert ahead(found).earliest[key("cd-3")] == pytest.approx(660, abs=0.1)
    assert ahead(found).seconds == pytest.approx(660, abs=0.1)


def test_nothing_waits_for_the_bake_of_a_last_or_an_idle_wave():
    waves = [{"name": "canary", "campaigns": ["st-1/cd-0"], "bake": "10m"}, {"name": "rest", "bake": "5m"}]
    assert ahead(parsed(2, waves=waves)).seconds == pytest.approx(600, abs=0.1)
    assert ahead(parsed(2, waves=waves), histories={key("cd-0"): history(State.STARTED)}).seconds == 0.0


def test_waits_of_less_than_a_second_are_waited_for():
    assert ahead(parsed(5, rate=["1/500ms"])).seconds == pytest.approx(2.0, abs=0.1)


def test_a_plan_without_campaigns_is_over_at_once():
    assert estimate(parsed(), Plan("spring", (), (), {}, ""), {"acme": 3}) == Estimate({}, {}, 0.0)


def test_judging_costs_two_calls_and_what_is_skipped_none():
    histories = {key("cd-0"): history(State.SUSPECT), key("cd-1"): history(State.STARTED)}
    found = ahead(parsed(3), histories=histories)
    assert found.calls == {"acme": 3}
    assert list(found.earliest) == ["st-1/cd-2"]


def test_a_plan_of_nothing_takes_nothing():
    empty = {key(f"cd-{n}"): history(State.STARTED) for n in range(3)}
    assert ahead(parsed(3), histories=empty).seconds == 0.0


@settings(max_examples=30)
@given(st.integers(1, 60), st.integers(1, 8), st.integers(1, 60), st.integers(0, 5))
def test_no_window_overflows_and_no_start_could_be_earlier(count, limit, span, reads):
    found = ahead(parsed(count, rate=[f"{limit}/{span}s"]), {"acme": reads})
    times = [0.0] * min(reads, limit) + sorted(found.earliest.values())
    for early, late in zip(times, times[limit:], strict=False):
        assert late - early >= span
    assert found.seconds <= (count + reads - 1) // limit * (span * 1.001 + 0.1)


def noted(*live, **changes):
    found = manifest(*({"campaign": f"cd-{n}"} for n in range(len(live))), **changes)
    return caveats(found, planned(found, live={key(f"cd-{n}"): state for n, state in enumerate(live)}))


def test_starts_without_a_dnc_list_are_named():
    bare, safe = ready(), ready(dnc_lists=("stop",))
    assert noted(bare, safe)[0].startswith("1 of 2 have no DNC list (st-1/cd-0);")
    assert "(st-1/cd-0, st-1/cd-1, st-1/cd-2)" in noted(bare, bare, bare)[0]
    assert "(st-1/cd-0, st-1/cd-1, st-1/cd-2, ...)" in noted(bare, bare, bare, bare)[0]
    assert not any("DNC list (" in note for note in noted(safe))


def test_what_was_not_looked_at_is_said():
    assert noted(ready(dnc_lists=("stop",))) == (
        "not checked: calling hours, sender number, messages per minute, whether messages go out",
    )
    unlisted = "schedules, contact lists, DNC lists, calling hours"
    assert noted(ready(), preflight={"check": "status"})[0].startswith(f"not checked: {unlisted}")
    assert noted(ready(), preflight={"check": "off"})[0].startswith(f"not checked: live state, {unlisted}")


def test_dnc_lists_that_a_read_by_id_left_out_are_unknown():
    bare, unread, safe = ready(), ready(names_instance=False), ready(names_instance=False, dnc_lists=("stop",))
    named, unchecked = noted(bare, unread, safe)
    assert named == "1 of 3 have no DNC list (st-1/cd-0); the global one does not apply to SMS"
    assert unchecked.startswith("not checked: DNC lists of 1 campaign read by id, calling hours, ")


def test_times_that_windows_may_put_off_are_said_to():
    windows = {"day": {"zones": ["UTC"], "hours": "09:00-20:00"}}
    found = manifest({"campaign": "cd-0", "window": "day"}, windows=windows)
    notes = caveats(found, planned(found, live={key("cd-0"): ready(dnc_lists=("stop",))}))
    assert notes[1:] == ("the earliest starts do not count windows",)


def test_a_plan_without_starts_has_nothing_to_say():
    assert noted(ready(status="Active")) == ()
