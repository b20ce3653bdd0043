from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from orchestrator.core.manifest.start_times import StartTime
from orchestrator.core.plan.estimate import start_of, texting
from orchestrator.core.plan.texting import NO_FORECAST, Batch, forecast, plan_forecast, shared_ends
from orchestrator.model import CallingHours
from tests.core.builders import key, manifest, planned, ready

NEW_YORK = ZoneInfo("America/New_York")


def at(hour, minute=0, day=4, zone=NEW_YORK):
    return datetime(2026, 3, day, hour, minute, tzinfo=zone).timestamp()


def batch(campaign, recipients, *, starts=None, **more):
    return Batch(f"st/{campaign}", "acme", at(17) if starts is None else starts, recipients, **more)


@pytest.mark.parametrize(
    ("campaigns", "ends"),
    [
        ([(0.0, 100)], [100.0]),
        ([(0.0, 100), (0.0, 100)], [200.0, 200.0]),
        # The second has half the rate until the first is done at 150, and the whole rate from then on.
        ([(0.0, 100), (50.0, 100)], [150.0, 200.0]),
        ([(0.0, 10), (50.0, 10)], [10.0, 60.0]),
        # At 50 both have sent 25; all three share until 80, and the two have 65 left each.
        ([(0.0, 100), (0.0, 100), (50.0, 10)], [210.0, 210.0, 80.0]),
        ([(0.0, 0), (5.0, 3)], [0.0, 8.0]),
        ([], []),
    ],
)
def test_running_campaigns_share_their_accounts_rate(campaigns, ends):
    assert shared_ends(campaigns, 1.0) == pytest.approx(ends)
    # Four times as many messages at four times the rate.
    assert shared_ends([(at, 4 * messages) for at, messages in campaigns], 4.0) == pytest.approx(ends)


def test_a_forecast_names_the_end_and_what_runs_past_its_hours():
    hours = {"zone": "America/New_York", "closes": at(20)}
    batches = [batch("a", 1200, **hours), batch("b", 6000, **hours), batch("c", 7200, **hours)]
    told = forecast(batches, {"acme": 60})

    # 3 share 60 a minute: a is done at 18:00, b at 20:40, c at 21:00.
    assert [told.ends[f"st/{one}"] for one in "abc"] == pytest.approx([at(18), at(20, 40), at(21)])
    assert told.sentences() == ("texting ends about 21:00 New York time; 2 campaigns run past 20:00",)
    assert told.as_json() == {
        "ends_at": "2026-03-05T02:00:00.000Z",
        "late": ["st/b", "st/c"],
        "unknown": 0,
        "campaigns": {
            "st/a": "2026-03-04T23:00:00.000Z",
            "st/b": "2026-03-05T01:40:00.000Z",
            "st/c": "2026-03-05T02:00:00.000Z",
        },
    }


def test_unknown_recipients_are_counted_and_not_forecast():
    told = forecast([batch("a", 60), batch("b", None)], {"acme": 60})
    assert told.sentences() == (
        "texting ends about 22:01 UTC; not counted: 1 campaign with an unknown number of recipients",
    )


def test_an_end_on_another_day_is_named_with_its_day():
    hours = {"zone": "America/New_York", "closes": at(20)}

    assert forecast([batch("a", 14_400, **hours)], {"acme": 1}).sentences() == (
        "texting ends about Sat 14 Mar 18:00 New York time; 1 campaign runs past 20:00",
    )
    assert forecast([batch("a", 1_000_000)], {"acme": 1}).sentences() == (
        "texting ends about Fri 28 Jan 2028 08:40 UTC",
    )


def test_nobody_asks_when_texting_ends_in_thousands_of_years():
    told = forecast([batch("a", 10**15)], {"acme": 1})

    assert "9892" in told.sentences()[0]
    assert told.as_json()["ends_at"].startswith("9892")


def test_each_account_has_its_own_rate():
    other = replace(batch("b", 60), account="beta")
    told = forecast([batch("a", 60), other], {"acme": 60, "beta": 6})

    assert told.ends == {"st/a": at(17, 1), "st/b": at(17, 10)}


def test_nobody_on_its_lists_is_sent_to_at_once():
    assert forecast([batch("a", 0), batch("b", 60)], {"acme": 60}).ends == {"st/a": at(17), "st/b": at(17, 1)}


@pytest.mark.parametrize(("closes", "late"), [(at(17, 1), ()), (at(17, 1) - 1, ("st/a",))])
def test_what_ends_when_its_hours_do_is_not_late(closes, late):
    told = forecast([batch("a", 60, zone="UTC", closes=closes), batch("b", None, closes=closes)], {"acme": 60})
    assert tuple(one.key for one in told.late) == late


