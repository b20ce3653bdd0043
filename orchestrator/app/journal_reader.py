"""Reading a launch from the ledger, and people's words into it; nothing here sends anything."""

import getpass
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from orchestrator.core.journal.control import ControlCommand, ControlState
from orchestrator.core.journal.states import CampaignState, IllegalMove, fold
from orchestrator.core.manifest.models import Manifest
from orchestrator.core.plan.repeat_guard import PreviousStart, recent_starts
from orchestrator.core.result.build import NoRunError, Result, build
from orchestrator.errors import LedgerError, NothingSelected
from orchestrator.ledger.store import Store
from orchestrator.model import CampaignKey, Lane, Record, Stop


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


def say(url: str, launch: str, word: ControlCommand, reason: str) -> ControlState:
    """Record this user's word about a launch, for every run that reaches the ledger. Raises Refused."""
    with opened(url) as store:
        return store.say(pick(store, launch), word, getpass.getuser(), reason, store.time())


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
    store: Store, launch: str, run_id: str | None = None, *, stop: Stop | None = None, warnings: Sequence[str] = ()
) -> Result:
    """The result of a run, by default the last, from the journal alone. `stop` and `warnings` are as for `build`.

    Raises NothingSelected where the launch has no such run, LedgerError where its records contradict each other.
    """
    try:
        return build(store.stream(launch), run_id, stop=stop, warnings=warnings)
    except NoRunError as error:
        raise NothingSelected("this launch has no run that got as far as a plan") from error
    except IllegalMove as error:
        raise LedgerError(f"ledger {store.url} contradicts itself: {error}") from error
