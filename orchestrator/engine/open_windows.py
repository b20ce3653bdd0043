"""Whether a start may leave now, by its window and by `not_after`."""

from orchestrator.core.rules.windows import Span, WindowCalendar
from orchestrator.ports import Clock


class WindowClosed(Exception):  # noqa: N818 - a fact, not a malfunction
    """A campaign whose window is not open: its turn comes when the window opens."""


class OpenWindows:
    """The windows of one run's manifest, as they are now."""

    def __init__(self, calendar: WindowCalendar, clock: Clock) -> None:
        self.calendar = calendar
        self._clock = clock

    def is_open(self, window: str | None) -> bool:
        """Whether a campaign of the window may be started now; None is the window of those without one."""
        return self.calendar.is_open(window, self._clock.now())

    def have_ended(self) -> bool:
        """Whether `not_after` has come: nothing may start from then on."""
        return self.calendar.has_ended(self._clock.now())

    def next(self, window: str) -> Span:
        """When starts may leave: the span that holds now, else the next one; `NEVER` where none comes soon."""
        return self.calendar.next(window, self._clock.now())
