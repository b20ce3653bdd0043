"""Spans of a run for OpenTelemetry: run, its waves, their starts. Importing this needs the `otel` extra.

A span carries ids and numbers only: the free texts of an event may quote what a server said.
"""

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Span, Status, StatusCode, set_span_in_context

_QUEUE: Final = 1 << 15  # the default of 2,048 drops spans of a fast run
_TEXTS: Final = frozenset({"message", "stop"})


class SpanObserver:
    """Makes spans of events. It never raises, and never waits but in `close`."""

    def __init__(self, exporter: SpanExporter, service: str) -> None:
        self._exporter = _Watched(exporter)
        # Not at exit: the SDK would wait for half a minute there.
        self._provider = TracerProvider(resource=Resource.create({"service.name": service}), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter, max_queue_size=_QUEUE))
        self._tracer = self._provider.get_tracer("orchestrator")
        self._open: list[Span] = []  # the run's, then the wave's

    def event(self, name: str, **fields: Any) -> None:
        """Begin, end or note something."""
        # Somebody else's code: whatever is wrong with it must not end a run that is texting people.
        with suppress(Exception):
            self._follow(name, {key: value for key, value in fields.items() if value is not None})

    def _follow(self, name: str, fields: Mapping[str, Any]) -> None:
        if name in {"run_started", "wave_opened"}:
            title = "run" if name == "run_started" else "wave"
            self._open.append(self._begin(title, fields))
        elif name == "start_answered":
            self._start(fields)
        elif name == "wave_closed":
            self._end(is_good=bool(fields["passed"]))
        elif name == "run_finished":
            while self._open:  # a stop leaves its wave open
                self._end(is_good="stop" not in fields)
        elif self._open:
            self._open[-1].add_event(name, _attributes(fields))

    def _begin(self, title: str, fields: Mapping[str, Any], at: int | None = None) -> Span:
        parent = set_span_in_context(self._open[-1]) if self._open else None
        return self._tracer.start_span(title, parent, attributes=_attributes(fields), start_time=at)

    def _start(self, fields: Mapping[str, Any]) -> None:
        now = time.time_ns()
        # The event comes with the answer, so the span is dated back to when the call left.
        span = self._begin("start", fields, now - int(fields["elapsed_ms"] * 1e6))
        if fields["verdict"] != "accepted":
            span.set_status(Status(StatusCode.ERROR, fields["verdict"]))
        span.end(now)

    def _end(self, *, is_good: bool) -> None:
        span = self._open.pop()
        if not is_good:
            span.set_status(Status(StatusCode.ERROR))
        span.end()

    def close(self, seconds: float) -> bool:
        """Send the spans that are left, waiting for at most `seconds`. Returns whether all spans were sent."""
        # The SDK's own time-out does not bound an export that hangs.
        flush = threading.Thread(target=self._provider.shutdown, daemon=True)
        flush.start()
        with suppress(KeyboardInterrupt):
            flush.join(seconds)
        return not flush.is_alive() and not self._exporter.failed


class _Watched(SpanExporter):
    """Remembers whether a batch was lost; the SDK only logs it."""

    def __init__(self, inner: SpanExporter) -> None:
        self._inner = inner
        self.failed = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = SpanExportResult.FAILURE
        try:
            result = self._inner.export(spans)
        finally:
            self.failed |= result is not SpanExportResult.SUCCESS
        return result

    def shutdown(self) -> None:
        self._inner.shutdown()


def to_endpoint(service: str) -> SpanObserver:
    """An observer whose spans go where the OTEL_… variables say. Raises ValueError for one with an unusable value."""
    # A collector that is down would otherwise fill stderr with tracebacks; `close` says it once.
    logger = logging.getLogger("opentelemetry")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return SpanObserver(OTLPSpanExporter(), service)


def _attributes(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {f"orchestrator.{key}": value for key, value in fields.items() if key not in _TEXTS}
