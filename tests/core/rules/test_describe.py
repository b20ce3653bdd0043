from orchestrator.core.rules import shared_lists
from orchestrator.core.rules.describe import sentences
from tests.core.builders import manifest

WINDOWS = {"night": {"zones": ["UTC"], "hours": "20:00-24:00"}}


def test_a_manifest_without_rules_has_the_breakers_alone():
    assert [rule.partition(" ")[0] for rule in sentences(manifest({"campaign": "cd-1"}))] == ["circuit"]


def test_rules_are_described_in_the_order_they_affect_a_run():
    found = manifest(
        {"campaign": "cd-1", "window": "night"},
        waves=[{"name": "canary", "campaigns": ["st-1/cd-1"], "bake": "10m"}, {"name": "rest"}],
        windows=WINDOWS, windows_wait="90m", stop_when={"failed": 3}, breaker={"opens_after": 7},
    )  # fmt: skip
    wave, window, stop, breaker = sentences(found)

    assert wave.startswith("wave canary: ")
    assert window.startswith("window night: starts leave 20:00-24:00 ")
    assert "a run waits 1 h 30 min at most" in window
    assert stop == "the run stops when 3 failed"
    assert "after 7 lost starts in a row" in breaker


def test_start_times_come_first_in_their_zone_and_in_utc():
    opens = {"at": "2026-12-01T09:00", "zone": "America/New_York"}
    before, after, _ = sentences(manifest({"campaign": "cd-1"}, not_before=opens, not_after="2026-12-01T20:00Z"))

    assert before == (
        "not_before: a run waits until Tue 2026-12-01 09:00 New York time (14:00 UTC), without holding its accounts"
    )
    assert after == ("not_after: nothing starts from Tue 2026-12-01 20:00 UTC on; what has not started by then is held")


def test_what_shared_contact_lists_mean_is_among_the_rules():
    said = sentences(manifest({"campaign": "cd-1"}, same_list="sequence", same_list_wait="2h"))
    assert shared_lists.sentences("sequence", 7200.0)[0] in said
