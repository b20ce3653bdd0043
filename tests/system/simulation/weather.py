"""What single calls meet on a bad day."""

import math
import random

from orchestrator.model import Progress
from orchestrator.rehearsal.network import Answer, CallFate
from orchestrator.sandbox.platform import error_body

NEVER = 7200.0
ODD_WAITS = (None, "0", "1", "17", "soon", "-5", "1.5", "99999", "Wed, 21 Oct 2015 07:28:00 GMT")
BUSY_WAITS = (None, "3", "45", "700", "0")
LIMIT_TEXTS = (
    "You've exceeded the per-minute rate limit. Please wait for sometime before retrying.",
    "Rate limit for this API has been reached. Please try again after some time.",
)


def clear_sky(_):
    return CallFate(there=0.01, back=0.01)


class Weather:
    """Draws a passage for each call of a scenario; `timeout` is the client's, in seconds."""

    def __init__(self, scenario, rnd, timeout):
        self._scenario = scenario
        self._rnd = rnd
        self._timeout = timeout
        self._waits = random.Random(scenario.seed ^ 0xB051)  # its own numbers, so that the other draws stay the same

    def fate(self, call):
        rnd, (least, most) = self._rnd, self._scenario.latency
        trip = math.exp(rnd.uniform(math.log(least), math.log(most)))
        there = min(trip * rnd.random(), self._timeout)
        faults = self._scenario.start_faults if call.op == "start" else self._scenario.read_faults
        return CallFate(**{"there": there, "back": trip - there, **self._fault(self._kind(faults))})

    def _kind(self, faults):
        chance = self._rnd.random()
        for kind, share in faults.items():
            if chance < share:
                return kind
            chance -= share
        return None

    def _fault(self, kind):
        rnd = self._rnd
        if kind is None:
            return {}
        status = rnd.choice([408, 500, 502, 503])
        asked = self._waits.choice(BUSY_WAITS) if status == 503 else None
        answer = Answer(status, error_body("Internal Server Error", 500), retry_after=asked)
        return {
            "unsent": lambda: {"unsent": "no connection"},
            "slow_connect": lambda: {"connecting": rnd.uniform(0.0, self._timeout)},
            "lost": lambda: {"lost": True},
            "cut": lambda: {"cut": rnd.uniform(0.0, 0.2), "there": self._timeout * rnd.random()},
            "reset_before": lambda: {"refused": answer, "broken": Progress.SENDING},
            "reset_after": lambda: {"broken": Progress.SENDING},
            "hang_before": lambda: {"refused": answer, "back": NEVER},
            "hang_after": lambda: {"back": NEVER},
            "late": lambda: {"acts_after": rnd.uniform(0.1, 90.0), "answer": Answer(504, text="Gateway Time-out")},
            "late_silent": lambda: {"acts_after": rnd.uniform(0.1, 90.0), "broken": Progress.SENDING},
            "limited": lambda: {
                "refused": Answer(429, error_body("slow down", 429), retry_after=rnd.choice(ODD_WAITS))
            },
            "limit_text": lambda: {"refused": Answer(rnd.choice([400, 403]), error_body(rnd.choice(LIMIT_TEXTS), 400))},
            "error_before": lambda: {"refused": answer},
            "error_after": lambda: {"answer": answer},
            "html": lambda: {"answer": Answer(200, text="<html>Welcome</html>")},
            "envelope": lambda: {"refused": Answer(200, {"status": "failure", "message": "not now"})},
            "list": lambda: {"answer": Answer(200, ["Active"])},
            "truncated": lambda: {"broken": Progress.ANSWERED},
            "huge": lambda: {"answer": answer, "broken": Progress.ANSWERED},
            "drip": lambda: {"back": self._timeout * 0.999, "broken": Progress.ANSWERED},
            "unauthorized": lambda: {"refused": Answer(401, error_body("Invalid JWT token", 4002))},
            "rejected": lambda: {
                "refused": Answer(rnd.choice([301, 400, 403, 404, 405, 412, 422]), error_body("no", 0))
            },
            "odd_status": lambda: {"refused": Answer(rnd.choice([409, 418, 451]), error_body("odd", 0))},
        }[kind]()
