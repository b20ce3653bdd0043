from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from orchestrator.core.plan.texting import Batch, forecast, shared_ends

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
        ([(0.0, 0), (5.0, 3)], [0.0, 8.0]),
        ([], []),
    ],
)
def test_running_campaigns_share_their_accounts_rate(campaigns, ends):
    assert shared_ends(campaigns, 1.0) == pytest.approx(ends)


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
