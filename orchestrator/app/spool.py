"""The campaigns of a result, in a file without a name: a million of them must not be in memory at once."""

import pickle
import weakref
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import Final, overload

from orchestrator.core.result.types import CampaignResult, values

_CHUNK: Final = 1000
_IN_MEMORY: Final = 2 * 1024 * 1024
"""Bytes: some thousands of campaigns. Only what is longer goes to the disk."""


class Spool(Sequence[CampaignResult]):
    """Campaigns that can be read again and again, by one thread at a time; the file is gone with this object."""

    def __init__(self, campaigns: Iterable[CampaignResult]) -> None:
        self._file = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed with this object
        weakref.finalize(self, self._file.close)
        self._starts: list[int] = []
        self._count = 0
        rest = iter(campaigns)
        while some := list(islice(rest, _CHUNK)):
            self._starts.append(self._file.tell())
            self._count += len(some)
            # Written and read by this process alone, so that nobody can slip anything in.
            pickle.dump([values(campaign) for campaign in some], self._file, pickle.HIGHEST_PROTOCOL)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[CampaignResult]:
        return (campaign for number in range(len(self._starts)) for campaign in self._chunk(number))

    @overload
    def __getitem__(self, place: int) -> CampaignResult: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[CampaignResult]: ...
    def __getitem__(self, place: int | slice) -> CampaignResult | Sequence[CampaignResult]:
        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(self._count))]
        number = range(self._count)[place]
        return self._chunk(number // _CHUNK)[number % _CHUNK]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def _chunk(self, number: int) -> list[CampaignResult]:
        # Seeks each time: several readers may be at different places.
        self._file.seek(self._starts[number])
        return [CampaignResult(*line) for line in pickle.load(self._file)]  # noqa: S301 - see above
