"""Reading the live state of every campaign before the first start, and again after a long wait."""

import asyncio
from collections import defaultdict
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any, TypeVar

from orchestrator.core import content
from orchestrator.core.diagnosis import fix_of
from orchestrator.core.manifest.models import Manifest
from orchestrator.core.plan.decision import Action, changed
from orchestrator.core.plan.plan import Entry, Plan, needs_list
from orchestrator.core.plan.recipients import ReadLists, Stream
from orchestrator.core.result.build import timestamp
from orchestrator.core.rules import calling_hours
from orchestrator.engine.reader import Reader, ReadFailed
from orchestrator.errors import CredentialError, OrchestratorError, Refused
from orchestrator.model import (
    CallTarget,
    CampaignKey,
    CampaignType,
    ContactList,
    Lane,
    LiveState,
    PosixSeconds,
)

_T = TypeVar("_T")


async def live_states(
    readers: Mapping[Lane, Reader],
    targets: Sequence[CallTarget],
    check: str,
    listed: AbstractSet[CampaignKey] = frozenset(),
) -> dict[CampaignKey, LiveState]:
    """The live state by campaign, read on all lanes at once; a campaign that is not in it does not exist.

    The `listed` ones are read from lists alone, even where single reads would take fewer calls. Raises what the first
    lane raises: CredentialError if the platform rejects a credential, Refused for any other reason, and
    StopRequested.
    """
    by_lane: dict[Lane, list[CallTarget]] = defaultdict(list)
    for target in targets:
        by_lane[target.lane].append(target)
    parts = await together(_lane(readers[lane], group, check, listed) for lane, group in by_lane.items())
    return {key: state for part in parts for key, state in part.items()}


async def together(lanes: Iterable[Coroutine[Any, Any, _T]]) -> list[_T]:
    """What all lanes found; raises what the first one raises."""
    jobs = [asyncio.create_task(lane) for lane in lanes]
    try:
        return await asyncio.gather(*jobs)
    finally:
        # The first lane that fails ends the others: no read may leave after the answer is known.
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)


async def contact_lists(readers: Mapping[Lane, Reader], plan: Plan) -> ReadLists:
    """The contact lists of all streams with a campaign to start, in one call a stream. Raises StopRequested.

    An old host has no such call, and a scope may forbid it. That is no reason not to start: a lane's first failure ends
    its reading, so that a thousand streams do not cost a thousand useless calls.
    """
    lanes: dict[Lane, dict[str, Entry]] = defaultdict(dict)
    for entry in plan.entries:
        if entry.decision.action is Action.START:
            lanes[entry.lane].setdefault(entry.campaign.stream, entry)
    parts = await together(_lane_lists(readers[lane], streams) for lane, streams in lanes.items())
    found = {stream: lists for part, _ in parts for stream, lists in part.items()}
    return ReadLists(found, {account: why for _, failure in parts for account, why in failure.items()})


async def _lane_lists(
    reader: Reader, streams: Mapping[str, Entry]
) -> tuple[dict[Stream, tuple[ContactList, ...]], dict[str, str]]:
    found: dict[Stream, tuple[ContactList, ...]] = {}
    for stream, entry in streams.items():
        try:
            found[entry.lane, stream] = await reader.contact_lists(entry.target)
        except ReadFailed as failure:
            return found, {entry.account: failure.message}
    return found, {}


async def changes(reader: Reader, entries: Sequence[Entry], manifest: Manifest) -> dict[CampaignKey, str]:
    """By campaign, in words, how the live state differs from the plan. Raises StopRequested.

    Without it, a campaign that was started by hand while it waited would text its people twice. Campaigns that the
    plan did not see are left out.
    """
    seen = {entry.key: entry.live for entry in entries if entry.live is not None}
    targets = [entry.target for entry in entries if entry.key in seen]
    if manifest.preflight.check == "off" or not targets:
        return {}
    # Only a list shows the instance, which tells whether a campaign has run again, and what was approved to be sent.
    listed = {entry.key for entry in entries if needs_list(entry.campaign, manifest, None)}
    try:
        live = await _read(reader, targets, manifest.preflight.check, listed)
    except ReadFailed as failure:
        return dict.fromkeys(seen, f"its state could not be read again after the wait ({failure.message})")
    return {key: _change(before, live.get(key)) for key, before in seen.items() if not _is_same(before, live.get(key))}


def held_if_changed(agreed: Plan, now: Plan) -> Plan:
    """The plan of `now`, in which starts that were not agreed to, or whose campaign was changed since, are held."""
    before = {entry.key: entry for entry in agreed.entries}
    return replace(now, entries=tuple(_held_if_changed(before.get(entry.key), entry) for entry in now.entries))


def _held_if_changed(before: Entry | None, entry: Entry) -> Entry:
    if entry.decision.action is not Action.START:
        return entry
    if before is None or before.decision.action is not Action.START:
        why = f" ({before.decision.message})" if before is not None and before.decision.message else ""
        message = f"it could not be started when the wait began{why}: nobody agreed to its start"
    elif before.live is None or _is_same(before.live, entry.live):
        return entry
    else:
        message = _change(before.live, entry.live)
    return replace(entry, decision=changed(message))


def _is_same(before: LiveState, now: LiveState | None) -> bool:
    if now is None or content.changed(before.content, now.content):
        return False
    return _what_matters(before, now) == _what_matters(now, before)


def _what_matters(live: LiveState, other: LiveState) -> tuple[object, ...]:
    # A value that one of the two reads cannot show counts as unchanged, such as the instance of a campaign that was
    # read by id.
    instance = (live.instance_id, live.instance_updated_at) if _name_instances(live, other) else None
    # The times change with every edit: the campaign may now send another text, or text other people.
    updated_at = live.updated_at if live.updated_at and other.updated_at else None
    return live.status, live.scheduled, instance, updated_at


