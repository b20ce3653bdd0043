"""OpenTelemetry around a run, where the environment asks for it."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, Protocol

import click

from orchestrator.ports import Observer

FLUSH: Final = 2.0
"""Seconds. A collector that does not answer must not hold up a release."""

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


class SpanObserver(Observer, Protocol):
    """Makes spans of a run's events."""

    def close(self, within: float, /) -> bool:
        """Send what is left, waiting for at most `within` seconds. Returns whether all was sent."""
        ...


def wants_traces(environ: Mapping[str, str]) -> bool:
    """Whether the environment names a collector, and does not switch tracing off."""
    is_off = environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or environ.get("OTEL_TRACES_EXPORTER") == "none"
    return not is_off and any(environ.get(name) for name in _ENDPOINTS)


@contextmanager
def traced(make_observer: Callable[[str], SpanObserver]) -> Iterator[tuple[Observer, ...]]:
    """The observers that make spans: one, or none. Nothing in here changes how the run ends.

    `make_observer` is given the service's name; it raises ImportError without the extra `otel`, ValueError for a
    variable that is wrong.
    """
    if not wants_traces(os.environ):
        yield ()
        return
    try:
        observer = make_observer(os.environ.get("OTEL_SERVICE_NAME", "campaign-orchestrator"))
    except ImportError:
        click.echo("no traces: install campaign-orchestrator[otel], or unset OTEL_EXPORTER_OTLP_ENDPOINT", err=True)
        yield ()
        return
    except ValueError as error:
        click.echo(f"no traces: an OTEL_ variable is wrong: {error}", err=True)
        yield ()
        return
    try:
        yield (observer,)
    finally:
        if not observer.close(FLUSH):
            click.echo(f"traces: not all spans were sent within {FLUSH:g} s", err=True)
