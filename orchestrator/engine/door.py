"""The one door of a process: every call of every lane passes it, so it limits how many are on their way at a time."""

import asyncio
from collections.abc import Callable
from typing import Final

SHORTAGE_PAUSE: Final = 1.0
"""Seconds for which nothing passes after this machine lacked a descriptor or a port for a connection."""

Wake = Callable[[], None]


class Door:
    """Lets at most `places` calls in at a time, in the order in which they arrive.

    A lane stands in line with one call at a time, and goes to the end of the line with its next call. So lanes take
    turns, no matter how many calls each may have on its way. Nothing here awaits: a caller that has to wait is woken,
    and asks again.
    """

    def __init__(self, places: int) -> None:
        self.places = places
        self._inside = 0
        self._allowed = places  # fewer after a shortage
        self._line: dict[Wake, None] = {}
        self._is_shut = self._was_shut = False

    def __repr__(self) -> str:
        shut = ", shut" if self._is_shut else ""
        return f"<Door: {self._inside} of {self._allowed} inside, {len(self._line)} waiting{shut}>"

    @property
    def inside(self) -> int:
        """Calls on their way, of all lanes."""
        return self._inside

    def is_in_line(self, wake: Wake) -> bool:
        """Whether the one that `wake` wakes waits for a place."""
        return wake in self._line

    def enter(self, wake: Wake) -> bool:
        """Take a place, which `leave` gives back. A caller whose turn it is not stands in line from now on.

        `wake` is called when its turn has come; it then asks again, or leaves the line.
        """
        if self._line or not self._has_place():
            self._line.setdefault(wake)
            if not self._has_place() or next(iter(self._line)) != wake:
                return False
            del self._line[wake]
        self._inside += 1
        self._wake_first()
        return True

    def leave_line(self, wake: Wake) -> None:
        """Wait no longer. Wakes the next in line: the turn may have been the caller's."""
        if wake in self._line:
            del self._line[wake]
            self._wake_first()

    def leave(self) -> None:
        """Give a place back. Raises ValueError if none is taken."""
        if self._inside == 0:
            raise ValueError("nobody is inside")
        self._inside -= 1
        if not self._is_shut:
            self._allowed = min(self.places, self._allowed + 1)
        self._wake_first()

    def shut(self, seconds: float = SHORTAGE_PAUSE) -> bool:
        """Let nobody in for some seconds: this machine did not have enough of something for a connection.

        Then let one in, and one more with every call that ends, up to all places (Jacobson, "Congestion Avoidance and
        Control", 1988). Returns whether it is the first time.
        """
        is_first, self._was_shut = not self._was_shut, True
        if not self._is_shut:  # the calls that were inside with it fail for the same reason
            self._is_shut, self._allowed = True, 1
            asyncio.get_running_loop().call_later(seconds, self._reopen)
        return is_first

    def _reopen(self) -> None:
        self._is_shut = False
        self._wake_first()

    def _has_place(self) -> bool:
        return self._inside < self._allowed and not self._is_shut

    def _wake_first(self) -> None:
        # The first alone: when it has entered, or left the line, it wakes the next.
        if self._line and self._has_place():
            next(iter(self._line))()