def _name_instances(before: LiveState, now: LiveState) -> bool:
    return before.names_instance and now.names_instance


def _change(before: LiveState, now: LiveState | None) -> str:
    if now is None:
        state = "is no longer on the platform"
    elif (before.status, before.scheduled) != (now.status, now.scheduled):
        state = f"is {now.status} now" + (", scheduled" * now.scheduled)
    elif edited := content.changed(before.content, now.content):
        return f"it was edited while it waited: {content.words(edited)} changed since the plan"
    elif not _name_instances(before, now):
        state = "was edited, or ran"
    else:
        state = "was edited" if before.instance_id == now.instance_id else "ran"
    return f"it was changed while it waited: it {state}"


async def _read(
    reader: Reader, targets: Sequence[CallTarget], check: str, listed: AbstractSet[CampaignKey]
) -> dict[CampaignKey, LiveState]:
    return await (_by_status(reader, targets) if check == "status" else _by_list(reader, targets, listed))


async def _lane(
    reader: Reader, targets: Sequence[CallTarget], check: str, listed: AbstractSet[CampaignKey]
) -> dict[CampaignKey, LiveState]:
    try:
        return await _read(reader, targets, check, listed)
    except ReadFailed as failure:
        raise _refusal(targets[0].account_id, failure) from failure


def _refusal(account_id: str, failure: ReadFailed) -> OrchestratorError:
    if failure.unauthorized:
        return CredentialError(
            f"the platform rejects the credential of account {account_id} ({failure.message})",
            next_step=fix_of(failure.answer)
            or "check client_id, client_secret and algorithm, and the app's Campaign Management scope",
        )
    return Refused(
        f"preflight of account {account_id} failed ({failure.message})",
        next_step=fix_of(failure.answer) or "run again when the platform answers",
    )


async def _by_list(
    reader: Reader, targets: Sequence[CallTarget], listed: AbstractSet[CampaignKey]
) -> dict[CampaignKey, LiveState]:
    streams: dict[tuple[str, str, CampaignType], list[CallTarget]] = defaultdict(list)
    for target in targets:
        streams[target.stream, target.iid, target.type].append(target)
    # Campaigns of a stream share its pages: one call for 50 of them.
    live: dict[CampaignKey, LiveState] = {}
    for group in streams.values():
        wanted = {target.campaign for target in group}
        states = await reader.states(group[0], wanted, {target.campaign for target in group if target.key in listed})
        live.update({target.key: states[target.campaign] for target in group if target.campaign in states})
    return live


async def _by_status(reader: Reader, targets: Sequence[CallTarget]) -> dict[CampaignKey, LiveState]:
    live: dict[CampaignKey, LiveState] = {}
    for target in targets:
        state = await reader.status(target)
        if state is not None:
            live[target.key] = state
    return live


async def details(
    readers: Mapping[Lane, Reader], plan: Plan
) -> tuple[dict[CampaignKey, LiveState], dict[CampaignKey, str]]:
    """The live state of each campaign to start, with what a list does not show; and why a campaign has none.

    One call for each, but for those that were read by id before. Raises StopRequested.
    """
    lanes: dict[Lane, list[Entry]] = defaultdict(list)
    for entry in plan.entries:
        if entry.decision.action is Action.START and (entry.live is None or entry.live.calling_hours is None):
            lanes[entry.lane].append(entry)
    parts = await together(_lane_details(readers[lane], group) for lane, group in lanes.items())
    found = {key: live for live_states, _ in parts for key, live in live_states.items()}
    return found, {key: why for _, failed in parts for key, why in failed.items()}


async def _lane_details(
    reader: Reader, entries: Sequence[Entry]
) -> tuple[dict[CampaignKey, LiveState], dict[CampaignKey, str]]:
    found, failed = {}, {}
    for entry in entries:
        try:
            live = await reader.details(entry.target)
        except ReadFailed as failure:
            failed[entry.key] = failure.message
            continue
        if live is not None:
            found[entry.key] = live if entry.live is None else _detailed(entry.live, live)
    return found, failed


def _detailed(listed: LiveState, by_id: LiveState) -> LiveState:
    """What a list shows, with what it does not show."""
    both = content.merged(by_id.content, listed.content)
    return replace(listed, calling_hours=by_id.calling_hours, content=both)


def calling_hours_warnings(
    plan: Plan, failed: Mapping[CampaignKey, str], manifest: Manifest, now: PosixSeconds
) -> tuple[str, ...]:
    """Campaigns that would be started outside of their own calling hours, a sentence each, in the plan's order.

    `failed` are those that could not be read, and why.
    """
    starts = (entry for entry in plan.entries if entry.decision.action is Action.START)
    found = ((entry, _warning(entry, failed, manifest, now)) for entry in starts)
    return tuple(f"{entry.key}: {text}" for entry, text in found if text)


def _warning(entry: Entry, failed: Mapping[CampaignKey, str], manifest: Manifest, now: PosixSeconds) -> str | None:
    if (why := failed.get(entry.key)) is not None:
        return f"its calling hours could not be read ({why})"
    calling = entry.live.calling_hours if entry.live else None
    if calling is None:
        return None  # the platform names none
    window = manifest.windows[entry.window] if entry.window else None
    try:
        at = calling_hours.uncovered(window, calling, now)
    except ValueError:
        return "its calling hours on the platform cannot be understood: compare them by hand"
    if at is None:
        return None
    when = f"window {entry.window} is open at {timestamp(at)}" if entry.window else "it may be started now"
    return (
        f"{when}, its calling hours on the platform ({calling_hours.words(calling)}) are not open then: if it is "
        "started then, it is Active and texts nobody until they open"
    )
