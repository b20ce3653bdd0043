"""What a plan cannot promise: what it found wanting, and what nobody has looked at."""

from orchestrator.core.manifest.models import Manifest
from orchestrator.core.plan.plan import Action, Entry, Plan

_MAX_SHOWN = 3


def caveats(manifest: Manifest, plan: Plan) -> tuple[str, ...]:
    """Sentences for the reader of a plan; the plan's own warnings are not repeated."""
    starts = [entry for entry in plan.entries if entry.decision.action is Action.START]
    if not starts:
        return ()
    return (*_without_dnc(manifest, starts), *_unchecked(manifest, starts))


def _without_dnc(manifest: Manifest, starts: list[Entry]) -> list[str]:
    """The global DNC list does not apply to SMS (kore-api.md section 0, fact 10). Only lists tell of DNC lists."""
    if manifest.preflight.check != "list":
        return []
    bare = [entry.key for entry in starts if entry.live is not None and not entry.live.dnc_lists]
    if not bare:
        return []
    names = ", ".join(bare[:_MAX_SHOWN]) + (", ..." if len(bare) > _MAX_SHOWN else "")
    return [f"{len(bare)} of {len(starts)} have no DNC list ({names}); the global one does not apply to SMS"]


def _unchecked(manifest: Manifest, starts: list[Entry]) -> list[str]:
    never = ["calling hours", "sender number", "messages per minute", "whether messages go out"]
    listed = ["schedules", "contact lists", "DNC lists"]
    unread = {"list": never, "status": [*listed, *never], "off": ["live state", *listed, *never]}
    lines = [f"not checked: {', '.join(unread[manifest.preflight.check])}"]
    if any(entry.window for entry in starts):
        lines.append("the earliest starts do not count windows")
    return lines
