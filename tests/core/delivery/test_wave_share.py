from dataclasses import replace

import pytest

from orchestrator.core.delivery.delivery import DeliveryState
from orchestrator.core.delivery.wave_share import Started, out_of_reach, shortfall
from orchestrator.core.manifest.rules import Pass
from tests.core.delivery.builders import delivery, reading, round_at

READ = delivery(round_at(0, reading(1, sent=0)))


def one(state="active", sent=0, recipients=100, *, is_stalled=False):
    return Started(replace(READ, state=DeliveryState(state), sent=sent, is_stalled=is_stalled), recipients)


NEVER_READ = Started(None, 100)
NEVER = "these will not go on: to start the rest, change pass of this wave"
RESUME = "resume what is paused"
UNKNOWN = "0 of 1 campaign whose recipients are unknown completed, 95% are needed"


@pytest.mark.parametrize(
    ("asked", "started", "missing"),
    [
        ({"completed": "100%"}, [one("completed"), one("completed")], None),
        ({"completed": "100%"}, [one("completed"), one(sent=100)], "1 of 2 completed, 100% are needed"),
        ({"completed": "50%"}, [one("completed"), one("stopped")], None),
        ({"completed": "100%"}, [NEVER_READ], "0 of 1 completed, 100% are needed"),
        ({"sent": "95%"}, [one(sent=95), one(sent=95)], None),
        ({"sent": "95%"}, [one(sent=100), one(sent=89)], "sent to 189 of 200 recipients, 95% are needed"),
        # Opted out: a completed campaign sends to fewer than are on its lists. Two messages to one are one person.
        ({"sent": "95%"}, [one("completed", sent=80)], None),
        ({"sent": "95%"}, [one(sent=300), one(sent=0)], "sent to 100 of 200 recipients, 95% are needed"),
        ({"sent": "95%"}, [one(sent=None)], "sent to 0 of 100 recipients, 95% are needed"),
        (
            {"sent": "95%"},
            [one(sent=100), one(sent=500, recipients=None)],
            UNKNOWN,
        ),
        ({"sent": "95%"}, [one(sent=100), one("completed", recipients=None)], None),
        ({"sent": "95%"}, [one(sent=95), one("completed", recipients=None)], None),  # who is unknown counts as nobody
        (
            {"sent": "95%"},
            [one(sent=90), one(recipients=None)],
            f"sent to 90 of 100 recipients, 95% are needed; {UNKNOWN}",
        ),
        (
            {"completed": "100%", "sent": "95%"},
            [one(sent=90)],
            "0 of 1 completed, 100% are needed; sent to 90 of 100 recipients, 95% are needed",
        ),
    ],
)
def test_what_is_missing_is_told_with_its_figures(asked, started, missing):
    assert shortfall(Pass.model_validate(asked), started) == missing


@pytest.mark.parametrize(
    ("asked", "started", "why"),
    [
        ({"completed": "100%"}, [one(), NEVER_READ], None),
        (
            {"completed": "100%"},
            [one(), one("paused"), one("stopped"), one("gone")],
            f"1 paused, 1 stopped, 1 gone; {NEVER}; {RESUME}",
        ),
        ({"completed": "50%"}, [one(), one("paused")], None),
        ({"completed": "100%"}, [one(is_stalled=True)], "1 stalled"),
        ({"sent": "95%"}, [one(), one("stopped", sent=95)], None),
        ({"sent": "95%"}, [one(), one("stopped", sent=50)], f"1 stopped; {NEVER}"),
        ({"sent": "95%"}, [one(), one("stopped", sent=50, recipients=None)], f"1 stopped; {NEVER}"),
        ({"sent": "50%"}, [one(), one("stopped", recipients=50)], None),
        ({"sent": "95%"}, [one("stopped", sent=95)], None),
        ({"sent": "50%"}, [one(recipients=None), one("stopped", sent=49)], f"1 stopped; {NEVER}"),
        ({"sent": "100%"}, [one(), one(recipients=None)], None),
    ],
)
def test_waiting_ends_where_it_cannot_help(asked, started, why):
    assert out_of_reach(Pass.model_validate(asked), started) == why
