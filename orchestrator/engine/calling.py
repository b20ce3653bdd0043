"""A look at the calling hours of the campaigns that a plan starts: one call each."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence

from orchestrator.core.manifest.models import Manifest
from orchestrator.core.plan.plan import Action, Entry, Plan
from orchestrator.core.result.build import timestamp
from orchestrator.core.rules import calling_hours
from orchestrator.engine.reader import Reader, ReadFailed
from orchestrator.model import Lane
from orchestrator.ports import Clock


async def warnings(readers: Mapping[Lane, Reader], plan: Plan, manifest: Manifest, clock: Clock) -> tuple[str, ...]:
    """What is odd about them, a sentence each, in the plan's order. Raises Halted."""
    lanes: dict[Lane, list[Entry]] = defaultdict(list)
    for entry in plan.entries:
        if entry.decision.action is Action.START:
            lanes[entry.lane].append(entry)
    parts = await asyncio.gather(*(_lane(readers[lane], group, manifest, clock) for lane, group in lanes.items()))
    return tuple(text for part in parts for text in part)


async def _lane(reader: Reader, entries: Sequence[Entry], manifest: Manifest, clock: Clock) -> list[str]:
    found = [await _warning(reader, entry, manifest, clock) for entry in entries]
    return [f"{entry.key}: {text}" for entry, text in zip(entries, found, strict=True) if text]


async def _warning(reader: Reader, entry: Entry, manifest: Manifest, clock: Clock) -> str | None:
    try:
        live = await reader.details(entry.target)
    except ReadFailed as failure:
        return f"its calling hours could not be read ({failure.message})"
    calling = live.calling_hours if live else None
    if calling is None:
        return None  # the platform names none
    window = manifest.windows[entry.window] if entry.window else None
    try:
        at = calling_hours.uncovered(window, calling, clock.now())
    except ValueError:
        return "its calling hours on the platform cannot be understood: compare them by hand"
    if at is None:
        return None
    when = f"window {entry.window} is open at {timestamp(at)}" if entry.window else "it may be started now"
    return (
        f"{when}, its calling hours on the platform ({calling_hours.words(calling)}) are not open then: started so, it "
        "is Active and texts nobody before they open"
    )
