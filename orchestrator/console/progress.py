"""What is known of a run while it goes on: counted from its events, and by lane."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, Final

from orchestrator.core.gauge import LaneGauge, RunGauge
from orchestrator.core.manifest.start_times import StartTime
from orchestrator.model import PosixSeconds, Stop
from orchestrator.ports import Clock

_NO_LANE: Final = LaneGauge()


class Phase(Enum):
    """What a run is doing."""

    PREFLIGHT = "preflight"
    WAITING = "waiting"
    STARTS = "starts"
    REPORTS = "reports"


@dataclass(slots=True)
class LaneProgress:
    """One lane. `window` is the one it waits for until `opens` (POSIX seconds); `stopped` says why it has.

    `lists` says which contact list campaigns wait for, and who uses it.
    """

    name: str
    expected: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    held: int = 0
    throttled: int = 0
    limited_until: float = 0.0
    window: str = ""
    opens: float = 0.0
    lists: str = ""
    is_breaker_open: bool = False
    stopped: str = ""

    @property
    def done(self) -> int:
        """Campaigns that have an outcome, or are held."""
        return sum(self.outcomes.values()) + self.held

    @property
    def is_finished(self) -> bool:
        """Whether nothing more is to come."""
        return self.done >= self.expected


class ProgressObserver:
    """Counts what happens to each lane's campaigns, and keeps what the run waits for and until when.

    `names` are the accounts' names by lane, `zones` the windows' time zones; `patience` is the longest that a call in
    flight is waited for, in seconds. `gauge` and `stop` say how the run stands and why it stops, where that is known.
    """

    def __init__(
        self,
        launch: str,
        names: Mapping[str, str],
        clock: Clock,
        *,
        zones: Mapping[str, str] | None = None,
        patience: float = 0.0,
        gauge: Callable[[], RunGauge] = RunGauge,
        stop: Callable[[], Stop | None] = lambda: None,
    ) -> None:
        self.launch = launch
        self.lanes = {lane: LaneProgress(name) for lane, name in names.items()}
        self.zones = zones or {}
        self.patience = patience
        self.gauge = gauge
        self.stop = stop
        self.phase = Phase.PREFLIGHT
        self.to_read = 0  # campaigns whose live state preflight reads
        self.starts: StartTime | None = None  # what the whole run waits for
        self.probes: set[str] = set()  # campaigns for which evidence of a start is looked for
        self.wave = ""
        self.bakes_until = 0.0
        self.follows_until = 0.0
        self.paused = ""  # by whom and why, while it is
        self.begun = clock.now()
        self.stopped_at: PosixSeconds | None = None
        self._clock = clock
        self._on: dict[str, Callable[[Mapping[str, Any]], None]] = {
            "campaign_done": self._campaign_done,
            "preflight_begun": self._preflight_begun,
            "start_waiting": self._start_waiting,
            "probe_begun": lambda fields: self.probes.add(fields["campaign"]),
            "probe_done": lambda fields: self.probes.discard(fields["campaign"]),
            "wave_opened": self._wave_opened,
            "wave_baking": self._wave_baking,
            "wave_following": self._wave_following,
            "wave_followed": lambda _: self._wave_following({}),
            "window_waiting": self._window_waiting,
            "window_held": self._window_held,
            "list_waiting": self._list_waiting,
            "campaign_held": lambda fields: self._hold(fields["lane"], 1),
            "lane_limited": self._lane_limited,
            "breaker_opened": lambda fields: self._set_breaker(fields["lane"], is_open=True),
            "breaker_closed": lambda fields: self._set_breaker(fields["lane"], is_open=False),
            "lane_stopped": self._lane_stopped,
            "launch_paused": self._paused,
            "launch_unpaused": self._unpaused,
        }

    def begin(self, expected: Mapping[str, int]) -> None:
        """The plan is made: how many campaigns are to get an outcome in each lane."""
        self.phase, self.begun = Phase.STARTS, self._clock.now()
        for lane, count in expected.items():
            self._lane(lane).expected = count

    def event(self, name: str, **fields: Any) -> None:
        """Count an event, if it is one of those that count."""
        act = self._on.get(name)
        if act is not None:
            act(fields)

    def now(self) -> PosixSeconds:
        """POSIX seconds."""
        return self._clock.now()

    def note_stop(self) -> None:
        """Remember when it was first seen that the run stops: from then on calls in flight are awaited."""
        if self.stopped_at is None and self.stop() is not None:
            self.stopped_at = self._clock.now()

    def total(self, outcome: str) -> int:
        """Campaigns with an outcome, in all lanes."""
        return sum(lane.outcomes.get(outcome, 0) for lane in self.lanes.values())

    def _lane(self, lane: object) -> LaneProgress:
        name = str(lane)
        found = self.lanes.get(name)
        return found if found is not None else self.lanes.setdefault(name, LaneProgress(name))

    def _campaign_done(self, fields: Mapping[str, Any]) -> None:
        outcomes, outcome = self._lane(fields["lane"]).outcomes, fields["outcome"]
        outcomes[outcome] = outcomes.get(outcome, 0) + 1

    def _preflight_begun(self, fields: Mapping[str, Any]) -> None:
        self.to_read = fields["campaigns"]

    def _start_waiting(self, fields: Mapping[str, Any]) -> None:
        self.starts = StartTime(PosixSeconds(_seconds(fields["until"])), fields["zone"])

    def _wave_opened(self, fields: Mapping[str, Any]) -> None:
        self.wave, self.bakes_until = fields["wave"], 0.0

    def _wave_baking(self, fields: Mapping[str, Any]) -> None:
        self.bakes_until = _seconds(fields["until"])

    def _wave_following(self, fields: Mapping[str, Any]) -> None:
        self.follows_until = _seconds(fields["until"]) if fields else 0.0

    def _window_waiting(self, fields: Mapping[str, Any]) -> None:
        lane = self._lane(fields["lane"])
        lane.window, lane.opens = fields["window"], _seconds(fields["until"])

    def _window_held(self, fields: Mapping[str, Any]) -> None:
        self._hold(fields["lane"], fields["campaigns"])

    def _list_waiting(self, fields: Mapping[str, Any]) -> None:
        self._lane(fields["lane"]).lists = fields["message"] if fields["campaigns"] else ""

    def _hold(self, lane: object, campaigns: int) -> None:
        self._lane(lane).held += campaigns

    def _lane_limited(self, fields: Mapping[str, Any]) -> None:
        lane = self._lane(fields["lane"])
        lane.throttled += 1
        lane.limited_until = max(lane.limited_until, self._clock.now() + fields["seconds"])

    def _set_breaker(self, lane: object, *, is_open: bool) -> None:
        self._lane(lane).is_breaker_open = is_open

    def _lane_stopped(self, fields: Mapping[str, Any]) -> None:
        lane = self._lane(fields["lane"])
        lane.stopped, lane.is_breaker_open = fields["message"], False

    def _paused(self, fields: Mapping[str, Any]) -> None:
        self.paused = f"paused by {fields['by']}: {fields['reason']}"

    def _unpaused(self, _: Mapping[str, Any]) -> None:
        self.paused = ""


def _seconds(until: str) -> float:
    return datetime.fromisoformat(until).timestamp()
