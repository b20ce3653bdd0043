"""`result.prom`: a file for node_exporter's textfile collector (Prometheus text format 0.0.4)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from orchestrator.core.result.types import Result
from orchestrator.core.text import one_line

_PREFIX: Final = "campaign_orchestrator_"
_BUCKETS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds, in seconds."""

_Samples = Iterable[tuple[Mapping[str, str], float]]


Families = Sequence[Metric]
"""The metrics of one result."""


def as_prometheus(result: Result) -> str:
    """`result.prom`: counts, durations, use of the budget, and when the launch last succeeded."""
    return exposition([families_of(result)])


def families_of(result: Result) -> Families:
    """The metrics of a result, to be written out together with those of others."""
    return tuple(_ResultMetrics(result).collect())


def exposition(results: Iterable[Families]) -> str:
    """The metrics of several results in Prometheus text format, each family once."""
    registry = CollectorRegistry()
    registry.register(_Merged(results))
    return generate_latest(registry).decode()


class _Merged(Collector):
    """Families by their names, with the samples of all results."""

    def __init__(self, results: Iterable[Families]) -> None:
        self._results = tuple(results)

    def collect(self) -> Iterator[Metric]:
        merged: dict[str, Metric] = {}
        for family in (one for families in self._results for one in families):
            own = merged.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            own.samples.extend(family.samples)
        yield from merged.values()


