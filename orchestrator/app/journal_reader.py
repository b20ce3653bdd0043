"""Reads a launch from the ledger and records a person's commands in it; nothing here sends anything."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from orchestrator.core.delivery.delivery import Deliveries
from orchestrator.core.delivery.readings import DELIVERY_KINDS
from orchestrator.core.journal.control import ControlCommand, ControlState
from orchestrator.core.journal.lease import Lease
from orchestrator.core.journal.records import END, PLAN, RUN, STOP_KINDS
from orchestrator.core.journal.states import CampaignState, Event, IllegalMove
from orchestrator.core.journal.subruns import headers, is_open
from orchestrator.core.journal.waits import Wait, current
from orchestrator.core.manifest.models import Manifest
from orchestrator.core.plan.repeat_guard import PreviousStart, recent_starts
from orchestrator.core.plan.stop_plan import stops
from orchestrator.core.result.build import NoRunError, Result, build
from orchestrator.core.text import command_line
from orchestrator.errors import LedgerError, NoPlanYet, NothingSelected, Refused
from orchestrator.ledger.machine_id import this_user
from orchestrator.ledger.store import Store
from orchestrator.model import CampaignKey, Lane, PosixSeconds, Stop


@contextmanager
def open_ledger(url: str) -> Iterator[Store]:
    """An existing ledger, closed in the end. Raises LedgerError if there is none, or it cannot be used."""
    store = Store.open(url, create=False)
    try:
        yield store
    finally:
        store.close()


def pick_launch(store: Store, launch: str | None) -> str:
    """The launch by name, or the newest. Raises NothingSelected with the names there are."""
    known = store.launches()
    if launch is None and known:
        return known[0]
    if launch not in known:
        names = ", ".join(known[:5]) or "none"
        raise NothingSelected(f"the ledger has no launch {launch or ''}".rstrip() + f"; it has: {names}")
    return str(launch)


def record_command(
    url: str, launch: str, command: ControlCommand, reason: str
) -> tuple[ControlState, tuple[Wait, ...]]:
    """Record this user's pause, unpause or abort, for every run that reaches the ledger. Raises Refused.

    Returns the new state, and who waits for the launch's time, as far as that can be read.
    """
    with open_ledger(url) as store:
        name = pick_launch(store, launch)
        state = store.record_command(name, command, this_user(), reason, store.time())
        # Only then: a mark that cannot be read must not keep anybody from stopping a launch.
        with suppress(LedgerError):
            return state, tuple(wait for wait in current(store.waits(), name, None) if wait.is_live)
        return state, ()


def release_lanes(
    url: str, name: str, reason: str, confirm: Callable[[Mapping[Lane, Lease]], None]
) -> Mapping[Lane, Lease]:
    """Release the accounts that a launch holds, or one account by its id, for this user, who knows the runs to be dead.

    `confirm` sees the leases first, and may raise Refused. Raises NothingSelected, Refused and LedgerError.
    """
    with open_ledger(url) as store:
        held = store.lanes_held(name, store.time())
        if not held:
            raise Refused(
                f"no run holds {name}: there is nothing to release", next_step=command_line("list", ledger=url)
            )
        confirm(held)
        store.release_dead(held, this_user(), reason, store.time())
    return held


@dataclass(frozen=True, slots=True)
class LaunchStatus:
    """Where a launch stands. `result` is None while it has no run with a plan.

    `stopped` counts the campaigns that were stopped since they were started, `waits` are the runs that wait for their
    time.
    """

    launch: str
    result: Result | None
    control_state: ControlState
    is_live: bool = False
    stopped: int = 0
    waits: tuple[Wait, ...] = ()


def read_status(url: str, launch: str | None) -> LaunchStatus:
    """The status of a launch, by default the newest.

    Raises NoPlanYet for one that has no run, waits for none, and was not paused or aborted. Raises NothingSelected and
    LedgerError.
    """
    with open_ledger(url) as store:
        found = read_launch(store, pick_launch(store, launch))
    if found.result is None and not found.waits and found.control_state.command is None:
        raise _no_plan(found.launch, None, url)
    return found


def read_launch(store: Store, launch: str) -> LaunchStatus:
    """The status of a launch. Raises LedgerError."""
    # Read first: a run that no longer waits has begun, and is found below.
    marks, live = store.waits(), live_run(store, launch)
    try:
        found = result(store, launch, live=live)
    except NoPlanYet:
        return LaunchStatus(launch, None, store.control_state(launch), waits=current(marks, launch, None))
    is_live = live == found.run["run_id"] and found.run["finished_at"] is None
    stopped = sum(one.is_confirmed for one in stops(store.read(launch, kinds=STOP_KINDS)).values())
    waits = current(marks, launch, found.run["started_at"])
    return LaunchStatus(launch, found, store.control_state(launch), is_live, stopped, waits)


def _no_plan(launch: str, run_id: str | None, url: str) -> NoPlanYet:
    which = f" {run_id}" if run_id else ""
    return NoPlanYet(f"launch {launch} has no run{which} with a plan", next_step=command_line("list", ledger=url))


def live_run(store: Store, launch: str, run_id: str | None = None) -> str | None:
    """The id of a launch's run, by default the newest, if it is going on.

    To be asked before its records are read: a run that ends between the two has its end among them.
    """
    runs = store.read(launch, kinds=(RUN, END))
    ids = [header.run_id for header in headers(runs) if run_id in {None, header.run_id}]
    # A fleet's run holds no lease of its own: it is live until its end is journaled.
    if ids and (store.is_live(ids[-1], store.time()) or is_open(runs, ids[-1])):
        return ids[-1]
    return None


def newest_run(store: Store, launch: str) -> str | None:
    """The id of the last run that a person started; None if there is none."""
    ids = [header.run_id for header in headers(store.read(launch, kinds=(RUN,)))]
    return ids[-1] if ids else None


def read_states(
    store: Store, manifest: Manifest, only: Sequence[CampaignKey] | None = None
) -> dict[CampaignKey, CampaignState]:
    """The states of the manifest's launch; of some campaigns, where `only` names them."""
    # A fleet's lane reads those of its account alone: hundreds of lanes would each fold the whole journal.
    if only is None:
        return store.fold(store.stream(manifest.launch))
    return store.fold(store.read_some(manifest.launch, only))


