"""What is allowed in a manifest but looks like a mistake: a person is warned, and nothing is refused."""

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from math import ceil
from typing import Final

from orchestrator.core.manifest.models import Campaign, Manifest
from orchestrator.core.text import plural
from orchestrator.model import Window

_PLATFORM: Final = "kore.ai"
_PER_MINUTE: Final = 60  # calls of an account that the platform allows, of all its clients together
_ACCOUNT_ID: Final = re.compile(r"[0-9A-Fa-f]{24}")
_MAX_SHOWN: Final = 3


def notes(manifest: Manifest) -> tuple[str, ...]:
    """A sentence for each mistake, whatever the number of campaigns that it touches."""
    return (
        *_rates(manifest),
        *_account_ids(manifest),
        *_swapped(manifest.campaigns),
        *_unused_tags(manifest),
        *_unread_lists(manifest),
    )


def _rates(manifest: Manifest) -> Iterator[str]:
    # Other hosts have limits of their own.
    if not manifest.host.endswith(_PLATFORM):
        return
    for name, account in manifest.accounts.items():
        calls = min(map(_in_a_minute, account.rate), default=None)
        if calls is None or calls > _PER_MINUTE:
            said = "any number of" if calls is None else f"{calls:,}"
            yield f"account {name} may make {said} calls a minute, but the platform allows {_PER_MINUTE}"


def _in_a_minute(window: Window) -> int:
    return window.limit * ceil(60 / window.seconds) if window.seconds < 60 else window.limit


def _account_ids(manifest: Manifest) -> Iterator[str]:
    if not manifest.host.startswith("https://"):  # the sandbox, or a stand-in on this machine
        return
    for name, account in manifest.accounts.items():
        if said := account_id_note(name, account.account_id):
            yield said


def account_id_note(name: str, account_id: str) -> str:
    """What is odd about an account's id; empty if it looks as the platform's do."""
    if _ACCOUNT_ID.fullmatch(account_id):
        return ""
    return f"account {name} has the account_id {account_id}, but the platform's have 24 hex digits"


def _swapped(campaigns: Sequence[Campaign]) -> Iterator[str]:
    swapped = (one for one in campaigns if one.stream.startswith("cd-") or one.campaign.startswith("st-"))
    first = [one.key for one in islice(swapped, _MAX_SHOWN)]
    if first:
        count = len(first) + sum(1 for _ in swapped)
        rest = f" and {count - len(first)} more" if count > len(first) else ""
        said = f"stream and campaign look swapped in {plural(count, 'campaign')}: {', '.join(first)}{rest}"
        yield f"{said}; ids of streams begin with st-, those of campaigns with cd-"


def _unused_tags(manifest: Manifest) -> Iterator[str]:
    wanted = {tag: wave.name for wave in reversed(manifest.waves) for tag in wave.tags}
    if wanted:
        known = {tag for one in manifest.campaigns for tag in one.tags}
        for tag, wave in reversed(wanted.items()):
            if tag not in known:
                yield f"wave {wave}: no campaign has the tag {tag}"


def _unread_lists(manifest: Manifest) -> Iterator[str]:
    check = manifest.preflight.check
    if check != "list" and manifest.same_list != "warn":
        yield (
            f"contact lists are not read (preflight.check: {check}): campaigns that share one are started together, "
            "which the platform cannot run at the same time"
        )
