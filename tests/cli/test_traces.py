import http.server
import socket
import threading
import time

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from orchestrator.console.tracing import FLUSH, wants_traces


class Collector(http.server.ThreadingHTTPServer):
    """Takes OTLP over HTTP and keeps what it got."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got = []
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        request = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.got.append((self.path, request))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format, *args):  # noqa: A002 - the base class's name
        pass


@pytest.fixture
def collector():
    server = Collector()
    yield server
    server.shutdown()
    server.server_close()


def test_a_run_sends_its_spans_to_the_collector(workplace, collector):
    # On a crowded machine, two seconds may be too few for all of them.
    patient = "from orchestrator.console import tracing\ntracing.FLUSH = 60.0\n"
    (workplace.path / "sitecustomize.py").write_text(patient, encoding="utf-8")
    workplace.environment["PYTHONPATH"] = f"{workplace.path}:{workplace.environment['PYTHONPATH']}"
    workplace.environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{collector.server_port}"
    done = workplace.run("run", workplace.manifest())
    spans = [
        span.name
        for path, request in collector.got
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
        if path == "/v1/traces"
    ]

    assert done.returncode == 0, done.stderr
    assert sorted(spans) == ["run", "start", "start", "start", "wave"]
    assert "traces" not in done.stderr


@pytest.mark.parametrize("endpoint", ["dead", "silent"])
def test_a_silent_collector_keeps_the_exit_code_and_costs_2_s(workplace, endpoint):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts in the kernel, never answers
        port = silent.getsockname()[1] if endpoint == "silent" else 9
        manifest = workplace.manifest()
        begun = time.monotonic()
        plain = workplace.run("run", manifest)
        between = time.monotonic()
        # The exporter itself tries for half a minute or more: a run's imports take less, however crowded the machine.
        workplace.environment |= {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "150",
        }
        again = workplace.run("run", manifest)
        ended = time.monotonic()

    assert (plain.returncode, again.returncode) == (0, 0), again.stderr
    assert "3 already_started" in again.stdout
    assert "not all spans were sent" in again.stderr
    assert "Traceback" not in again.stderr
    assert (ended - between) - (between - begun) < FLUSH + 20


def test_without_the_extra_a_run_says_so_and_goes_on(workplace):
    blocked = workplace.path / "blocked" / "opentelemetry"
    blocked.mkdir(parents=True)
    (blocked / "__init__.py").write_text("raise ImportError('not installed')", encoding="utf-8")
    workplace.environment["PYTHONPATH"] = f"{blocked.parent}:{workplace.environment['PYTHONPATH']}"
    workplace.environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:9"
    done = workplace.run("run", workplace.manifest())

    assert done.returncode == 0
    assert "no traces: install campaign-orchestrator[otel]" in done.stderr


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_SDK_DISABLED": "TRUE"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_TRACES_EXPORTER": "none"}, False),
    ],
)
def test_only_an_endpoint_switches_traces_on(environ, wanted):
    assert wants_traces(environ) is wanted


def test_a_wrong_variable_is_said_and_costs_nothing(workplace):
    workplace.environment |= {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
        "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "x",
    }
    done = workplace.run("run", workplace.manifest())

    assert done.returncode == 0
    assert "no traces: an OTEL_ variable is wrong" in done.stderr
