"""What proves that a start took effect although its answer was lost (design section 2)."""

from collections.abc import Mapping
from typing import Any, Final, TypeGuard

from orchestrator.model import LiveState

RUNNING: Final = frozenset({"active", "preparing"})


def decisive(baseline: Mapping[str, Any] | None, live: LiveState | None) -> str | None:
    """The evidence that the campaign was started since `baseline` was read, in words; None if there is none.

    An unchanged Ready proves nothing: the request may still be queued. A later time of update proves nothing either: an
    edit at the console moves it on a campaign that never ran. `baseline` is `LiveState.as_json()` of the preflight, or
    None if it was off. Source: kore-api.md section 1.7, `campaignInstanceId` and `campaignInstanceUpdatedAt`.
    """
    if live is None:
        return None
    # It runs now, so it must not be started again, no matter who started it.
    if live.status.casefold() in RUNNING:
        return f"the platform reports {live.status}"
    if not names_instance(baseline):
        return None
    if live.instance_id is not None and live.instance_id != baseline["instance"]:
        return f"its instance {live.instance_id} is new since preflight"
    return None


def names_instance(baseline: Mapping[str, Any] | None) -> TypeGuard[Mapping[str, Any]]:
    """Whether a later instance would be evidence: the campaign was read from a list, which names the last one."""
    return baseline is not None and "instance" in baseline