def read_deliveries(store: Store, manifest: Manifest) -> Deliveries:
    """What earlier runs have read of started campaigns, where a wave waits for them."""
    found = Deliveries()
    if any(wave.pass_ is not None and wave.pass_.waits_for_delivery for wave in manifest.waves):
        # With the recipients, which a campaign that has started is no longer asked for.
        for record in store.read(manifest.launch, kinds=(*DELIVERY_KINDS, PLAN, str(Event.INTENT))):
            found.read(record)
    return found


def previous_starts(
    store: Store, manifest: Manifest, now: PosixSeconds
) -> Mapping[tuple[Lane, CampaignKey], PreviousStart]:
    """What other launches of this ledger started within `repeat_guard`. To be read with the lanes held."""
    if manifest.repeat_guard is None:
        return {}
    others = (store.stream(launch) for launch in store.launches() if launch != manifest.launch)
    try:
        return recent_starts(others, manifest.launch, PosixSeconds(now - manifest.repeat_guard))
    except IllegalMove as error:
        raise LedgerError(f"ledger {manifest.ledger} contradicts itself: {error}") from error


def result(
    store: Store,
    launch: str,
    run_id: str | None = None,
    *,
    stop: Stop | None = None,
    warnings: Sequence[str] = (),
    live: str | None = None,
) -> Result:
    """The result of a run, by default the last, from the journal alone. The options are as for `build`.

    Raises NothingSelected if the launch has no such run, LedgerError if its records contradict each other.
    """
    try:
        found = build(store.stream(launch), run_id, stop=stop, warnings=warnings, live=live)
    except NoRunError as error:
        raise _no_plan(launch, run_id, store.url) from error
    except IllegalMove as error:
        raise LedgerError(f"ledger {store.url} contradicts itself: {error}") from error
    return replace(found, run={**found.run, "head": store.head(launch, found.run["run_id"])})
