"""Reads a launch from the ledger and records a person's commands in it; nothing here sends anything."""

import getpass
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType

from orchestrator.app.spool import Spool
from orchestrator.core.journal.control import ControlCommand, ControlState
from orchestrator.core.journal.states import CampaignState, IllegalMove, State, fold
from orchestrator.core.manifest.models import Manifest
from orchestrator.core.plan.repeat_guard import PreviousStart, recent_starts
from orchestrator.core.result.build import RUN_KINDS, NoRunError, Result, Sources, assemble
from orchestrator.errors import LedgerError, NothingSelected
from orchestrator.ledger.store import Store
from orchestrator.model import CampaignKey, Lane, Record


@contextmanager
def opened(url: str) -> Iterator[Store]:
    """An existing ledger, closed in the end."""
    store = Store.open(url, create=False)
    try:
        yield store
    finally:
        store.close()


def pick(store: Store, launch: str | None) -> str:
    """The launch by name, or the newest. Raises NothingSelected with the names there are."""
    known = store.launches()
    if launch is None and known:
        return known[0]
    if launch not in known:
        names = ", ".join(known[:5]) or "none"
        raise NothingSelected(f"the ledger has no launch {launch or ''}".rstrip() + f"; it has: {names}")
    return str(launch)


def record_command(url: str, launch: str, command: ControlCommand, reason: str) -> ControlState:
    """Record this user's command to a launch, for every run that reaches the ledger. Raises Refused."""
    with opened(url) as store:
        return store.record_command(pick(store, launch), command, getpass.getuser(), reason, store.time())


def histories(records: Iterable[Record], url: str) -> dict[CampaignKey, CampaignState]:
    """Today's state of every campaign. Raises LedgerError for records that contradict each other."""
    try:
        return fold(records)
    except IllegalMove as error:
        raise LedgerError(f"ledger {url} contradicts itself: {error}") from error


def known(store: Store, manifest: Manifest, *, whole: bool) -> dict[CampaignKey, CampaignState]:
    """The same, of the manifest's launch; not `whole`: of the manifest's campaigns only, which are a part of it."""
    if whole:
        return histories(store.stream(manifest.launch), manifest.ledger)
    return histories(store.read_some(manifest.launch, [c.key for c in manifest.campaigns]), manifest.ledger)


def earlier(store: Store, manifest: Manifest, now: float) -> Mapping[tuple[Lane, CampaignKey], PreviousStart]:
    """What other launches of this ledger started within `repeat_guard`. To be read with the lanes held."""
    if manifest.repeat_guard is None:
        return {}
    others = (store.stream(launch) for launch in store.launches() if launch != manifest.launch)
    try:
        return recent_starts(others, manifest.launch, now - manifest.repeat_guard)
    except IllegalMove as error:
        raise LedgerError(f"ledger {manifest.ledger} contradicts itself: {error}") from error


def result(
    store: Store,
    launch: str,
    run_id: str | None = None,
    known: Mapping[CampaignKey, CampaignState] = MappingProxyType({}),
) -> Result:
    """The result of a run, by default the last. `known` are histories that need not be read again."""

    def of(keys: Sequence[CampaignKey]) -> dict[CampaignKey, CampaignState]:
        # One that is new says nothing of the journal: what had started and was forgotten looks like it, too.
        found = {key: past for key in keys if (past := known.get(key)) is not None and past.state is not State.NEW}
        return found | fold(store.read_some(launch, [key for key in keys if key not in found]))

    sources = Sources(store.read(launch, kinds=RUN_KINDS), of, lambda: store.read(launch))
    try:
        return _assembled(sources, run_id)
    except NoRunError as error:
        raise NothingSelected("this launch has no run that got as far as a plan") from error
    except IllegalMove as error:
        raise LedgerError(f"ledger {store.url} contradicts itself: {error}") from error


def _assembled(sources: Sources, run_id: str | None) -> Result:
    try:
        return assemble(sources, run_id, keep=Spool)
    except OSError:  # no room for a file: a full disk must not cost a run that took place its result
        return assemble(sources, run_id)
