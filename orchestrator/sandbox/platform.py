"""A model of the remote campaign API, as far as it is documented: a state machine, a limiter and a memory.

Pure: no I/O and no clock. Times come in as POSIX seconds.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from orchestrator.sandbox.contact_lists import RECIPIENTS, ContactList, all_lists
from orchestrator.sandbox.limiter import DEFAULT_LIMIT, Arrivals, Limit, Reply
from orchestrator.sandbox.listing import INVALID_ARGUMENTS, campaign_details, list_page, stamp
from orchestrator.sandbox.sending import Sender

__all__ = ["Account", "Call", "Campaign", "ContactList", "Hazard", "Limit", "Platform", "Start", "World", "error_body"]

DEFAULT_SENDER: Final = "+15550100000"
MESSAGES_PER_SECOND: Final = 1.0
_STARTABLE: Final = frozenset({"Ready", "Stopped", "Completed", "Paused"})
_KEEPS_LISTS: Final = frozenset({"Active", "Preparing", "Paused"})
_Answer = tuple[int, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Campaign:
    """One campaign as the platform knows it."""

    stream: str
    id: str
    name: str
    account_id: str
    type: str = "sms"
    status: str = "Ready"
    instance_id: str | None = None
    updated_at: str | None = None  # by whatever changed it last; None: not since it was created
    scheduled: bool = False
    recipients: int = RECIPIENTS
    messages_sent: int = 0  # of its last instance, until `sending_since`
    sending_since: float | None = None  # POSIX seconds
    stalls_after: int | None = None  # it stays Active, but stops sending after this number of messages
    contact_lists: tuple[str, ...] = ()
    dnc_list: str | None = None
    created_at: str = "2025-06-01T00:00:00.000Z"
    calling_hours: Mapping[str, Any] | None = None  # as the API writes them
    message: str | None = None
    template: str | None = None
    experience_flow: str = ""
    sender: str = DEFAULT_SENDER


@dataclass(frozen=True, slots=True)
class Account:
    """Who may call: `secret` is the shared secret, or the public key (PEM) with RS256 and RS512."""

    account_id: str
    client_id: str
    secret: str = field(repr=False)
    algorithm: str = "HS256"
    limit: Limit = DEFAULT_LIMIT
    sorts_lists: bool = True  # False: a `sortBy` without `name` is refused, as the documentation has it
    messages_per_minute: float | None = None  # of all its campaigns together; None: each has MESSAGES_PER_SECOND
    shares_lists: bool = True  # False: a start on a contact list in use is refused; what Kore.ai does is undocumented


@dataclass(frozen=True, slots=True)
class World:
    """Everything that exists when the sandbox starts."""

    accounts: tuple[Account, ...]
    campaigns: tuple[Campaign, ...]
    contact_lists: tuple[ContactList, ...] = ()  # those that are not just what campaigns name


@dataclass(frozen=True, slots=True)
class Call:
    """One API call, already authenticated. `op` is start, stop, status, list, get or lists."""

    op: str
    account_id: str
    stream: str
    campaign: str = ""
    type: str = "sms"
    body: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """`stream/campaign`."""
        return f"{self.stream}/{self.campaign}"


@dataclass(frozen=True, slots=True)
class Start:
    """A start that the platform accepted."""

    account_id: str
    stream: str
    campaign: str
    at: float


@dataclass(frozen=True, slots=True)
class Hazard:
    """A start that could have texted people twice, or that the platform cannot carry out.

    `kind` is duplicate, rerun, not_startable, or shared_list: `other` uses one of its contact lists.
    """

    kind: str
    account_id: str
    stream: str
    campaign: str
    at: float
    other: str = ""


def error_body(message: str, code: int) -> dict[str, Any]:
    """The platform's error envelope."""
    return {"errors": [{"msg": message, "code": code}]}


