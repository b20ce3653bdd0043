"""The events of a run: stable names and fields, from which docs/reference/events.md has its table."""

from dataclasses import dataclass
from typing import Final

EVENTS_VERSION: Final = "1"
"""Raised when a name or a field is removed or changes its meaning; both may be added within a version."""


@dataclass(frozen=True, slots=True)
class EventKind:
    """One kind of event: its name, when it comes, and the fields it always has."""

    name: str
    when: str
    fields: tuple[str, ...]


EVENTS: Final = (
    # The run and its waves.
    EventKind("ledger_created", "there was no ledger at this address: a new one was created", ("ledger",)),
    EventKind("run_started", "the plan is made, nothing is sent yet",
              ("events_version", "launch", "run_id", "host", "starts", "judgements", "skips")),
    EventKind("start_waiting", "the run waits for its time, `--at` or `not_before`, and holds no account until then",
              ("until", "zone")),
    EventKind("preflight_begun", "the live states of campaigns are about to be read", ("campaigns",)),
    EventKind("lease_watched", "an account's lease ends too late: a clock was ahead, and its holder may be dead",
              ("seconds", "message")),
    EventKind("wave_opened", "a wave begins", ("wave", "campaigns")),
    EventKind("wave_baking", "a wave waits before the next one opens", ("wave", "until")),
    EventKind("wave_following", "the campaigns that the wave started are read until its `pass` is reached",
              ("wave", "until")),
    EventKind("wave_followed", "the reading for the wave's `pass` has ended", ("wave", "passed", "message")),
    EventKind("wave_checked", "the wave's `pass.command` has ended", ("wave", "passed", "message")),
    # Campaigns that cannot start yet.
    EventKind("window_waiting", "campaigns wait for their window; others continue",
              ("lane", "window", "campaigns", "until")),
    EventKind("window_held", "campaigns are held: their window opens later than the run waits",
              ("lane", "window", "campaigns", "message")),
    EventKind("list_waiting", "campaigns wait for contact lists that others use (0: none is waiting any longer)",
              ("lane", "campaigns", "message", "until")),
    EventKind("campaign_held", "a campaign was changed on the platform while it waited, or its contact list is in use",
              ("campaign", "lane", "message")),
    # Each start, and what it came to.
    EventKind("start_answered", "one attempt to start has its verdict",
              ("campaign", "attempt", "verdict", "lane", "http_status", "elapsed_ms", "message")),
    EventKind("campaign_done", "a campaign has its outcome", ("campaign", "outcome", "lane", "message")),
    EventKind("probe_begun", "the answer to a start got lost: a search for evidence of the start begins",
              ("campaign", "lane")),
    EventKind("probe_done", "a search for evidence of a lost start has ended", ("campaign", "found", "message")),
    # An account that has to wait or stop.
    EventKind("connections_short", "this machine has too few files, ports or buffers for more connections; "
              "nothing is lost, starts only take longer", ("message",)),
    EventKind("lane_limited", "the platform limited a call; the lane waits", ("lane", "seconds", "message")),
    EventKind("breaker_opened", "starts got lost in a row; the account pauses", ("lane", "lost")),
    EventKind("breaker_looked", "a read showed whether the platform answers", ("lane", "worked")),
    EventKind("breaker_closed", "a start was answered again; the account goes on", ("lane",)),
    EventKind("lane_stopped", "a lane has stopped; its remaining campaigns are held", ("lane", "reason", "message")),
    EventKind("wave_closed", "every campaign of a wave has an outcome, or the run stopped; the wave's check comes next",
              ("wave", "passed", "verdict", "message")),
    EventKind("wave_passed", "a wave of the manifest is over, with its bake and its check: the next one may open",
              ("wave",)),
    # Notices.
    EventKind("notice_failed", "somebody whom `notify` names could not be notified; nothing else changes",
              ("notice", "entry", "message")),
    # A person's commands.
    EventKind("launch_paused", "a person paused the launch", ("by", "reason", "number")),
    EventKind("launch_unpaused", "a person unpaused the launch, or lifted its abort", ("number",)),
    EventKind("launch_aborted", "a person aborted the launch", ("by", "reason", "number")),
    EventKind("stop_answered", "`stop-started` has the answer to a stop", ("campaign", "outcome", "message")),
    # What becomes of started campaigns (`follow`, `run --follow`).
    EventKind("follow_read", "a round has read an account's started campaigns",
              ("account", "campaigns", "unread", "completed", "sent")),
    EventKind("follow_skipped", "an account could not be read, or not all of it: the next round reads it again",
              ("account", "message")),
    EventKind("delivery_ended", "a campaign is completed, stopped, paused, or no longer listed",
              ("campaign", "state", "sent")),
    EventKind("delivery_stalled", "a campaign is Active and sends nothing within its calling hours",
              ("campaign", "sent", "message")),
    # Workers, and the process that watches them.
    EventKind("worker_ready", "a worker is ready to take lanes", ("concurrency",)),
    EventKind("worker_waits", "a worker waits for the database", ("message",)),
    EventKind("lane_taken", "a worker begins with a lane", ("launch", "wave", "account")),
    EventKind("lane_done", "a worker has finished a lane", ("launch", "wave", "account")),
    EventKind("lane_put_off", "a worker postpones a lane", ("launch", "wave", "account", "message")),
    EventKind("lanes_put_back", "lanes of workers without a heartbeat are queued again", ("count",)),
    EventKind("ledger_away", "the process that watches a fleet, or waits for the start, waits for the database",
              ("message",)),
    EventKind("run_finished", "everything is recorded", ("run_id", "stop")),
)  # fmt: skip


def as_table() -> str:
    """The events as the table of docs/reference/events.md."""
    rows = [f"| `{kind.name}` | {kind.when} | {', '.join(f'`{field}`' for field in kind.fields)} |" for kind in EVENTS]
    return "\n".join(["| Event | When | Fields |", "|---|---|---|", *rows]) + "\n"
