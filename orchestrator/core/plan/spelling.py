"""Names that differ only in upper and lower case. They are different names here; on the platform they may be one.

A list that is put together from two sources may spell a campaign in two ways: it could text everyone twice. Ids may be
told apart by their case alone, though, so a person is warned, and nothing is refused.
"""

from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Final

from orchestrator.core.manifest.models import Campaign, Manifest
from orchestrator.core.text import plural

_MAX_SHOWN: Final = 3

Pair = tuple[str, str]
"""Two names that differ in case alone, the later one first."""


def warnings(manifest: Manifest, journaled: Collection[str] = (), launches: Iterable[str] = ()) -> tuple[str, ...]:
    """A sentence for each kind of names. `journaled` are campaigns of the launch's journal, `launches` the ledger's."""
    campaigns, launch = manifest.campaigns, manifest.launch
    old = [(launch, name) for name in launches if name != launch and name.lower() == launch.lower()]
    before = list(_renamed(campaigns, journaled))
    found = (
        ("launches", "the journal of the second does not count for the first", old),
        ("accounts", "", list(_alike(manifest.accounts))),
        ("streams", "write both the same way if they are the same", list(_alike(one.stream for one in campaigns))),
        ("campaigns", "remove one if they are the same", list(_alike_campaigns(campaigns))),
        (
            "campaigns",
            "the second of each pair is in the launch's journal, and the first would be started as new",
            before,
        ),
    )
    return tuple(_sentence(nouns, advice, pairs) for nouns, advice, pairs in found if pairs)


def _sentence(nouns: str, advice: str, pairs: list[Pair]) -> str:
    shown = ", ".join(f"{one} and {other}" for one, other in pairs[:_MAX_SHOWN])
    rest = f" and {plural(len(pairs) - _MAX_SHOWN, 'pair')} more" if len(pairs) > _MAX_SHOWN else ""
    return f"{nouns} differ only in upper and lower case: {shown}{rest}" + (f"; {advice}" if advice else "")


def _alike(names: Iterable[str]) -> Iterator[Pair]:
    first: dict[str, str] = {}
    for name in dict.fromkeys(names):
        if (other := first.setdefault(name.lower(), name)) != name:
            yield name, other


def _alike_campaigns(campaigns: Collection[Campaign]) -> Iterator[Pair]:
    """Campaigns of one stream: streams that are spelled in two ways are a warning of their own."""
    # Eight bytes a campaign, as in the checks of a manifest: there may be a million, and nearly never two alike.
    hashes = array("q", (hash((one.stream, one.campaign.lower())) for one in campaigns))
    shared = {one for one, other in pairwise(sorted(hashes)) if one == other}
    suspects = (one for one, seen in zip(campaigns, hashes, strict=True) if seen in shared) if shared else ()
    first: dict[Pair, Campaign] = {}
    for one in suspects:
        other = first.setdefault((one.stream, one.campaign.lower()), one)
        if other is not one:
            yield one.key, other.key


def _renamed(campaigns: Iterable[Campaign], journaled: Collection[str]) -> Iterator[Pair]:
    new = [one.key for one in campaigns if one.key not in journaled] if journaled else []
    known: Mapping[str, str] = {key.lower(): key for key in journaled} if new else {}
    return ((key, known[key.lower()]) for key in new if key.lower() in known)
