import threading
import time

import pytest
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from orchestrator.core.events import EVENTS
from orchestrator.report.traces import SpanObserver

RUN = {"events_version": "1", "launch": "winter", "run_id": "r-1", "starts": 2, "judgements": 0, "skips": 0}


def answered(campaign, verdict, **changes):
    fields = {"campaign": campaign, "attempt": 1, "verdict": verdict, "lane": "h a", "http_status": 200,
              "elapsed_ms": 250.0, "message": "SECRET of a server"}  # fmt: skip
    return "start_answered", fields | changes


WHOLE_RUN = [
    ("run_started", RUN),
    ("wave_opened", {"wave": "canary", "campaigns": 1}),
    answered("st-1/cd-1", "accepted"),
    ("wave_closed", {"wave": "canary", "passed": True, "message": ""}),
    ("wave_opened", {"wave": "rest", "campaigns": 1}),
    answered("st-1/cd-2", "indeterminate", http_status=None),
    ("probe_done", {"campaign": "st-1/cd-2", "found": False, "message": "SECRET"}),
    ("wave_closed", {"wave": "rest", "passed": False, "message": "SECRET"}),
    ("run_finished", {"run_id": "r-1", "stop": None}),
]


def spans_of(events):
    exporter = InMemorySpanExporter()
    observer = SpanObserver(exporter, "a-service")
    for name, fields in events:
        observer.event(name, **fields)

    assert observer.close(10)
    return exporter.get_finished_spans()


def test_a_run_has_waves_and_a_wave_has_starts():
    spans = spans_of(WHOLE_RUN)
    names = {span.context.span_id: span.name for span in spans}
    (run,) = [span for span in spans if span.name == "run"]

    assert [span.name for span in spans] == ["start", "wave", "start", "wave", "run"]
    assert [names[span.parent.span_id] for span in spans[:-1]] == ["wave", "run", "wave", "run"]
    assert run.parent is None
    assert run.attributes["orchestrator.launch"] == "winter"
    assert run.resource.attributes["service.name"] == "a-service"


def test_a_start_lasts_as_long_as_its_call_and_says_how_it_went():
    good, bad = (span for span in spans_of(WHOLE_RUN) if span.name == "start")

    assert good.end_time - good.start_time == bad.end_time - bad.start_time == 250_000_000
    assert (good.status.status_code, bad.status.status_code) == (StatusCode.UNSET, StatusCode.ERROR)
    assert "orchestrator.http_status" not in bad.attributes


def test_what_a_server_said_is_in_no_span():
    assert not [span for span in spans_of(WHOLE_RUN) if "SECRET" in span.to_json()]


def test_a_stop_in_a_wave_ends_every_span():
    stopped = [*WHOLE_RUN[:3], ("run_finished", {"run_id": "r-1", "stop": "SIGINT received"})]
    spans = spans_of(stopped)

    assert [span.name for span in spans] == ["start", "wave", "run"]
    assert spans[-1].status.status_code is StatusCode.ERROR


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.name)
def test_no_event_of_any_shape_raises(kind):
    for first in (kind.name, "run_started"):
        observer = SpanObserver(InMemorySpanExporter(), "s")
        observer.event(first, **dict.fromkeys(kind.fields, object()))
        observer.event(kind.name)
        observer.event("an event of tomorrow", field=1)

        assert observer.close(10)


class Hanging(SpanExporter):
    """A collector that takes the batch and never answers."""

    def __init__(self):
        self.taken, self.released = threading.Event(), threading.Event()

    def export(self, spans):  # noqa: ARG002 - the base class's name
        self.taken.set()
        self.released.wait(30)
        return SpanExportResult.SUCCESS

    def shutdown(self):
        self.released.wait(30)


def test_a_collector_that_hangs_is_not_waited_for():
    exporter = Hanging()
    observer = SpanObserver(exporter, "s")
    observer.event("run_started", **RUN)
    observer.event("run_finished", run_id="r-1", stop=None)
    begun = time.monotonic()
    sent = observer.close(0.05)
    took = time.monotonic() - begun
    was_taken = exporter.taken.wait(10)
    exporter.released.set()

    assert not sent
    assert was_taken
    assert took < 5


def test_a_collector_that_refuses_is_said():
    class Refusing(InMemorySpanExporter):
        def export(self, spans):  # noqa: ARG002 - the base class's name
            return SpanExportResult.FAILURE

    observer = SpanObserver(Refusing(), "s")
    observer.event("run_started", **RUN)
    observer.event("run_finished", run_id="r-1", stop=None)

    assert not observer.close(10)
