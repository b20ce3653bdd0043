"""Worlds: from Python values, from a file, or a small one for a demonstration."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import jwt
import yaml

from orchestrator.sandbox.contact_lists import RECIPIENTS, own_list
from orchestrator.sandbox.limiter import DEFAULT_LIMIT
from orchestrator.sandbox.platform import DEFAULT_SENDER, Account, Campaign, ContactList, Limit, World

_ALGORITHMS: Final = ("HS256", "HS512", "RS256", "RS512")
_TYPES: Final = ("sms", "voice")
_WORLD: Final = frozenset({"limit", "accounts", "campaigns", "contact_lists"})
_SWITCHES: Final = ("sorts_lists", "shares_lists")
_ACCOUNT: Final = frozenset({"account_id", "client_id", "secret", "algorithm", "messages_per_minute", *_SWITCHES})
_CAMPAIGN: Final = frozenset(
    {"account_id", "stream", "campaign", "name", "type", "status", "scheduled", "contact_lists", "dnc_list"}
    | {"instance_id", "updated_at", "message", "template", "experience_flow", "sender", "recipients", "stalls_after"}
)
_LIST: Final = frozenset({"account_id", "stream", "name", "records", "status", "source"})


class WorldError(Exception):
    """A world that contradicts itself or cannot be read. The message says where and why."""


def world_of(
    accounts: Iterable[tuple[str, str, str, str]],
    campaigns: Iterable[tuple[str, str, str, str, str]],
    limit: Limit = DEFAULT_LIMIT,
    instances: Mapping[tuple[str, str], str] = MappingProxyType({}),
) -> World:
    """A world of (account_id, client_id, secret, algorithm) and (account_id, stream, campaign, name, type).

    `instances` are the last ones, by (stream, campaign). Each campaign has a contact list of its own.
    """
    return _checked(
        World(
            tuple(Account(*fields, limit) for fields in accounts),
            tuple(
                Campaign(
                    stream,
                    campaign,
                    name,
                    account_id,
                    kind,
                    instance_id=instances.get((stream, campaign)),
                    contact_lists=(own_list(campaign),),
                )
                for account_id, stream, campaign, name, kind in campaigns
            ),
        )
    )


def demo_world(accounts: int = 2, campaigns: int = 10, limit: Limit = DEFAULT_LIMIT) -> World:
    """A world of fake accounts, one stream each, with as many ready SMS campaigns each."""
    return world_of(
        [
            (_account_id(n), f"cs-sandbox-{n}", f"sandbox-secret-{n}-not-a-real-one-{'0' * 32}", "HS256")
            for n in range(1, accounts + 1)
        ],
        [
            (_account_id(n), f"st-sandbox-{n}", f"cd-{n}-{m:04d}", f"Sandbox campaign {n}.{m}", "sms")
            for n in range(1, accounts + 1)
            for m in range(1, campaigns + 1)
        ],
        limit,
    )


def load_world(path: str | Path) -> World:
    """The world in a JSON or YAML file: `limit: {calls, seconds}`, `accounts: [...]`, `campaigns: [...]`.

    `contact_lists: [...]` sets the sizes and states of lists that campaigns name.
    """
    document = _fields(_parsed(Path(path)), "the world", _WORLD)
    limit = _limit(document["limit"]) if "limit" in document else DEFAULT_LIMIT
    lists = [_contact_list(item, where) for where, item in _items(document, "contact_lists", optional=True)]
    return _checked(
        World(
            tuple(_account(item, where, limit) for where, item in _items(document, "accounts")),
            tuple(_texting(_campaign(item, where), lists) for where, item in _items(document, "campaigns")),
            tuple(lists),
        )
    )


def _account_id(number: int) -> str:
    return f"{number:024x}"


def _parsed(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
        return json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except OSError as error:
        raise WorldError(f"{path}: {error.strerror}") from error
    except json.JSONDecodeError as error:
        raise WorldError(f"{path} is not JSON: see line {error.lineno}") from error
    except RecursionError:
        raise WorldError(f"{path} cannot be read: it is nested too deep") from None
    except (ValueError, yaml.YAMLError) as error:
        raise WorldError(f"{path} cannot be read: {error}") from error


def _fields(value: Any, where: str, known: frozenset[str]) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise WorldError(f"{where} must be a mapping")
    unknown = sorted(str(name) for name in value if name not in known)
    if unknown:
        raise WorldError(f"{where}: unknown field {unknown[0]}; known are {', '.join(sorted(known))}")
    return value


def _items(document: Mapping[str, Any], name: str, *, optional: bool = False) -> list[tuple[str, Any]]:
    values = document.get(name)
    if optional and name not in document:
        return []
    if not isinstance(values, list) or not values:
        raise WorldError(f"{name} must be a list with at least one item")
    return [(f"{name}[{index}]", value) for index, value in enumerate(values)]


def _limit(value: Any) -> Limit:
    fields = _fields(value, "limit", frozenset({"calls", "seconds"}))
    calls, seconds = fields.get("calls"), fields.get("seconds")
    # In Python, `true` is a whole number.
    if not isinstance(calls, int) or isinstance(calls, bool):
        raise WorldError("limit: calls must be a whole number")
    if not isinstance(seconds, int | float) or isinstance(seconds, bool):
        raise WorldError("limit: seconds must be a number")
    return Limit(calls, float(seconds))


def _account(value: Any, where: str, limit: Limit) -> Account:
    fields = _fields(value, where, _ACCOUNT)
    switches = {name: fields[name] for name in _SWITCHES if name in fields}
    for name, given in switches.items():
        if not isinstance(given, bool):
            raise WorldError(f"{where}: {name} must be true or false")
    per_minute = fields.get("messages_per_minute")
    is_number = isinstance(per_minute, int | float) and not isinstance(per_minute, bool)
    if per_minute is not None and not (is_number and per_minute > 0):
        raise WorldError(f"{where}: messages_per_minute must be a number above 0")
    return Account(
        account_id=_text(fields, "account_id", where),
        client_id=_text(fields, "client_id", where),
        secret=_text(fields, "secret", where),
        algorithm=_text(fields, "algorithm", where, "HS256"),
        limit=limit,
        messages_per_minute=per_minute,
        **switches,
    )


def _campaign(value: Any, where: str) -> Campaign:
    fields = _fields(value, where, _CAMPAIGN)
    # A list of its own, unless the world names some, or none: else nobody could ask who is texted.
    own = [own_list(str(fields.get("campaign")))]
    lists, scheduled = fields.get("contact_lists", own), fields.get("scheduled", False)
    if not isinstance(lists, list) or not all(isinstance(one, str) for one in lists):
        raise WorldError(f"{where}: contact_lists must be a list of names")
    if not isinstance(scheduled, bool):
        raise WorldError(f"{where}: scheduled must be true or false")
    return Campaign(
        stream=_text(fields, "stream", where),
        id=_text(fields, "campaign", where),
        name=_text(fields, "name", where, str(fields.get("campaign"))),
        account_id=_text(fields, "account_id", where),
        type=_text(fields, "type", where, "sms"),
        status=_text(fields, "status", where, "Ready"),
        scheduled=scheduled,
        contact_lists=tuple(lists),
        dnc_list=_text_or_none(fields, "dnc_list", where),
        instance_id=_text_or_none(fields, "instance_id", where),
        updated_at=_text_or_none(fields, "updated_at", where),
        message=_text_or_none(fields, "message", where),
        template=_text_or_none(fields, "template", where),
        experience_flow=_text_or_none(fields, "experience_flow", where) or "",
        sender=_text(fields, "sender", where, DEFAULT_SENDER),
        recipients=_people(fields, "recipients", where, 3600),
        stalls_after=_people(fields, "stalls_after", where, 0) if "stalls_after" in fields else None,
    )


def _contact_list(value: Any, where: str) -> ContactList:
    fields = _fields(value, where, _LIST)
    records = _people(fields, "records", where, RECIPIENTS)
    return ContactList(
        stream=_text(fields, "stream", where),
        name=_text(fields, "name", where),
        account_id=_text(fields, "account_id", where),
        records=records,
        status=_text(fields, "status", where, "Ready"),
        source=_text(fields, "source", where, "localDrive"),
    )


def _texting(campaign: Campaign, lists: Iterable[ContactList]) -> Campaign:
    """The campaign, whose recipients are the people on its lists, where the world says who is on each."""
    own = {
        one.name: one.records for one in lists if (one.stream, one.account_id) == (campaign.stream, campaign.account_id)
    }
    names = set(campaign.contact_lists)
    return replace(campaign, recipients=sum(own[name] for name in names)) if names and names <= own.keys() else campaign


def _people(fields: Mapping[str, Any], name: str, where: str, fallback: int) -> int:
    value = fields.get(name, fallback)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise WorldError(f"{where}: {name} must be a whole number, 0 at least")
    return value


def _text_or_none(fields: Mapping[str, Any], name: str, where: str) -> str | None:
    return _text(fields, name, where) if name in fields else None


def _text(fields: Mapping[str, Any], name: str, where: str, fallback: str | None = None) -> str:
    value = fields.get(name, fallback)
    if not isinstance(value, str) or not value:
        raise WorldError(f"{where}: {name} must be a text that is not empty (quote numbers)")
    return value


def _checked(world: World) -> World:
    for account in world.accounts:
        _check_account(account)
    # Ids are what calls are told apart by, so each may stand for one thing only.
    known = _once([one.account_id for one in world.accounts], "account")
    _once([f"{one.stream}/{one.id}" for one in world.campaigns], "campaign")
    _once([f"{one.name!r} of {one.stream}" for one in world.contact_lists], "contact list")
    for campaign in world.campaigns:
        if campaign.account_id not in known:
            raise WorldError(f"campaign {campaign.id}: there is no account {campaign.account_id}")
        if campaign.type not in _TYPES:
            raise WorldError(f"campaign {campaign.id}: type is one of {', '.join(_TYPES)}, not {campaign.type}")
    return world


def _check_account(account: Account) -> None:
    where = f"account {account.account_id}"
    if account.algorithm not in _ALGORITHMS:
        raise WorldError(f"{where}: algorithm is one of {', '.join(_ALGORITHMS)}, not {account.algorithm}")
    if account.limit.calls < 1 or not account.limit.seconds > 0:
        raise WorldError(f"{where}: a limit is at least 1 call in more than 0 seconds")
    try:
        # Now, and not at the first call: there it would look like a client's wrong token.
        jwt.get_algorithm_by_name(account.algorithm).prepare_key(account.secret)
    except (jwt.PyJWTError, ValueError) as error:
        raise WorldError(f"{where}: the secret is not a key for {account.algorithm}: {type(error).__name__}") from error


def _once(names: Iterable[str], kind: str) -> set[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise WorldError(f"{kind} {name} is there twice")
        seen.add(name)
    return seen