class _ResultMetrics:
    """The metrics of one result, labelled with its launch, and where it has one with its environment and its nature."""

    def __init__(self, result: Result) -> None:
        self._result = result
        # Another label, and so another series: no alert about the launch must take a rehearsal for its run.
        mark = {result.nature.lower(): "true"} if result.nature else {}
        if result.environment:
            mark["environment"] = result.environment
        self._own = {"launch": one_line(result.run["launch"]), **mark}

    def collect(self) -> Iterator[Metric]:
        yield from self._campaigns()
        yield from self._recipients()
        yield from self._deliveries()
        yield from self._run()
        yield from self._budget()
        yield self._durations()

    def _campaigns(self) -> Iterator[Metric]:
        totals = [({"outcome": str(word)}, float(number)) for word, number in self._result.totals.items()]
        yield self._gauge("campaigns", "Campaigns of the run by outcome.", totals)
        reasons = [
            ({"account": account, "outcome": outcome, "reason": reason}, float(number))
            for (account, outcome, reason), number in sorted(self._result.tally.items())
        ]
        yield self._gauge("campaigns_by_reason", "Campaigns of the run by account, outcome and reason.", reasons)

    def _recipients(self) -> Iterator[Metric]:
        """No sample where nothing is known: 0 would be taken for nobody."""
        people = self._result.people.items()
        known = [({"account": account}, float(one.known)) for account, one in people if one.known or not one.unknown]
        yield self._gauge("recipients", "People on the contact lists of the campaigns that were started.", known)
        unknown = [({"account": account}, float(one.unknown)) for account, one in people]
        yield self._gauge("unknown_recipients_campaigns", "Started campaigns whose recipients are unknown.", unknown)

    def _deliveries(self) -> Iterator[Metric]:
        """No metric where nobody followed the launch, and no sample of what is unknown."""
        if self._result.delivery is None:
            return
        accounts = self._result.delivery["accounts"].items()
        sent = [({"account": name}, float(sums["sent"])) for name, sums in accounts if sums["sent"] is not None]
        yield self._gauge("messages_sent", "Messages that the platform counts as sent.", sent)
        people = [
            ({"account": name}, float(sums["recipients"])) for name, sums in accounts if sums["recipients"] is not None
        ]
        yield self._gauge("followed_recipients", "People on the contact lists of the campaigns that were read.", people)
        unsent = [({"account": name}, float(sums["sent_unknown"])) for name, sums in accounts]
        yield self._gauge("unknown_sent_campaigns", "Campaigns that are not in messages_sent.", unsent)
        unknown = [({"account": name}, float(sums["recipients_unknown"])) for name, sums in accounts]
        yield self._gauge("followed_unknown_recipients_campaigns", "Campaigns not in followed_recipients.", unknown)
        states = [
            ({"account": name, "state": state}, float(count))
            for name, sums in accounts
            for state, count in sums["states"].items()
        ]
        yield self._gauge("followed_campaigns", "Campaigns that were read, by account and state.", states)
        stalled = [({"account": name}, float(sums["stalled"])) for name, sums in accounts]
        yield self._gauge("stalled", "Active campaigns that send nothing within their calling hours.", stalled)
        read = [({"account": name}, _seconds(sums["read_at"])) for name, sums in accounts]
        yield self._gauge("followed_timestamp_seconds", "When an account's campaigns were last read.", read)

    def _run(self) -> Iterator[Metric]:
        run = self._result.run
        if rehearsal := run.get("rehearsal"):
            drawn = {"faults": rehearsal["faults"], "seed": str(rehearsal["seed"])}
            yield self._gauge("rehearsal_info", "The run is a rehearsal: nothing was sent.", [(drawn, 1.0)])
        begun, ended, success = (_seconds(run[key]) for key in ("started_at", "finished_at", "last_success_at"))
        yield self._single("exit_code", "Exit code of the run.", float(run["exit_code"]))
        yield self._single("started_timestamp_seconds", "When the run began.", begun)
        # 0 is "never": a metric that is missing raises no alert.
        yield self._single("finished_timestamp_seconds", "When the run ended; 0 if it did not.", ended)
        text = "When a run of the launch last ended with exit code 0; 0 if none did."
        yield self._single("last_success_timestamp_seconds", text, success)
        duration = round(ended - begun, 3) if ended else 0.0
        yield self._single("run_duration_seconds", "How long the run took; 0 if it did not end.", duration)

    def _budget(self) -> Iterator[Metric]:
        budgets = list(self._result.budget.values())
        calls = [({"account": b["account"]}, float(b["calls"])) for b in budgets]
        yield self._gauge("calls", "Calls of every kind that the run made.", calls)
        throttled = [({"account": b["account"]}, float(b["throttled"])) for b in budgets]
        yield self._gauge("throttled_calls", "Calls that the platform limited.", throttled)
        windows = [
            ({"account": b["account"], "window": limit}, limit, peak)
            for b in budgets
            for limit, peak in zip(b["limits"], b["peak_in_window"], strict=True)
        ]
        peaks = [(labels, float(peak)) for labels, _, peak in windows]
        yield self._gauge("window_peak_calls", "Most calls that ever held a slot of the window at once.", peaks)
        limits = [(labels, float(limit.split("/")[0])) for labels, limit, _ in windows]
        yield self._gauge("window_limit_calls", "Calls that the window allows.", limits)

    def _durations(self) -> Metric:
        """A histogram of the start calls: a campaign's last attempt each."""
        text = "Time until a campaign's last start call was answered."
        family = HistogramMetricFamily(f"{_PREFIX}start_duration_seconds", text, labels=list(self._own))
        seconds = [c.elapsed_ms / 1000 for c in self._result.campaigns if c.elapsed_ms is not None]
        # Cumulative: a bucket counts all that are within its bound, and so those of the buckets below it.
        buckets = [(f"{bound:g}", float(sum(s <= bound for s in seconds))) for bound in _BUCKETS]
        family.add_metric(list(self._own.values()), [*buckets, ("+Inf", float(len(seconds)))], round(sum(seconds), 6))
        return family

    def _single(self, name: str, text: str, value: float) -> Metric:
        return self._gauge(name, text, [({}, value)])

    def _gauge(self, name: str, text: str, samples: _Samples) -> Metric:
        family = GaugeMetricFamily(f"{_PREFIX}{name}", text)
        for labels, value in samples:
            shown = {**self._own, **labels}
            family.add_sample(f"{_PREFIX}{name}", {key: one_line(label) for key, label in shown.items()}, value)
        return family


def _seconds(at: str | None) -> float:
    """POSIX seconds of an RFC 3339 time; 0 for none."""
    return datetime.fromisoformat(at).timestamp() if at else 0.0
