"""How fast an account's messages go out: its campaigns share its rate, each the same part. Pure.

A campaign that would be alone sends one message for each unit of an account's progress; of n campaigns, each gets 1/n
of what the rate allows. So the account's progress alone says how far every campaign is, however many there are.
"""

import heapq
import math
from dataclasses import dataclass, field

Key = tuple[str, str]
"""A campaign's stream and id."""


@dataclass(slots=True)
class Sender:
    """The campaigns of one account that are sending, at `per_second` messages a second in all. Time never goes back."""

    per_second: float
    _at: float = 0.0  # POSIX seconds
    _progress: float = 0.0  # messages that each campaign has sent which was there from the beginning
    _begun: dict[Key, float] = field(default_factory=dict)  # the progress at which a campaign began
    _ends: list[tuple[float, Key]] = field(default_factory=list)  # and the one at which it has nothing left to send
    _done: dict[Key, int] = field(default_factory=dict)

    def begin(self, key: Key, messages: int, now: float) -> None:
        """A campaign begins to send `messages`, at `now` in POSIX seconds."""
        self.end(key, now)
        self._begun[key] = self._progress
        heapq.heappush(self._ends, (self._progress + messages, key))

    def end(self, key: Key, now: float) -> int:
        """A campaign stops sending. Returns how many messages it has sent since it began."""
        sent = self.sent(key, now)
        self._done.pop(key, None)
        if self._begun.pop(key, None) is not None:
            self._ends = [one for one in self._ends if one[1] != key]
            heapq.heapify(self._ends)
        return sent

    def sent(self, key: Key, now: float) -> int:
        """How many messages a campaign has sent since it began, by `now` in POSIX seconds."""
        self._advance(now)
        if key in self._begun:
            return math.floor(self._progress - self._begun[key] + 1e-9)
        return self._done.get(key, 0)

    def _advance(self, now: float) -> None:
        # From one campaign's end to the next: each makes the others faster.
        while self._ends:
            each, (end, key) = self.per_second / len(self._ends), self._ends[0]
            done_at = self._at + (end - self._progress) / each
            if done_at > now:
                self._progress += max(0.0, now - self._at) * each
                break
            heapq.heappop(self._ends)
            self._done[key] = round(end - self._begun.pop(key))
            self._at, self._progress = max(self._at, done_at), end
        self._at = max(self._at, now)
