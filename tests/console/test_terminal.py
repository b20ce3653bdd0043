import io

import pytest

from orchestrator.console.terminal import console_for, has_bars, plain
from tests.report.samples import HOSTILE


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("stream", "environ", "bars"),
    [
        (Terminal(), {"TERM": "xterm"}, True),
        (Terminal(), {}, True),
        (Terminal(), {"TERM": "dumb"}, False),
        (Terminal(), {"TERM": "unknown"}, False),
        (Terminal(), {"TERM": "xterm", "CI": "true"}, False),
        (Terminal(), {"TERM": "xterm", "CI": ""}, True),
        (Terminal(), {"TERM": "xterm", "NO_COLOR": "1"}, True),
        (io.StringIO(), {"TERM": "xterm"}, False),
        (io.StringIO(), {"TERM": "xterm", "FORCE_COLOR": "1"}, False),
    ],
)
def test_bars_are_drawn_only_where_lines_can_be_drawn_over(stream, environ, bars):
    assert has_bars(stream, environ) is bars


@pytest.mark.parametrize(
    ("stream", "environ", "styled"),
    [
        (Terminal, {"TERM": "xterm"}, True),
        (Terminal, {"TERM": "dumb"}, False),
        (Terminal, {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (Terminal, {"TERM": "xterm", "NO_COLOR": ""}, True),
        (Terminal, {"TERM": "xterm", "NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        (io.StringIO, {"TERM": "xterm"}, False),
        (io.StringIO, {"TERM": "xterm", "FORCE_COLOR": "1"}, True),
        (io.StringIO, {"TERM": "dumb", "FORCE_COLOR": "1"}, False),
        (io.StringIO, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_text_is_styled_only_where_it_is_wanted(monkeypatch, stream, environ, styled):
    for name in ("TERM", "NO_COLOR", "FORCE_COLOR", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    out = stream()
    console_for(out, environ).print("text", style="bold red")

    assert ("\x1b[" in out.getvalue()) is styled
    assert "text" in out.getvalue()


@pytest.mark.parametrize("text", [*HOSTILE, "##[error]x", "a\x1b]0;title\x07b"])
def test_foreign_text_neither_ends_its_line_nor_commands_anybody(text):
    shown = plain(text)

    assert shown.splitlines() in ([shown], [])
    assert shown.isprintable() or "\ufeff" in shown or "\u200d" in shown or "\uffff" in shown
    assert "##[" not in shown
    assert shown.encode().decode() == shown
