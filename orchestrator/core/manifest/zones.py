"""Time zones of a manifest: names of the IANA database that follow summer time, and what people write instead.

A wrong guess sends texts at night, so hints come from a table of what people mean. Spelling is compared only within the
continent that was written: by letters alone, `EDT` is nearest to `WET`, which is Lisbon's.
"""

import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic_core import PydanticCustomError

_FORM: Final = "write an IANA name such as America/New_York"
_NO_DATA: Final = "this machine has no time zone data: install the package tzdata"
_FIXED: Final = "is a fixed offset without summer time"
_SAME: Final = "is another name for UTC"
_MAX_LENGTH: Final = 64

_NEW_YORK, _CHICAGO, _DENVER = "America/New_York", "America/Chicago", "America/Denver or America/Phoenix (Arizona)"
_LOS_ANGELES, _ANCHORAGE, _HONOLULU, _HALIFAX = (
    "America/Los_Angeles", "America/Anchorage", "Pacific/Honolulu", "America/Halifax",
)  # fmt: skip
_LONDON, _BERLIN, _ATHENS, _MOSCOW = "Europe/London", "Europe/Berlin", "Europe/Athens", "Europe/Moscow"
_KOLKATA, _SHANGHAI, _SYDNEY, _AUCKLAND = "Asia/Kolkata", "Asia/Shanghai", "Australia/Sydney", "Pacific/Auckland"

_MEANT: Final = {
    # North America. Where an abbreviation has a second meaning, both are named.
    **dict.fromkeys(("et", "est", "edt", "eastern"), _NEW_YORK),
    **dict.fromkeys(("ct", "cdt", "central"), _CHICAGO),
    "cst": "America/Chicago or Asia/Shanghai (China)",
    **dict.fromkeys(("mt", "mst", "mdt", "mountain"), _DENVER),
    **dict.fromkeys(("pt", "pst", "pdt", "pacific"), _LOS_ANGELES),
    **dict.fromkeys(("akst", "akdt", "alaska", "alaskan"), _ANCHORAGE),
    **dict.fromkeys(("hst", "hdt", "hawaii", "hawaiian"), _HONOLULU),
    **dict.fromkeys(("adt", "atlantic"), _HALIFAX),
    "ast": "America/Halifax or America/Puerto_Rico",
    **dict.fromkeys(("nst", "ndt", "newfoundland"), "America/St_Johns"),
    "arizona": "America/Phoenix",
    # South America.
    **dict.fromkeys(("brt", "brst"), "America/Sao_Paulo"),
    "art": "America/Argentina/Buenos_Aires",
    **dict.fromkeys(("clt", "clst"), "America/Santiago"),
    "cot": "America/Bogota",
    "pet": "America/Lima",
    # Europe.
    **dict.fromkeys(("bst", "uk", "britain"), _LONDON),
    **dict.fromkeys(("gmt", "gmt0", "gmt+0", "gmt-0", "greenwich", "etc/greenwich"), "Europe/London or UTC"),
    **dict.fromkeys(("west", "portugal"), "Europe/Lisbon"),
    **dict.fromkeys(("cest", "mez", "mesz", "mest", "central europe", "central european", "w. europe"), _BERLIN),
    "romance": "Europe/Paris",
    **dict.fromkeys(("eest", "eastern european"), _ATHENS),
    **dict.fromkeys(("msk", "msd", "russian"), _MOSCOW),
    "trt": "Europe/Istanbul",
    # Africa.
    **dict.fromkeys(("sast", "south africa"), "Africa/Johannesburg"),
    "wat": "Africa/Lagos",
    "cat": "Africa/Maputo",
    "eat": "Africa/Nairobi",
    # Asia and the Pacific.
    "ist": "Asia/Kolkata, Europe/Dublin or Asia/Jerusalem",
    "india": _KOLKATA,
    **dict.fromkeys(("idt", "israel"), "Asia/Jerusalem"),
    **dict.fromkeys(("gst", "arabian", "gulf"), "Asia/Dubai"),
    "pkt": "Asia/Karachi",
    "wib": "Asia/Jakarta",
    "ict": "Asia/Bangkok",
    "china": _SHANGHAI,
    "hkt": "Asia/Hong_Kong",
    **dict.fromkeys(("sgt", "singapore"), "Asia/Singapore"),
    "myt": "Asia/Kuala_Lumpur",
    "pht": "Asia/Manila",
    **dict.fromkeys(("jst", "japan"), "Asia/Tokyo"),
    **dict.fromkeys(("kst", "korea"), "Asia/Seoul"),
    "awst": "Australia/Perth",
    **dict.fromkeys(("acst", "acdt"), "Australia/Adelaide"),
    "aest": "Australia/Sydney or Australia/Brisbane (Queensland)",
    **dict.fromkeys(("aedt", "aet", "aus eastern"), _SYDNEY),
    **dict.fromkeys(("nzst", "nzdt", "new zealand"), _AUCKLAND),
    # Times that belong to no place.
    **dict.fromkeys(("zulu", "z", "uct", "universal", "utc0", "utc+0", "utc-0"), "UTC"),
    **dict.fromkeys(("etc/utc", "etc/uct", "etc/zulu", "etc/universal"), "UTC"),
    **dict.fromkeys(("etc/gmt", "etc/gmt0", "etc/gmt+0", "etc/gmt-0"), "Europe/London or UTC"),
}
"""What people write, in small letters and without `Standard Time` behind it, and the zones that they mean."""

