"""Standard streams that survive their readers: `run … | head -1` must neither end a run nor change its exit code."""

import io
import os
import sys
from typing import Any, TextIO


class OutputError(OSError):
    """The standard output cannot be written to, as on a full disk."""


class _Forgiving(io.RawIOBase):
    """Writes until its reader has left; from then on it takes everything and keeps nothing."""

    def __init__(self, raw: Any, *, forgives_all: bool) -> None:
        super().__init__()
        self._raw = raw
        self._forgives_all = forgives_all
        self.is_left = False

    def write(self, data: Any) -> int:
        if not self.is_left:
            try:
                return int(self._raw.write(data))
            except OSError as error:
                # Once only: what is still buffered is written again when the interpreter ends, which would then
                # end with 120.
                self.is_left = True
                if not self._forgives_all and not isinstance(error, BrokenPipeError):
                    raise OutputError(error.errno, error.strerror) from error
        return len(data)

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return bool(self._raw.isatty())

    def fileno(self) -> int:
        return int(self._raw.fileno())


def open_missing_descriptors() -> None:
    """Open the null device for each of stdin, stdout and stderr that the caller closed.

    Otherwise the ledger's file or a socket becomes the standard output, and uvloop aborts the process.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115 - it lasts as long as the process


def tolerate_closed_pipes() -> None:
    """Let this process go on when the reader of stdout leaves. Errors of stderr are ignored."""
    sys.stdout = _forgiving(sys.stdout, forgives_all=False)
    sys.stderr = _forgiving(sys.stderr, forgives_all=True)


def is_left(stream: TextIO) -> bool:
    """Whether a reader has left the stream."""
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    return isinstance(raw, _Forgiving) and raw.is_left


def _forgiving(stream: TextIO | None, *, forgives_all: bool) -> TextIO:
    if stream is None:  # closed by the shell, as by 2>&-
        return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - it lasts as long as the process
    buffer = getattr(stream, "buffer", None)
    raw = getattr(buffer, "raw", buffer)  # python -u has no buffer between
    if not isinstance(raw, io.FileIO):
        return stream  # a test's capture
    return io.TextIOWrapper(
        io.BufferedWriter(_Forgiving(raw, forgives_all=forgives_all)),
        encoding=stream.encoding,
        # A server's lone surrogate, or a locale without our letters, must not cost the summary of a run.
        errors="backslashreplace",
        line_buffering=getattr(stream, "line_buffering", True),
        write_through=getattr(stream, "write_through", False),
    )
