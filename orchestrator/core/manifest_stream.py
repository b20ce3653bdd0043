"""A manifest from a stream of rows, in the memory of its campaigns alone: the way of manifests without a fault.

`parse` holds every row as it was written, so that it can name each fault and what it clashes with. With a million of
them that takes gigabytes; here something is only found to be amiss, and `parse` is left to say what.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice, pairwise
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from orchestrator.core.manifest import checks as manifest_checks
from orchestrator.core.manifest.models import Campaign, Manifest

_CHUNK_SIZE: Final = 100
_CAMPAIGNS: Final = TypeAdapter(list[Campaign])


class _AmissError(Exception):
    """Something is wrong, whatever else is."""


def faultless(raw: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]) -> Manifest | None:
    """The manifest; None where anything is wrong with it. `rows` are campaigns after the inline ones, read once.

    A manifest with waves is left to `parse`, too: who is in which wave is looked up among all rows.
    """
    inline = raw.get("campaigns", [])
    if "waves" in raw or not isinstance(inline, list) or manifest_checks.cross_check(raw, (), complete=False):
        return None
    try:
        campaigns = list(_campaigns(raw, chain(inline, rows)))
        manifest = Manifest.model_validate({**raw, "campaigns": campaigns}, by_name=False)
    except (ValidationError, _AmissError):
        return None
    return manifest if _agree(manifest) else None


def _campaigns(raw: Mapping[str, Any], rows: Iterable[Any]) -> Iterator[Campaign]:
    defaults = {"defaults": raw.get("defaults")}
    rest = iter(rows)
    while some := list(islice(rest, _CHUNK_SIZE)):
        campaigns = _CAMPAIGNS.validate_python(manifest_checks.gather(defaults, some)[0], by_name=False)
        if _may_repeat(campaigns):
            raise _AmissError  # now: a file that repeats one row need not be read to its end for that
        yield from campaigns


def _agree(manifest: Manifest) -> bool:
    """Whether the records fit together, as far as `cross_check` could not tell without the campaigns."""
    campaigns = manifest.campaigns
    accounts = {campaign.account for campaign in campaigns}
    windows = {campaign.window for campaign in campaigns} - {None}
    is_known = accounts <= manifest.accounts.keys() and windows <= manifest.windows.keys()
    return bool(campaigns) and is_known and not _may_repeat(campaigns)


def _may_repeat(campaigns: Sequence[Campaign]) -> bool:
    """Whether a pair may be listed twice: of different ones, one in 10^7 times among a million."""
    # Not a set of the pairs, which would take as much memory as all the campaigns.
    hashes = array("q", (hash((campaign.stream, campaign.campaign)) for campaign in campaigns))
    return any(one == other for one, other in pairwise(sorted(hashes)))
