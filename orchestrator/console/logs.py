"""structlog set-up: events with stable names, secrets taken out in every sink, tracebacks included."""

import logging
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, TextIO

from orchestrator.console.terminal import plain
from orchestrator.redaction import Redactor


@contextmanager
def _hidden(name: str) -> Iterator[None]:
    """As if the module `name` were not installed, for a library that does more where it finds it."""
    modules: dict[str, Any] = sys.modules
    found = modules.pop(name, None)
    modules[name] = None
    try:
        yield
    finally:
        del modules[name]
        if found is not None:
            modules[name] = found


# structlog's renderer for developers, which is not used here, imports rich's tracebacks and every lexer of pygments
# where it finds rich: a tenth of the time until the first start. Only commands import this module, never the library.
if TYPE_CHECKING:
    import structlog
else:
    with _hidden("rich"):
        import structlog

QUIET: Final = frozenset(
    {"start_answered", "campaign_done", "probe_begun", "probe_done", "stop_answered", "ledger_created",
     "preflight_begun"}
)  # fmt: skip
"""Events of single campaigns, which in text would drown the progress line, and what has a sentence of its own there."""


def set_up(log_format: str, redactor: Redactor, *, verbose: bool, stream: TextIO | None = None) -> None:
    """Configure logging to `stream`, by default stderr. `log_format` is `text` or `json`."""

    def redact(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        return {key: redactor.value(value) for key, value in event.items()}

    is_json = log_format == "json"
    last: list[structlog.typing.Processor] = [structlog.processors.JSONRenderer()] if is_json else [_as_text]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            # After tracebacks have become text: they may quote a secret.
            redact,
            *last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG if is_json or verbose else logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(stream or sys.stderr),
        cache_logger_on_first_use=False,
    )
    _redact_other_output(redactor)


def _redact_other_output(redactor: Redactor) -> None:
    """Take secrets out of what Python and the libraries print by themselves: log lines, warnings, uncaught errors."""
    root = logging.getLogger()
    # In place of the last set-up's: a second handler would write every line twice.
    root.handlers = [one for one in root.handlers if not isinstance(one, _RedactingHandler)]
    root.addHandler(_RedactingHandler(redactor))
    logging.captureWarnings(capture=True)

    # An uncaught error passes by the loggers, and so by their redaction.
    def uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
        _print(redactor, "".join(traceback.format_exception(kind, error, trace)))

    def in_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_type is not SystemExit:
            uncaught(args.exc_type, args.exc_value, args.exc_traceback)

    def unraisable(args: "sys.UnraisableHookArgs") -> None:
        _print(redactor, f"{args.err_msg or 'Exception ignored in'}: {args.object!r}\n")
        uncaught(args.exc_type, args.exc_value, args.exc_traceback)

    sys.excepthook, threading.excepthook, sys.unraisablehook = uncaught, in_thread, unraisable


class _RedactingHandler(logging.Handler):
    """Writes the warnings and errors of every logger that has no handler of its own, asyncio's included."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__(logging.WARNING)
        self._redactor = redactor

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record with its traceback."""
        try:
            text = self.format(record)
        except Exception as error:  # noqa: BLE001 - a library's mistake; Python's own report of it quotes the arguments
            text = f"{record.name}: a log message cannot be formatted ({type(error).__name__})"
        _print(self._redactor, f"{text}\n")


def _print(redactor: Redactor, text: str) -> None:
    with suppress(OSError, ValueError, AttributeError):  # stderr is closed, full, or not there
        sys.stderr.write(redactor.text(text))


def _as_text(_: Any, __: str, event: structlog.typing.EventDict) -> str:
    # Of the ISO timestamp, the time to the second.
    at, name = str(event.pop("timestamp"))[11:19], event.pop("event")
    event.pop("level")
    trace = event.pop("exception", "")
    words = " ".join(f"{key}={plain(str(value))}" for key, value in event.items() if value not in {None, ""})
    return f"{at} {name} {words}".rstrip() + (f"\n{trace}" if trace else "")


class LogObserver:
    """Passes the engine's events to structlog, with the set-up that is in force when the observer is made."""

    def __init__(self) -> None:
        # Bound once: an unbound logger makes a new one for every event, even for one that is not shown.
        self._log: Any = structlog.get_logger().bind()

    def event(self, name: str, **fields: Any) -> None:
        """Log an event."""
        log = self._log.debug if name in QUIET else self._log.info
        log(name, **fields)