_BY_OFFSET: Final = {
    -10: _HONOLULU, -9: _ANCHORAGE, -8: _LOS_ANGELES, -7: _DENVER, -6: _CHICAGO, -5: _NEW_YORK, -4: _HALIFAX,
    -3.5: "America/St_Johns", -3: "America/Sao_Paulo", 0: _LONDON, 1: _BERLIN, 2: _ATHENS, 3: _MOSCOW, 4: "Asia/Dubai",
    5: "Asia/Karachi", 5.5: _KOLKATA, 6: "Asia/Dhaka", 7: "Asia/Bangkok", 8: _SHANGHAI, 9: "Asia/Tokyo",
    9.5: "Australia/Adelaide", 10: _SYDNEY, 12: _AUCKLAND,
}  # fmt: skip
"""Hours ahead of UTC in winter, and a zone of many people where that is so."""

_NO_REGION: Final = frozenset(
    {"EST", "MST", "HST", "GMT", "GMT0", "GMT+0", "GMT-0", "Greenwich", "UCT", "Universal", "Zulu"}
)
_OFFSET: Final = re.compile(r"(etc/)?(?:gmt|utc)?([+-])([0-9]{1,2})(?::?([0-9]{2}))?", re.IGNORECASE)
_LOCAL: Final = ("Factory", "localtime", "posixrules", "posix/", "right/")
_ENDINGS: Final = re.compile(r"(?: (?:standard|daylight|summer))?(?: time)?(?: \(.*\))?", re.IGNORECASE)


def zone(value: Any) -> str:
    """The name of a time zone, as it is written. Raises PydanticCustomError for other texts and fixed offsets."""
    if isinstance(value, str) and (value in _NO_REGION or value.startswith("Etc/")):
        raise _fault(_SAME if _MEANT.get(value.casefold()) == "UTC" else _FIXED, value)
    try:
        # After the first bad name the list decides: ZoneInfo looks for each unknown name in a dozen places on disk.
        known = isinstance(value, str) and (not _zones.cache_info().currsize or value in _zones())
        if known and not value.startswith(_LOCAL):
            return ZoneInfo(value).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        _zones()
    raise _fault("is not a time zone", value)


def _fault(message: str, value: Any) -> PydanticCustomError:
    return PydanticCustomError("manifest", "{message}", {"message": message, "hint": ZoneHint(value)})


@dataclass(frozen=True, slots=True)
class ZoneHint:
    """A hint that is looked up only when it is shown: a hundred of ten thousand faults are.

    It has no `__str__`: pydantic formats the context of every fault, shown or not.
    """

    word: object

    def read(self) -> str:
        """The hint."""
        if not _zones():
            return _NO_DATA
        word = " ".join(self.word.split()) if isinstance(self.word, str) and len(self.word) <= _MAX_LENGTH else ""
        short = _shorter(word)
        return _of_table(word) or _of_table(short) or _of_offset(word) or _of_spelling(short) or _FORM


@cache
def _zones() -> dict[str, None]:
    return dict.fromkeys(sorted(available_timezones()))


@cache
def _places() -> dict[str, list[str]]:
    """The zones that a manifest may name, by their names and by their last parts, as `_plain` writes both."""
    found: dict[str, list[str]] = {}
    for name in _zones():
        if "/" in name and not name.startswith("Etc/"):
            found.setdefault(_plain(name), []).append(name)
            found.setdefault(_plain(name.rpartition("/")[2]), []).append(name)
    return found


def _plain(text: str) -> str:
    return text.casefold().replace(" ", "_").replace("-", "_")


def _shorter(word: str) -> str:
    """`Eastern` from `Eastern Standard Time` and `Eastern Time (US & Canada)`."""
    end = next(n for n in range(1, len(word) + 1) if _ENDINGS.fullmatch(word, n)) if word else 0
    return word[:end]


def _of_table(word: str) -> str:
    small = word.casefold()
    meant = _MEANT.get(small) or _MEANT.get(small.removeprefix("us ").removeprefix("u.s. "))
    return f"write {meant}" if meant else ""


def _of_offset(word: str) -> str:
    match = _OFFSET.fullmatch(word)
    if match is None:
        return ""
    hours = int(match[3]) + int(match[4] or 0) / 60
    # Etc/GMT+5 is five hours *behind* Greenwich: POSIX counts the other way round.
    behind = (match[2] == "-") != bool(match[1])
    place = _BY_OFFSET.get(-hours if behind else hours)
    return f"write the zone of a place, such as {place}" if place else ""


def _of_spelling(word: str) -> str:
    """A place of that name, or the nearest one of the continent that was written."""
    if places := _places().get(_plain(word), [])[:3]:
        return f"did you mean {' or '.join(map(repr, places))}?"
    head, slash, tail = word.partition("/")
    continents = {name.partition("/")[0] for name in _zones() if "/" in name} - {"Etc"}
    near = get_close_matches(head.title(), continents, n=1, cutoff=0.75) if slash else []
    there = {_plain(name.partition("/")[2]): name for name in _zones() if near and name.startswith(f"{near[0]}/")}
    found = get_close_matches(_plain(tail), there, n=1, cutoff=0.75)
    return f"did you mean {there[found[0]]!r}?" if found else ""