def test_a_city_is_named_without_its_country():
    told = forecast([batch("a", 60, zone="America/Indiana/Knox")], {"acme": 60})
    assert told.sentences() == ("texting ends about 16:01 Knox time",)


def test_an_account_without_a_rate_has_no_forecast():
    told = forecast([batch("a", 60)], {})
    assert (told.sentences(), told.end) == ((), None)


def test_an_end_on_another_day_says_the_day():
    told = forecast([batch("a", 60), batch("b", 60 * 600)], {"acme": 60})
    assert told.sentences() == ("texting ends about Thu 05 Mar 08:01 UTC",)


def test_hours_in_another_zone_than_the_end_name_their_zone():
    late = [
        batch("a", 60 * 240, zone="America/New_York", closes=at(20)),
        batch("b", 60 * 240, zone="America/Chicago", closes=at(20, zone=ZoneInfo("America/Chicago"))),
    ]
    (said,) = forecast(late, {"acme": 60}).sentences()
    assert said.endswith("1 campaign runs past 20:00; 1 campaign runs past 20:00 Chicago time")


# Of a whole plan.

DAY = {"zones": ["America/New_York"], "hours": "09:00-20:00", "last_start": "2h"}
CALLING = CallingHours("America/Chicago", (("wed", "09:00", "18:30"),))


def launch(window=None, hours=None, **account):
    accounts = {"acme": {"account_id": "1", **account}}
    timed = {"windows": {"day": DAY}, "defaults": {"account": "acme", "window": "day"}} if window else {}
    parsed = manifest({"campaign": "cd-1"}, {"campaign": "cd-2", "enabled": False}, accounts=accounts, **timed)
    return parsed, sized(planned(parsed, live={key(f"cd-{n}"): ready(calling_hours=hours) for n in (1, 2)}))


def sized(plan):
    return replace(plan, entries=tuple(replace(entry, recipients=3600) for entry in plan.entries))


@pytest.mark.parametrize(
    ("window", "hours", "past"),
    [
        (None, None, ""),
        ("day", None, "; 1 campaign runs past 20:00"),  # the texting may go on after the last start
        (None, CALLING, "; 1 campaign runs past 18:30"),
        ("day", CALLING, "; 1 campaign runs past 18:30"),  # 19:30 in New York: the earlier of the two
        ("day", CallingHours("America/Chicago", (("wed", "09:00", "19:30"),)), "; 1 campaign runs past 20:00"),
        (None, CallingHours("America/Chicago", (("thu", "09:00", "18:30"),)), ""),
        ("day", CallingHours("Atlantis", (("wed", "09:00", "18:30"),)), "; 1 campaign runs past 20:00"),
    ],
)
def test_the_texting_of_a_plan_ends_by_the_earlier_of_its_hours(window, hours, past):
    parsed, plan = launch(window, hours, messages_per_minute=10)
    told = texting(parsed, plan, at(17))

    # 3,600 messages at 10 a minute: six hours.
    assert told.ends == {key("cd-1"): pytest.approx(at(23), abs=1)}
    assert told.sentences()[0].partition(";")[1:] == past.partition(";")[1:]


def test_texting_begins_when_a_run_may_start():
    parsed, plan = launch(messages_per_minute=10)
    late = parsed.model_copy(update={"not_before": StartTime(at(18))})

    assert texting(late, plan, at(17)).end == pytest.approx(at(0, day=5), abs=1)
    assert texting(late, plan, at(17), StartTime(at(17, 30))).end == pytest.approx(at(0, day=5), abs=1)
    assert texting(late, plan, at(17), StartTime(at(19))).end == pytest.approx(at(1, day=5), abs=1)
    assert start_of(parsed) is None
    assert start_of(late, StartTime(at(17))) == StartTime(at(18))


def test_what_follows_a_campaign_that_sends_nothing_is_forecast():
    accounts = {"acme": {"account_id": "1", "messages_per_minute": 10}}
    parsed = manifest({"campaign": "cd-1", "enabled": False}, {"campaign": "cd-2"}, accounts=accounts,
                      preflight={"check": "off"})  # fmt: skip

    assert plan_forecast(parsed, sized(planned(parsed)), {key("cd-2"): at(17)}).ends == {key("cd-2"): at(23)}


def test_a_plan_of_accounts_without_a_rate_has_no_forecast():
    assert texting(*launch(), at(17)) == NO_FORECAST


def test_a_campaign_that_does_not_leave_sends_nothing():
    parsed, plan = launch(messages_per_minute=10)

    assert plan_forecast(parsed, plan, {}).ends == {}
    assert plan_forecast(parsed, plan, {key("cd-2"): at(17)}).ends == {}
