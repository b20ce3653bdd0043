import io
import os
from pathlib import Path

import pytest

from orchestrator.console.streams import _forgiving, is_left


@pytest.fixture
def pipe():
    read, write = os.pipe()
    with os.fdopen(write, "w", encoding="ascii") as stream:
        yield read, stream


def test_a_stream_writes_while_it_is_read(pipe):
    read, stream = pipe
    out = _forgiving(stream, forgives_all=False)
    out.write("one \u00fc \ud83d\n")
    out.flush()

    assert os.read(read, 100) == b"one \\xfc \\ud83d\n"
    assert not is_left(out)
    assert out.fileno() == stream.fileno()
    assert out.isatty() is False
    os.close(read)


def test_a_stream_whose_reader_has_left_takes_everything(pipe):
    read, stream = pipe
    out = _forgiving(stream, forgives_all=False)
    os.close(read)
    for _ in range(3):
        out.write("x" * 100_000)
        out.flush()

    assert is_left(out)


@pytest.mark.parametrize("forgives_all", [True, False])
def test_another_fault_is_raised_once_unless_nobody_would_see_it(forgives_all):
    with Path("/dev/full").open("w", encoding="utf-8") as stream:
        out = _forgiving(stream, forgives_all=forgives_all)
        faults = []
        for _ in range(3):
            try:
                out.write("x" * 100_000)
                out.flush()
            except OSError as fault:
                faults.append(fault.errno)

        assert len(faults) == (0 if forgives_all else 1)
        assert is_left(out)


def test_a_closed_stream_becomes_one_that_takes_everything():
    with _forgiving(None, forgives_all=True) as out:
        assert out.write("text") == 4


def test_what_is_no_file_stays_as_it_is():
    capture = io.StringIO()

    assert _forgiving(capture, forgives_all=True) is capture
    assert not is_left(capture)
