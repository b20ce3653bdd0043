"""What `discover` finds: campaigns of the platform as rows of a campaign file, and what they change in one. Pure."""

import csv
import io
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

from orchestrator.core.manifest.models import NOTES, Defaults
from orchestrator.core.manifest.values import ID_PATTERN
from orchestrator.core.text import one_line, spreadsheet_cell
from orchestrator.model import CallTarget, CampaignKey, CampaignType, LiveState, key_of

GONE: Final = "gone"
"""The status, in a file, of a campaign that the platform no longer lists."""

_OWN: Final = ("stream", "campaign", "account", "type", "name")
_WHERE_NEEDED: Final = frozenset({"account", "type"})
_MAX_SHOWN: Final = 3
_LONGEST: Final = 512  # characters of a name in a manifest
_ID: Final = re.compile(ID_PATTERN)
_PLAIN: Final = re.compile(r"[a-z]{2,}-[\w.-]+", re.ASCII)  # for YAML it is nothing but a text
_SPACES: Final = re.compile("[\t\n\x0b\x0c\r\x85\u2028\u2029]+")


@dataclass(frozen=True, slots=True)
class Choice:
    """Which campaigns are wanted: those in one of the states (none: in any), whose name matches a pattern like `*NE*`.

    Letters count alike in either case.
    """

    statuses: Collection[str] = ()
    name: str = "*"

    def matches(self, one: "Found") -> bool:
        """Whether it is one of them."""
        is_named = fnmatchcase(one.name.casefold(), self.name.casefold())
        return is_named and (not self.statuses or one.status.casefold() in map(str.casefold, self.statuses))


@dataclass(frozen=True, slots=True)
class Found:
    """One campaign as the platform lists it, in texts of one line each. An empty text: it has none."""

    stream: str
    campaign: str
    account: str
    type: CampaignType
    name: str = ""
    status: str = ""
    contact_lists: tuple[str, ...] = ()
    instance_id: str = ""
    updated_at: str = ""

    @property
    def key(self) -> CampaignKey:
        """Stream and campaign in one."""
        return key_of(self.stream, self.campaign)

    def cells(self, defaults: Defaults) -> dict[str, str]:
        """Its cells by column; empty if a manifest with these defaults needs none."""
        own = (
            self.stream,
            self.campaign,
            "" if self.account == defaults.account else self.account,
            "" if self.type is defaults.type else str(self.type),
            self.name,
        )
        notes = (self.status, "; ".join(map(spreadsheet_cell, self.contact_lists)), self.instance_id, self.updated_at)
        return dict(zip((*_OWN, *NOTES), own + notes, strict=True))

    @property
    def note(self) -> str:
        """What a manifest has no key for, in words."""
        parts = (
            self.status,
            f"lists {', '.join(self.contact_lists)}" if self.contact_lists else "",
            f"last ran as {self.instance_id}" if self.instance_id else "",
            f"updated {self.updated_at}" if self.updated_at else "",
        )
        return "; ".join(part for part in parts if part)


def found_in(target: CallTarget, account: str, live: Mapping[str, LiveState]) -> list[Found]:
    """The campaigns of a list, except those whose id is not valid in a manifest."""
    return [
        Found(
            target.stream, campaign, account, target.type, _text(state.name), _text(state.status),
            tuple(map(_text, state.contact_lists)), _text(state.instance_id or ""), _text(state.updated_at or ""),
        )
        for campaign, state in live.items()
        if is_usable(campaign)
    ]  # fmt: skip


def is_usable(campaign: str) -> bool:
    """Whether the id is valid in a manifest."""
    return _ID.fullmatch(campaign) is not None


def shortened(texts: Sequence[str]) -> str:
    """The first three of them, and how many there are besides."""
    return ", ".join(texts[:_MAX_SHOWN]) + (f" and {len(texts) - _MAX_SHOWN:,} more" * (len(texts) > _MAX_SHOWN))


def _text(text: str) -> str:
    return one_line(_SPACES.sub(" ", text)).strip()[:_LONGEST]


# A file's list, and how it changes.


