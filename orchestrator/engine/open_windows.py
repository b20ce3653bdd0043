"""Whether a window is open now. Asked before every start, so the answer is kept until it changes."""

from collections.abc import Mapping

from orchestrator.core.manifest.models import OpenHours
from orchestrator.core.rules.windows import Span, opening
from orchestrator.model import PosixSeconds
from orchestrator.ports import Clock

NEVER = Span(PosixSeconds(float("inf")), PosixSeconds(float("inf")))


class WindowClosed(Exception):  # noqa: N818 - a fact, not a malfunction
    """A campaign whose window is not open: its turn comes when it is."""


class OpenWindows:
    """The windows of one run's manifest."""

    def __init__(self, windows: Mapping[str, OpenHours], clock: Clock) -> None:
        self._windows = windows
        self._clock = clock
        self._known: dict[str, tuple[PosixSeconds, Span]] = {}  # by window: when it was asked, and what was found

    def is_open(self, window: str | None) -> bool:
        """Whether a campaign of the window may be started now; None is the window of those without one."""
        return window is None or self.next(window).holds(self._clock.now())

    def next(self, window: str) -> Span:
        """When starts may leave: the span that holds now, else the next one; `NEVER` where none comes soon."""
        now = self._clock.now()
        asked, span = self._known.get(window, (now, Span(now, now)))
        if not asked <= now < span.closes:
            span = opening(self._windows[window], now) or NEVER
            self._known[window] = now, span
        return span
