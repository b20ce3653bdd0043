"""`result.prom`: a file for node_exporter's textfile collector (Prometheus text format 0.0.4)."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from orchestrator.core.result.types import Result
from orchestrator.core.text import one_line

_PREFIX: Final = "campaign_orchestrator_"
_BUCKETS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

_Samples = Iterable[tuple[dict[str, str], float]]


def as_prometheus(result: Result) -> str:
    """`result.prom`: counts, durations, use of the budget, and when the launch last succeeded."""
    lines = [*_campaigns(result), *_run(result), *_budget(result), *_durations(result)]
    return "\n".join(lines) + "\n"


def _campaigns(result: Result) -> Iterator[str]:
    counted = Counter((c.account, c.outcome, c.reason) for c in result.campaigns)
    totals = [({"outcome": str(word)}, float(number)) for word, number in result.totals.items()]
    yield from _gauge(result, "campaigns", "Campaigns of the run by outcome.", totals)
    reasons = [
        ({"account": account, "outcome": outcome, "reason": reason}, float(number))
        for (account, outcome, reason), number in sorted(counted.items())
    ]
    yield from _gauge(result, "campaigns_by_reason", "Campaigns of the run by account, outcome and reason.", reasons)


def _run(result: Result) -> Iterator[str]:
    run = result.run
    begun, ended, success = (_seconds(run[key]) for key in ("started_at", "finished_at", "last_success_at"))
    yield from _gauge(result, "exit_code", "Exit code of the run.", [({}, float(run["exit_code"]))])
    yield from _gauge(result, "started_timestamp_seconds", "When the run began.", [({}, begun)])
    # 0 is "never": a metric that is missing raises no alert.
    yield from _gauge(result, "finished_timestamp_seconds", "When the run ended; 0 if it did not.", [({}, ended)])
    text = "When a run of the launch last ended with exit code 0; 0 if none did."
    yield from _gauge(result, "last_success_timestamp_seconds", text, [({}, success)])
    duration = round(ended - begun, 3) if ended else 0.0
    yield from _gauge(result, "run_duration_seconds", "How long the run took; 0 if it did not end.", [({}, duration)])


def _budget(result: Result) -> Iterator[str]:
    budgets = list(result.budget.values())
    calls = [({"account": b["account"]}, float(b["calls"])) for b in budgets]
    yield from _gauge(result, "calls", "Calls of every kind that the run made.", calls)
    throttled = [({"account": b["account"]}, float(b["throttled"])) for b in budgets]
    yield from _gauge(result, "throttled_calls", "Calls that the platform limited.", throttled)
    windows = [
        (b["account"], limit, peak)
        for b in budgets
        for limit, peak in zip(b["limits"], b["peak_in_window"], strict=True)
    ]
    peaks = [({"account": account, "window": limit}, float(peak)) for account, limit, peak in windows]
    yield from _gauge(result, "window_peak_calls", "Most calls that ever held a slot of the window at once.", peaks)
    limits = [({"account": account, "window": limit}, float(limit.split("/")[0])) for account, limit, _ in windows]
    yield from _gauge(result, "window_limit_calls", "Calls that the window allows.", limits)


def _durations(result: Result) -> Iterator[str]:
    """A histogram of the start calls: a campaign's last attempt each."""
    name = "start_duration_seconds"
    yield from _head(name, "Time until a campaign's last start call was answered.", "histogram")
    seconds = [c.elapsed_ms / 1000 for c in result.campaigns if c.elapsed_ms is not None]
    for bound in _BUCKETS:
        yield _sample(result, f"{name}_bucket", {"le": f"{bound:g}"}, float(sum(s <= bound for s in seconds)))
    yield _sample(result, f"{name}_bucket", {"le": "+Inf"}, float(len(seconds)))
    yield _sample(result, f"{name}_sum", {}, round(sum(seconds), 6))
    yield _sample(result, f"{name}_count", {}, float(len(seconds)))


def _gauge(result: Result, name: str, text: str, samples: _Samples) -> Iterator[str]:
    yield from _head(name, text, "gauge")
    for labels, value in samples:
        yield _sample(result, name, labels, value)


def _head(name: str, text: str, kind: str) -> Iterator[str]:
    yield f"# HELP {_PREFIX}{name} {text}"
    yield f"# TYPE {_PREFIX}{name} {kind}"


def _sample(result: Result, name: str, labels: dict[str, str], value: float) -> str:
    pairs = {"launch": result.run["launch"], **labels}
    inner = ",".join(f'{key}="{_label(text)}"' for key, text in pairs.items())
    return f"{_PREFIX}{name}{{{inner}}} {value:.15g}"


def _label(text: str) -> str:
    return one_line(text).replace("\\", "\\\\").replace('"', '\\"')


def _seconds(at: str | None) -> float:
    return datetime.fromisoformat(at).timestamp() if at else 0.0
