from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.journal.states import State
from orchestrator.core.plan.estimate import Estimate, caveats, estimate, start_notes
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
    assert noted(bare, safe)[0].startswith("1 of 2 campaigns has no DNC list (st-1/cd-0);")
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
    assert named == "1 of 3 campaigns has no DNC list (st-1/cd-0); the global one does not apply to SMS"
    assert unchecked.startswith("not checked: DNC lists of 1 campaign read by id, calling hours, ")


MONDAY = datetime(2026, 11, 30, 12, tzinfo=UTC).timestamp()
DAY = {"day": {"zones": ["America/New_York"], "hours": "09:00-20:00"}}  # 14:00 to 01:00 UTC


def at(text):
    return datetime.fromisoformat(text).timestamp()


def dated(found, now=MONDAY, start=None):
    live = {campaign.key: ready() for campaign in found.campaigns}
    ahead = estimate(found, planned(found, live=live), {}, now, start)
    return ahead, {key.partition("/")[2]: ahead.begins + seconds for key, seconds in ahead.earliest.items()}


def test_earliest_starts_wait_for_windows_while_others_leave():
    found = manifest({"campaign": "cd-0", "window": "day"}, {"campaign": "cd-1"}, windows=DAY)
    ahead, starts = dated(found)
    assert starts == {"cd-0": at("2026-11-30T14:00:00Z"), "cd-1": MONDAY}
    assert (ahead.seconds, ahead.is_dated, ahead.held) == (7200.0, True, {})
    assert not dated(manifest({"campaign": "cd-0"}))[0].is_dated
    assert not dated(manifest({"campaign": "cd-0", "window": "day", "enabled": False}, windows=DAY))[0].is_dated


def test_a_window_that_opens_too_late_is_held_with_the_reason():
    found = manifest({"campaign": "cd-0", "window": "day"}, {"campaign": "cd-1"}, windows=DAY, windows_wait="1h")
    ahead, starts = dated(found)
    assert starts == {"cd-1": MONDAY}
    why = "window day is closed until 2026-11-30T14:00:00.000Z; a run waits 1 h at most (windows_wait)"
    assert ahead.held == {key("cd-0"): why}
    assert start_notes(ahead) == [f"a run holds 1 campaign: {why}"]
    alone, starts = dated(manifest({"campaign": "cd-0", "window": "day"}, windows=DAY, windows_wait="1h"))
    assert (starts, alone.held) == ({}, {key("cd-0"): why})


def test_each_window_is_judged_when_the_run_begins():
    late = {"late": {"zones": ["UTC"], "hours": "16:00-20:00"}}
    found = manifest(
        {"campaign": "cd-0", "window": "day"}, {"campaign": "cd-1", "window": "late"},
        windows=DAY | late, windows_wait="3h",
    )  # fmt: skip
    ahead, starts = dated(found)
    assert starts == {"cd-0": at("2026-11-30T14:00:00Z")}
    assert list(ahead.held) == [key("cd-1")]


def test_not_before_a_bake_and_a_window_add_up():
    opens = {"at": "2026-12-01T08:30", "zone": "America/New_York"}
    found = manifest(
        {"campaign": "cd-0", "tags": ["canary"]}, {"campaign": "cd-1", "window": "day"}, {"campaign": "cd-2"},
        windows=DAY, not_before=opens, waves=[{"name": "canary", "tags": ["canary"], "bake": "10m"}],
    )  # fmt: skip
    ahead, starts = dated(found, start=found.not_before)
    assert starts == {
        "cd-0": at("2026-12-01T13:30:00Z"), "cd-2": at("2026-12-01T13:40:00Z"), "cd-1": at("2026-12-01T14:00:00Z"),
    }  # fmt: skip
    assert (ahead.begins, ahead.seconds) == (at("2026-12-01T13:30:00Z"), 1800.0)


def test_what_would_start_from_not_after_on_is_held():
    rate = {"acme": {**ACME, "rate": ["2/10s"]}}
    found = manifest(
        *({"campaign": f"cd-{n}"} for n in range(5)), {"campaign": "cd-5", "window": "day"},
        accounts=rate, windows=DAY, not_after="2026-11-30T12:00:15Z",
    )  # fmt: skip
    ahead, starts = dated(found)
    assert sorted(starts) == ["cd-0", "cd-1", "cd-2", "cd-3"]
    assert max(starts.values()) < at("2026-11-30T12:00:15Z")
    assert ahead.held == {
        key("cd-4"): "not_after is Mon 2026-11-30 12:00:15 UTC: nothing starts from then on, unless it is changed",
        key("cd-5"): "window day is closed until 2026-11-30T14:00:00.000Z; "
        "not_after is Mon 2026-11-30 12:00:15 UTC: nothing starts from then on, unless it is changed",
    }


def test_of_what_may_leave_the_first_of_the_manifest_goes_first():
    rate = {"acme": {**ACME, "rate": ["1/10s"]}}
    found = manifest(
        {"campaign": "cd-2", "window": "day"}, {"campaign": "cd-1"}, {"campaign": "cd-0", "window": "day"},
        accounts=rate, windows=DAY,
    )  # fmt: skip
    _, starts = dated(found, now=at("2026-11-30T15:00:00Z"))
    assert [round(starts[f"cd-{n}"] - at("2026-11-30T15:00:00Z")) for n in (2, 1, 0)] == [0, 10, 20]


def test_an_open_window_ends_with_not_after():
    rate = {"acme": {**ACME, "rate": ["2/10s"]}}
    found = manifest(
        *({"campaign": f"cd-{n}", "window": "day"} for n in range(3)),
        accounts=rate, windows=DAY, not_after="2026-11-30T15:00:05Z",
    )  # fmt: skip
    ahead, starts = dated(found, now=at("2026-11-30T15:00:00Z"))
    assert sorted(starts) == ["cd-0", "cd-1"]
    assert ahead.held == {
        key("cd-2"): "not_after is Mon 2026-11-30 15:00:05 UTC: nothing starts from then on, unless it is changed"
    }


def test_a_plan_without_starts_has_nothing_to_say():
    assert noted(ready(status="Active")) == ()