@dataclass(frozen=True, slots=True)
class Changes:
    """What becomes of a file's list: `added` at its end, and its rows, from 0, that are `gone`.

    `listed` are its rows that the platform does list, with their states: a mark that says otherwise goes.
    """

    added: tuple[Found, ...] = ()
    gone: tuple[int, ...] = ()
    listed: Mapping[int, str] = field(default_factory=dict)


def changes(
    rows: Sequence[Mapping[str, Any]],
    found: Iterable[Found],
    wanted: Iterable[Found],
    asked: Collection[tuple[str, str, CampaignType]],
    defaults: Defaults,
) -> Changes:
    """What a file with `rows` lacks of what is `wanted`, and which of its rows are gone: nowhere in `found`.

    `asked` are the lists that were read: stream, account and type. What another one has is not gone.
    """
    statuses = {one.key: one.status for one in found}
    keys = {number: key_of(str(row.get("stream")), str(row.get("campaign"))) for number, row in enumerate(rows)}
    known = set(keys.values())
    gone = (number for number, key in keys.items() if key not in statuses)
    return Changes(
        tuple(one for one in wanted if one.key not in known),
        tuple(number for number in gone if _list_of(rows[number], defaults) in asked),
        {number: statuses[key] for number, key in keys.items() if key in statuses},
    )


def _list_of(row: Mapping[str, Any], defaults: Defaults) -> tuple[str, str | None, str]:
    return str(row.get("stream")), row.get("account") or defaults.account, str(row.get("type") or defaults.type)


@dataclass(frozen=True, slots=True)
class Discovery:
    """All campaigns that were `found`, those of them that are `wanted`, and in how many `calls`."""

    account: str
    type: CampaignType
    streams: tuple[str, ...]
    found: tuple[Found, ...]
    wanted: tuple[Found, ...]
    calls: int
    notes: tuple[str, ...] = ()

    @property
    def asked(self) -> frozenset[tuple[str, str, CampaignType]]:
        """The lists that were read."""
        return frozenset((stream, self.account, self.type) for stream in self.streams)


@dataclass(frozen=True, slots=True)
class Written:
    """What became of the file: the campaigns it got, those that are `gone`, how many of them it marks, and remarks.

    `is_read`: the manifest reads it as it is.
    """

    file: str
    added: tuple[Found, ...]
    gone: tuple[CampaignKey, ...]
    marked: int
    is_read: bool
    notes: tuple[str, ...] = ()


# The texts.


def columns_of(rows: Iterable[Mapping[str, str]]) -> list[str]:
    """The columns of a new file: the account and the type only where a row needs them."""
    used = {column for row in rows for column in _WHERE_NEEDED if row[column]}
    return [column for column in (*_OWN, *NOTES) if column not in _WHERE_NEEDED or column in used]


def csv_text(rows: Iterable[Mapping[str, str]], columns: Sequence[str], **form: Any) -> str:
    """The rows as CSV, without a header. `form` are options of the csv module's writer; lines end in LF."""
    out = io.StringIO()
    writer = csv.writer(out, **{"lineterminator": "\n", **form})
    # Texts are cut after they are made harmless, because that may make them longer than a name may be.
    writer.writerows([spreadsheet_cell(row.get(column, ""))[:_LONGEST] for column in columns] for row in rows)
    return out.getvalue()


def manifest_row(one: Found, defaults: Defaults) -> dict[str, str]:
    """The campaign as a manifest's own list has it: what is not empty, without the notes."""
    return {key: text for key, text in one.cells(defaults).items() if key in _OWN and text}


def yaml_item(one: Found, defaults: Defaults) -> str:
    """The campaign as YAML on one line, without its note."""
    return "{" + ", ".join(f"{key}: {_yaml(key, text)}" for key, text in manifest_row(one, defaults).items()) + "}"


def json_item(one: Found, defaults: Defaults) -> str:
    """The campaign as JSON on one line, which is YAML, too."""
    return json.dumps(manifest_row(one, defaults), ensure_ascii=False)


def _yaml(key: str, text: str) -> str:
    # An id such as 123 or 1e5 would be a number without quotes.
    is_plain = key == "type" or (key != "name" and _PLAIN.fullmatch(text))
    return text if is_plain else json.dumps(text, ensure_ascii=False)