class Platform:
    """A world that calls change. Tests judge a run by `starts`, `start_counts`, `hazards` and `arrivals`."""

    def __init__(self, world: World, *, retry_after: str = "seconds") -> None:
        self.world = world
        self.starts: list[Start] = []
        self.start_counts: Counter[str] = Counter()
        self.hazards: list[Hazard] = []
        self.arrivals = {one.account_id: Arrivals(one.limit, retry_after) for one in world.accounts}
        self._unsorted = {one.account_id for one in world.accounts if not one.sorts_lists}
        self._apart = {one.account_id for one in world.accounts if not one.shares_lists}
        self._campaigns: dict[tuple[str, str], Campaign] = {}
        self._owned: dict[tuple[str, str], dict[tuple[str, str], None]] = {}  # account and stream
        self._on_list: dict[tuple[str, str, str], dict[tuple[str, str], None]] = {}  # account, stream and list
        for one in world.campaigns:
            self.put(one)
        self._senders = {
            one.account_id: Sender(one.messages_per_minute / 60.0)
            for one in world.accounts
            if one.messages_per_minute is not None
        }
        self._instances = 0
        self._operations: dict[str, Callable[[Call, float], _Answer]] = {
            "start": self._start,
            "stop": self._stop,
            "status": self._status,
            "list": self._list,
            "get": self._get,
            "lists": self._lists,
        }

    def arrive(self, account_id: str, now: float) -> Reply | None:
        """Count an arrival; the 429 reply where it is over the account's limit."""
        return self.arrivals[account_id].arrive(now)

    def refuse(self, account_id: str, now: float) -> Reply:
        """The 429 of a rate limit that another client used up. Takes the arrival just counted out of the window."""
        return self.arrivals[account_id].refuse(now)

    def act(self, call: Call, now: float) -> _Answer:
        """Do what the call asks: HTTP status and JSON body."""
        return self._operations[call.op](call, now)

    def campaign(self, stream: str, campaign: str) -> Campaign | None:
        """A campaign as the last change left it."""
        return self._campaigns.get((stream, campaign))

    def at(self, campaign: Campaign, now: float) -> Campaign:
        """A campaign with the messages that it has sent by now; when all are, it is Completed."""
        if campaign.sending_since is None:
            return campaign
        sender, key = self._senders.get(campaign.account_id), (campaign.stream, campaign.id)
        new = int((now - campaign.sending_since) * MESSAGES_PER_SECOND) if sender is None else sender.sent(key, now)
        sent = min(_most(campaign), campaign.messages_sent + max(new, 0))
        is_done = sent >= campaign.recipients
        shown = replace(campaign, messages_sent=sent, status="Completed" if is_done else campaign.status)
        # Kept, so that a list of many that are over does not work each of them out again.
        if is_done and sender is None and self._campaigns.get(key) is campaign:
            self._campaigns[key] = replace(shown, sending_since=None)
        return shown

    def put(self, campaign: Campaign) -> None:
        """Replace or add a campaign: for a state that the API itself does not lead to, such as Completed."""
        self._campaigns[campaign.stream, campaign.id] = campaign
        self._owned.setdefault((campaign.account_id, campaign.stream), {})[campaign.stream, campaign.id] = None
        for name in campaign.contact_lists:
            users = self._on_list.setdefault((campaign.account_id, campaign.stream, name), {})
            users[campaign.stream, campaign.id] = None

    def allows(self, account_id: str, stream: str, campaign: str = "") -> bool:
        """Whether the stream, and the campaign where it exists, belong to the account."""
        known = self.campaign(stream, campaign)
        if known is not None:
            return known.account_id == account_id
        return any(one.stream == stream and one.account_id == account_id for one in self._campaigns.values())

    def record(self) -> dict[str, Any]:
        """All evidence as JSON."""
        return {
            "starts": [
                {"account": one.account_id, "stream": one.stream, "campaign": one.campaign, "at": one.at}
                for one in self.starts
            ],
            "start_counts": dict(self.start_counts),
            "hazards": [
                {"kind": one.kind, "account": one.account_id, "stream": one.stream, "campaign": one.campaign}
                | {"at": one.at, **({"other": one.other} if one.other else {})}
                for one in self.hazards
            ],
            "accounts": {account_id: counts.record() for account_id, counts in self.arrivals.items()},
        }

    def _find(self, call: Call, now: float) -> Campaign | None:
        found = self.campaign(call.stream, call.campaign)
        return self.at(found, now) if found is not None and found.account_id == call.account_id else None

    def _start(self, call: Call, now: float) -> _Answer:
        found = self._find(call, now)
        if found is None or found.type != call.type:
            return _not_found()
        # A start that was repeated while the first one runs: the platform refuses it, and the client was wrong.
        if found.status == "Active":
            self.start_counts[call.key] += 1
            return self._hazard("duplicate", call, now, "Campaign is already active")
        if found.status not in _STARTABLE or found.scheduled:
            return self._hazard("not_startable", call, now, "Campaign cannot be started in its current state")
        if user := self._list_user(found, now):
            refusal = self._hazard("shared_list", call, now, "Contact list is in use by another campaign", user)
            if call.account_id in self._apart:
                return refusal
        # Accepted, as the platform does: it texts the whole list once more.
        if self.start_counts[call.key]:
            self._hazard("rerun", call, now, "")
        self.start_counts[call.key] += 1
        self.starts.append(Start(call.account_id, call.stream, call.campaign, now))
        active = self.activate(found, now)
        reply: dict[str, Any] = {"status": "Active", "message": "Campaign Started", "updatedAt": active.updated_at}
        if found.type == "voice":
            reply |= {"totalCallsCompleted": 0, "campaignInstanceId": active.instance_id}
        return 200, reply

    def _list_user(self, campaign: Campaign, now: float) -> str:
        """Another campaign that uses one of its contact lists; empty if none does."""
        for name in campaign.contact_lists:
            for key in self._on_list[campaign.account_id, campaign.stream, name]:
                other = self._campaigns.get(key)
                if other is None or other.id == campaign.id or name not in other.contact_lists:
                    continue
                if self.at(other, now).status in _KEEPS_LISTS:
                    return other.id
        return ""

    def _hazard(self, kind: str, call: Call, now: float, message: str, other: str = "") -> _Answer:
        self.hazards.append(Hazard(kind, call.account_id, call.stream, call.campaign, now, other))
        return 400, error_body(message, 400)

    def activate(self, campaign: Campaign, now: float) -> Campaign:
        """Run a campaign: every run is a new instance, and texts the whole list."""
        self._instances += 1
        active = replace(
            campaign, status="Active", instance_id=f"cid-{self._instances:08d}", updated_at=stamp(now),
            messages_sent=0, sending_since=now,
        )  # fmt: skip
        self._begin(active, now)
        self.put(active)
        return active

    def deactivate(self, campaign: Campaign, now: float) -> Campaign:
        """Stop a campaign; what was sent stays sent, and the platform forgets how much it was."""
        self._end(campaign, now)
        stopped = replace(campaign, status="Stopped", updated_at=stamp(now), messages_sent=0, sending_since=None)
        self.put(stopped)
        return stopped

    def pause(self, campaign: Campaign, now: float) -> Campaign:
        """Pause a campaign: it keeps its count, and goes on there when it is resumed."""
        paused = replace(self.at(campaign, now), status="Paused", updated_at=stamp(now), sending_since=None)
        self._end(campaign, now)
        self.put(paused)
        return paused

    def resume(self, campaign: Campaign, now: float) -> Campaign:
        """Let a campaign send on, with the same instance."""
        active = replace(campaign, status="Active", updated_at=stamp(now), sending_since=now)
        self._begin(active, now)
        self.put(active)
        return active

    def remove(self, campaign: Campaign, now: float) -> None:
        """Delete a campaign."""
        self._end(campaign, now)
        del self._campaigns[campaign.stream, campaign.id]

    def _begin(self, campaign: Campaign, now: float) -> None:
        if (sender := self._senders.get(campaign.account_id)) is not None:
            left = max(0, _most(campaign) - campaign.messages_sent)
            sender.begin((campaign.stream, campaign.id), left, now)

    def _end(self, campaign: Campaign, now: float) -> None:
        if (sender := self._senders.get(campaign.account_id)) is not None:
            sender.end((campaign.stream, campaign.id), now)

    def _stop(self, call: Call, now: float) -> _Answer:
        found = self._find(call, now)
        if found is None or found.type != call.type:
            return _not_found()
        at = self.deactivate(found, now).updated_at
        reply: dict[str, Any] = {"status": "Stopped", "message": "Campaign Stopped", "updatedAt": at}
        extra = {"campaignInstanceId": found.instance_id} if found.type == "voice" else {}
        return 200, reply | (extra or {"campaignExecutionType": "NORMAL"})

    def _status(self, call: Call, now: float) -> _Answer:
        found = self._find(call, now)
        if found is None:
            return _not_found()
        return 200, {"status": "success", "data": {"id": found.id, "status": found.status, "name": found.name}}

    def _get(self, call: Call, now: float) -> _Answer:
        found = self._find(call, now)
        if found is None:
            return _not_found()
        message = f"Campaign {found.name} retrieved successfully"
        return 200, {"status": "success", "message": message, "data": campaign_details(found)}

    def _list(self, call: Call, now: float) -> _Answer:
        page = list_page([self.at(one, now) for one in self._own(call)], call.body)
        order = call.body.get("sortBy") or {"name": "asc"}
        if page is None or (call.account_id in self._unsorted and "name" not in order):
            return 412, error_body(INVALID_ARGUMENTS, 412)
        return 200, {"status": "success", "message": "Campaign  retrieved successfully", "data": page}

    def _lists(self, call: Call, _now: float) -> _Answer:
        owner = call.stream, call.account_id
        named = [one for one in self.world.contact_lists if (one.stream, one.account_id) == owner]
        return 200, {"status": "success", "data": all_lists(self._own(call), named)}

    def _own(self, call: Call) -> Iterator[Campaign]:
        """The campaigns of the call's stream and account."""
        owned = self._owned.get((call.account_id, call.stream), {})
        return (self._campaigns[key] for key in owned if key in self._campaigns)


def _most(campaign: Campaign) -> int:
    """How many messages it sends in all."""
    return campaign.recipients if campaign.stalls_after is None else min(campaign.recipients, campaign.stalls_after)


def _not_found() -> _Answer:
    return 400, error_body("Campaign not found", 400)
