"""`discover`: what the platform lists for some streams of an account, within its rate limit. Sends no start."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from orchestrator.app.open_api import SANDBOX
from orchestrator.app.open_run import OpenRun, open_run
from orchestrator.app.run import before_starts
from orchestrator.core.diagnosis import fix_of
from orchestrator.core.discovery import Choice, Discovery, found_in, is_usable, shortened
from orchestrator.core.manifest.models import Manifest
from orchestrator.core.plan.plan import lane_of
from orchestrator.core.text import command_line, one_line, plural
from orchestrator.engine.reader import Reader, ReadFailed
from orchestrator.engine.stop_signal import StopSignal
from orchestrator.errors import CredentialError, NothingSelected, OrchestratorError, Refused
from orchestrator.loading.manifest_file import LoadedManifest
from orchestrator.model import CallTarget, CampaignType, LiveState, Reply
from orchestrator.ports import Observer
from orchestrator.redaction import Redactor

OnPage = Callable[[str, int, int | None], None]
"""Given a stream after each page: how many campaigns are read, and how many pages are left (None: unknown)."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to look for. Without an account or a type, those of the manifest's defaults."""

    streams: tuple[str, ...]
    account: str | None = None
    type: CampaignType | None = None
    choice: Choice = Choice()  # noqa: RUF009 - it is frozen


async def discover(
    loaded: LoadedManifest,
    request: Request,
    stop_signal: StopSignal,
    redactor: Redactor,
    *,
    observer: Observer,
    on_page: OnPage,
) -> Discovery:
    """The campaigns of the streams. It holds the account's lease, as a run does: the limit covers both.

    Raises CredentialError, Interrupted, LaneLeased, LedgerError, NothingSelected, Refused.
    """
    manifest = loaded.manifest
    account, kind = _account_of(manifest, request.account), request.type or manifest.defaults.type
    if manifest.host == SANDBOX:
        raise Refused(
            "host: sandbox has no campaigns except those of the manifest",
            next_step=f"serve one with {command_line('sandbox')}, and give its address as host",
        )
    # That account alone: another one's lease and credential are not needed.
    only = manifest.model_copy(update={"accounts": {account: manifest.accounts[account]}, "campaigns": ()})
    async with open_run(replace(loaded, manifest=only), observer, stop_signal, redactor) as opened:
        targets = [_target(only, account, stream, kind) for stream in request.streams]
        lists, calls = await _read(opened, targets, on_page)
    return _discovery(request, account, kind, lists, calls)


def _account_of(manifest: Manifest, wanted: str | None) -> str:
    names = list(manifest.accounts)
    chosen = wanted or manifest.defaults.account or (names[0] if len(names) == 1 else None)
    if chosen not in manifest.accounts:
        missing = f"no account is called {wanted}" if wanted else "the manifest has several accounts and no default"
        raise NothingSelected(missing, next_step=f"name one with --account: {', '.join(names)}")
    return chosen


def _target(manifest: Manifest, account: str, stream: str, kind: CampaignType) -> CallTarget:
    return CallTarget(lane_of(manifest, account), manifest.accounts[account].account_id, stream, stream, kind)


async def _read(
    opened: OpenRun, targets: list[CallTarget], on_page: OnPage
) -> tuple[dict[CallTarget, dict[str, LiveState]], int]:
    """Each target's list, and the number of calls that they took."""
    (lane,) = opened.run.lanes.values()
    lists = {}
    with before_starts(opened.deps.stop_signal, "discover"):
        for target in targets:
            lists[target] = await _list(lane.reader, lane.account, target, on_page)
    return lists, lane.limiter.pacer.snapshot().calls


async def _list(reader: Reader, account: str, target: CallTarget, on_page: OnPage) -> dict[str, LiveState]:
    try:
        return await reader.listing(target, lambda read, left: on_page(target.stream, read, left))
    except ReadFailed as failure:
        raise _refusal(account, target.stream, failure) from failure


def _refusal(account: str, stream: str, failure: ReadFailed) -> OrchestratorError:
    fix = fix_of(failure.answer)
    if failure.unauthorized:
        return CredentialError(
            f"the platform rejects the credential of account {account} for stream {stream} ({failure.message})",
            next_step=fix
            or "check client_id, client_secret, algorithm and the app's Campaign Management scope, and "
            "that the stream belongs to this account",
        )
    if isinstance(failure.answer, Reply) and failure.answer.http_status == 404:
        return Refused(
            f"account {account} has no stream {stream} ({failure.message})",
            next_step=fix or "compare the id with the console's, and `host` with its address",
        )
    return Refused(
        f"the list of stream {stream} could not be read ({failure.message})",
        next_step=fix or "run discover again when the platform answers",
    )


def _discovery(
    request: Request, account: str, kind: CampaignType, lists: Mapping[CallTarget, dict[str, LiveState]], calls: int
) -> Discovery:
    if not any(lists.values()):
        other = next(one for one in CampaignType if one is not kind)
        raise NothingSelected(_empty(request.streams, kind), next_step=f"look for others with --type {other}")
    found = [one for target, live in lists.items() for one in found_in(target, account, live)]
    wanted = tuple(filter(request.choice.matches, found))
    if found and not wanted:
        raise NothingSelected(
            f"none of {plural(len(found), 'campaign')} matches", next_step="remove --status or --name, or widen it"
        )
    notes = (*_empty_notes(lists, kind), *_odd_notes(lists))
    return Discovery(account, kind, request.streams, tuple(found), wanted, calls, notes)


def _empty(streams: Sequence[str], kind: CampaignType) -> str:
    return f"no {kind} campaigns in {'stream' if len(streams) == 1 else 'streams'} {', '.join(streams)}"


def _empty_notes(lists: Mapping[CallTarget, dict[str, LiveState]], kind: CampaignType) -> list[str]:
    empty = [target.stream for target, live in lists.items() if not live]
    return [_empty(empty, kind)] if empty else []


def _odd_notes(lists: Mapping[CallTarget, dict[str, LiveState]]) -> list[str]:
    odd = [one_line(campaign) for live in lists.values() for campaign in live if not is_usable(campaign)]
    return [f"left out, because its id is not valid in a manifest: {shortened(odd)}"] if odd else []
