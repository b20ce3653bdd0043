"""`follow`: what becomes of the campaigns that a launch started, read in rounds until the goal. Sends no start."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from orchestrator.app import journal_reader as journals
from orchestrator.app.held_account import Accounts, new_run_id
from orchestrator.app.notifier import Notifier, telling
from orchestrator.app.open_api import SANDBOX, Connections, minter_of, open_api
from orchestrator.app.open_run import OpenRun, credentials_of
from orchestrator.app.started_later import StartedLater
from orchestrator.clock import SystemClock
from orchestrator.core.delivery.delivery import Deliveries
from orchestrator.core.delivery.goal import Followed
from orchestrator.core.plan.stop_plan import started_targets
from orchestrator.core.text import command_line
from orchestrator.engine.follower import AccountFollower
from orchestrator.engine.rounds import FollowOptions, Rounds
from orchestrator.engine.stop_signal import StopSignal
from orchestrator.errors import JournalWriteError, LedgerError, NothingSelected, Refused
from orchestrator.ledger.store import Store
from orchestrator.loading.manifest_file import LoadedManifest
from orchestrator.model import CallTarget, CampaignKey, Lane, PosixSeconds
from orchestrator.ports import Observer
from orchestrator.redaction import Redactor

OnBegin = Callable[[Rounds], None]
"""Given the rounds before the first one, to show them while they go on."""


async def follow(
    loaded: LoadedManifest,
    options: FollowOptions,
    stop_signal: StopSignal,
    redactor: Redactor,
    *,
    observer: Observer,
    on_begin: OnBegin,
) -> Followed:
    """Follow a launch whose runs have ended, or go on elsewhere.

    Raises CredentialError, LedgerError, NothingSelected if it has started nothing, and Refused.
    """
    manifest = loaded.manifest
    if manifest.host == SANDBOX:
        raise Refused(
            "host: sandbox ends with its run: there is nothing left to follow",
            next_step=f"{command_line('run', *loaded.words)} --follow",
        )
    credentials = await asyncio.to_thread(credentials_of, loaded)
    redactor.learn(credential.secret for credential in credentials.values())
    minter = minter_of(credentials)
    connections = Connections.of(manifest.connections, observer)
    store = await asyncio.to_thread(lambda: Store.open(manifest.ledger, create=False))
    try:
        clock = await asyncio.to_thread(SystemClock, store.time)
        async with open_api(manifest, credentials, minter, clock, redactor=redactor, pool=connections.pool) as api:
            accounts = Accounts(manifest, store, api, clock, observer, stop_signal)
            # Only for the run that started them: another `follow` sends no notices again.
            run_id = await asyncio.to_thread(journals.newest_run, store, manifest.launch) or accounts.run_id
            async with telling(await Notifier.of(loaded, redactor, observer), loaded, run_id, store, clock) as notifier:
                return await _follow(replace(accounts, observer=notifier), options, on_begin)
    finally:
        store.close()


async def follow_run(opened: OpenRun, options: FollowOptions, on_begin: OnBegin) -> Followed:
    """Follow what a launch has started, in the process of its run, which gives its accounts back first."""
    # While the journal is open: what is told from now on has to be recorded without it.
    await opened.notifier.close()
    await opened.release()
    deps = opened.deps
    async with telling(
        opened.notifier.again(deps.observer), opened.loaded, deps.run_id, opened.store, deps.clock
    ) as notifier:
        accounts = Accounts(deps.manifest, opened.store, deps.api, deps.clock, notifier, deps.stop_signal)
        return await _follow(accounts, options, on_begin)


async def _follow(accounts: Accounts, options: FollowOptions, on_begin: OnBegin) -> Followed:
    ends, free_at = accounts.clock.now() + options.timeout, dict[Lane, PosixSeconds]()
    later = StartedLater(accounts.store, accounts.manifest.launch)
    while True:
        followed = await _follow_started(accounts, options, on_begin, later, free_at)
        if followed.stop is not None or followed.timed_out:
            return followed
        # A run that went on in the meantime may have started more: follow those, too.
        targets, unaddressed, _ = await asyncio.to_thread(_read, accounts)
        if not targets.keys() - set(followed.campaigns) and not unaddressed.keys() - followed.unaddressed.keys():
            return followed
        accounts = replace(accounts, run_id=new_run_id())
        options = replace(options, timeout=max(0.0, ends - accounts.clock.now()))


async def _follow_started(
    accounts: Accounts, options: FollowOptions, on_begin: OnBegin, later: StartedLater,
    free_at: dict[Lane, PosixSeconds],
) -> Followed:  # fmt: skip
    """Follow what is started by now, until more is. `free_at`: when each account may be called again."""
    # 1. What was started, how it is addressed, and what earlier readings know of it.
    launch, store, stop_signal = accounts.manifest.launch, accounts.store, accounts.stop_signal
    targets, unaddressed, deliveries = await asyncio.to_thread(_read, accounts)
    if not targets:
        why = next(iter(unaddressed.values()), "it has started nothing")
        raise NothingSelected(f"launch {launch} has no campaign to follow: {why}",
                              next_step=command_line("status", launch, ledger=store.url))  # fmt: skip
    # 2. The rounds.
    followers = _followers(accounts, targets.values(), free_at)
    later.know({*targets, *unaddressed}, {one.lane for one in followers})
    async with accounts.journal() as journal:
        rounds = Rounds(
            followers, deliveries, options, launch=launch, run_id=accounts.run_id, journal=journal,
            clock=accounts.clock, stop_signal=stop_signal, observer=accounts.observer, has_more=later.has_more,
        )  # fmt: skip
        on_begin(rounds)
        try:
            await rounds.run()
        except JournalWriteError as error:
            # Nothing was sent, so this is not the failure of a run (13) but of the ledger (8).
            raise LedgerError(error.message, next_step=error.next_step) from error
    # 3. The result.
    free_at |= {one.lane: one.free_at for one in followers}
    return Followed(
        launch, options.goal, tuple(targets), deliveries.all(), unaddressed,
        stop=stop_signal.stop, timed_out=rounds.timed_out,
    )  # fmt: skip


def _read(accounts: Accounts) -> tuple[dict[CampaignKey, CallTarget], dict[CampaignKey, str], Deliveries]:
    store, deliveries = accounts.store, Deliveries()
    records = store.read(journals.pick_launch(store, accounts.manifest.launch))
    targets, unaddressed = started_targets(accounts.manifest, store.fold(records))
    for record in records:
        deliveries.read(record)
    return targets, unaddressed, deliveries


def _followers(
    accounts: Accounts, targets: Iterable[CallTarget], free_at: Mapping[Lane, PosixSeconds]
) -> list[AccountFollower]:
    by_lane: dict[Lane, list[CallTarget]] = defaultdict(list)
    for target in targets:
        by_lane[target.lane].append(target)
    names = accounts.manifest.account_names
    return [
        AccountFollower(
            names[group[0].account_id], lane, group,
            hold=accounts.hold, clock=accounts.clock, stop_signal=accounts.stop_signal,
            free_at=free_at.get(lane, PosixSeconds(0.0)),
        )
        for lane, group in by_lane.items()
    ]  # fmt: skip
