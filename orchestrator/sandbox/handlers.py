"""One HTTP request to one reply, faults included."""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any, Final, TextIO

from aiohttp import web

from orchestrator.sandbox import people, wire
from orchestrator.sandbox.faults import BUSY_SECONDS, LATE_SECONDS, SLOW_SECONDS, TWICE_SECONDS, Fault, FaultPlan
from orchestrator.sandbox.gate import INVALID_TOKEN, Gate
from orchestrator.sandbox.limiter import Reply
from orchestrator.sandbox.listing import INVALID_ARGUMENTS, stamp
from orchestrator.sandbox.platform import Call, Platform, error_body

_INVALID: Final = Reply(412, error_body(INVALID_ARGUMENTS, 412))
_BROKEN: Final = Reply(500, error_body("Internal Server Error", 500))
_BUSY: Final = Reply(503, error_body("Service Unavailable", 503), {"Retry-After": str(BUSY_SECONDS)})
_OPERATIONS: Final = frozenset({"start", "stop", "status", "list", "get", "lists"})
_TRIGGERS: Final = {"play": "start", "stop": "stop"}
_ACTS_FIRST: Final = frozenset(
    {Fault.SERVER_ERROR_AFTER, Fault.RESET_AFTER, Fault.HANG_AFTER, Fault.TRUNCATE, Fault.HTML}
)
_ROUTES: Final = (
    ("POST", "trigger", "/campaign/api/v1/public/{stream}/campaign/{campaign}"),
    ("POST", "status", "/agentassist/api/v1/public/{stream}/campaign/{campaign}/status"),
    ("POST", "list", "/agentassist/api/v1/public/{stream}/campaign/getAllCampaignDetails"),
    ("POST", "lists", "/campaign/api/v2/public/{stream}/campaign/contactList/getAllListDetails"),
    ("GET", "get", "/agentassist/api/v1/public/{stream}/campaign/{campaign}"),
)
_Handler = Callable[[web.Request, Call], Awaitable[web.StreamResponse]]


class Handlers:
    """The API's endpoints over one platform."""

    def __init__(
        self, platform: Platform, faults: FaultPlan, clock: Callable[[], float], log: TextIO | None = None
    ) -> None:
        self._platform = platform
        self._faults = faults
        self._clock = clock
        self._log = log
        self._gate = Gate(platform, clock)
        self._attempts: Counter[tuple[str, str]] = Counter()
        self._closing = asyncio.Event()
        self._late: set[asyncio.Task[None]] = set()
        self._struck: dict[Fault, _Handler] = {
            # TRUNCATE is missing: `_start` answers it itself, because it needs the reply to cut.
            Fault.REFUSE_LIMITED: self._refuse,
            Fault.UNAUTHORIZED_ONCE: partial(self._say, INVALID_TOKEN, Fault.UNAUTHORIZED_ONCE),
            Fault.SERVER_ERROR_BEFORE: partial(self._say, _BROKEN, Fault.SERVER_ERROR_BEFORE),
            Fault.SERVER_ERROR_AFTER: partial(self._say, _BROKEN, Fault.SERVER_ERROR_AFTER),
            Fault.RESET_BEFORE: partial(self._reset, Fault.RESET_BEFORE),
            Fault.RESET_AFTER: partial(self._reset, Fault.RESET_AFTER),
            Fault.HANG_BEFORE: partial(self._hang, Fault.HANG_BEFORE),
            Fault.HANG_AFTER: partial(self._hang, Fault.HANG_AFTER),
            Fault.HTML: self._page,
            Fault.LATE: self._answer_late,
            Fault.SLOW: self._answer_slowly,
            Fault.ANSWER_TWICE: self._answer_twice,
        }

    def routes(self) -> list[web.RouteDef]:
        """The paths of the API, each for every method; those of the record and of people at the console."""
        api = [web.route("*", path, partial(self._handle, method, op)) for method, op, path in _ROUTES]
        console = web.post("/sandbox/console/{stream}/{campaign}/{action}", self._console)
        return [*api, web.get("/sandbox/record", self._record), console]

    async def release(self) -> None:
        """End what hangs, and forget what was to happen later."""
        self._closing.set()
        for task in self._late:
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)

    async def _record(self, _request: web.Request) -> web.Response:
        return web.json_response(self._platform.record())

    async def _console(self, request: web.Request) -> web.Response:
        """A person does one of people.ACTIONS to a campaign. No token: the console is not the API."""
        stream, campaign, name = (request.match_info[part] for part in ("stream", "campaign", "action"))
        action, found = people.ACTIONS.get(name), self._platform.campaign(stream, campaign)
        if action is None or found is None:
            return web.json_response(error_body(f"no {name} of {stream}/{campaign} here", 404), status=404)
        action(self._platform, found, self._clock())
        return web.json_response({"status": "success"})

    async def _handle(self, method: str, op: str, request: web.Request) -> web.StreamResponse:
        # 1. The gate, before the body is read.
        call = _call_of(op, request)
        refusal = self._gate.refusal(call, request.headers, right_method=request.method == method)
        if refusal is not None:
            return self._whole(call, refusal)
        # 2. The request itself.
        body = _json_object(await request.read())
        if body is None or call.op not in _OPERATIONS:
            return self._whole(call, _INVALID)
        call = replace(call, body=body)
        # 3. Act on it, or fail as planned.
        if call.op == "start":
            return await self._start(request, call)
        return self._read_or_stop(call)

    async def _start(self, request: web.Request, call: Call) -> web.StreamResponse:
        attempt = self._count(call)
        found = self._platform.campaign(call.stream, call.campaign)
        if found and self._faults.is_edited(call.account_id, call.stream, call.campaign, attempt):
            people.edit(self._platform, found, self._clock())
        fault = self._faults.for_start(call.account_id, call.stream, call.campaign, attempt)
        if fault is None:
            return self._whole(call, self._act(call))
        if fault is Fault.TRUNCATE:
            return await self._truncate(request, call)
        # "After" faults: people are being texted, and the caller learns something else.
        if fault in _ACTS_FIRST:
            self._act(call)
        return await self._struck[fault](request, call)

    def _read_or_stop(self, call: Call) -> web.Response:
        if call.op != "stop":
            count = self._count(call)
            if self._faults.fails_read(call.account_id, call.stream, call.campaign, count):
                is_busy = self._faults.is_busy(call.account_id, call.stream, call.campaign, count)
                return self._whole(call, _BUSY if is_busy else _BROKEN, Fault.SERVER_ERROR_BEFORE)
        return self._whole(call, self._act(call))

    def _count(self, call: Call) -> int:
        self._attempts[call.op, call.key] += 1
        return self._attempts[call.op, call.key]

    def _act(self, call: Call) -> Reply:
        return Reply(*self._platform.act(call, self._clock()))

    def _whole(self, call: Call, reply: Reply, fault: Fault | None = None) -> web.Response:
        self._note(call, reply.http_status, fault)
        return wire.whole(reply, self._clock())

    async def _refuse(self, _request: web.Request, call: Call) -> web.Response:
        reply = self._platform.refuse(call.account_id, self._clock())
        return self._whole(call, reply, Fault.REFUSE_LIMITED)

    async def _say(self, reply: Reply, fault: Fault, _request: web.Request, call: Call) -> web.Response:
        return self._whole(call, reply, fault)

    async def _reset(self, fault: Fault, request: web.Request, call: Call) -> web.Response:
        self._note(call, None, fault)
        raise wire.reset(request)

    async def _hang(self, fault: Fault, request: web.Request, call: Call) -> web.Response:
        self._note(call, None, fault)
        # Until the caller gives up, or the server closes.
        await self._closing.wait()
        raise wire.reset(request)

    async def _truncate(self, request: web.Request, call: Call) -> web.StreamResponse:
        reply = self._act(call)
        self._note(call, reply.http_status, Fault.TRUNCATE)
        return await wire.truncated(request, reply.http_status, reply.json)

    async def _page(self, _request: web.Request, call: Call) -> web.Response:
        self._note(call, 200, Fault.HTML)
        return wire.page(200, "Welcome")

    async def _answer_late(self, _request: web.Request, call: Call) -> web.Response:
        task = asyncio.create_task(self._act_late(call))
        # Kept here: the loop itself holds tasks weakly, and might lose this one.
        self._late.add(task)
        task.add_done_callback(self._late.discard)
        self._note(call, 504, Fault.LATE)
        return wire.page(504, "Gateway Time-out")

    async def _act_late(self, call: Call) -> None:
        await asyncio.sleep(LATE_SECONDS)
        self._note(call, self._act(call).http_status, Fault.LATE)

    async def _answer_slowly(self, _request: web.Request, call: Call) -> web.Response:
        await asyncio.sleep(SLOW_SECONDS)
        return self._whole(call, self._act(call), Fault.SLOW)

    async def _answer_twice(self, request: web.Request, call: Call) -> web.Response:
        reply, now = self._act(call), self._clock()
        asyncio.get_running_loop().call_later(TWICE_SECONDS, wire.write, request, wire.raw(reply, now))
        return self._whole(call, reply, Fault.ANSWER_TWICE)

    def _note(self, call: Call, http_status: int | None, fault: Fault | None) -> None:
        if self._log is None:
            return
        line = {"at": stamp(self._clock()), "account": call.account_id, "op": call.op, "stream": call.stream}
        line |= {"campaign": call.campaign}
        self._log.write(json.dumps(line | {"http_status": http_status, "fault": fault}) + "\n")
        self._log.flush()


def _call_of(op: str, request: web.Request) -> Call:
    if op == "trigger":
        # With an unknown type or trigger the op stays `trigger`, which `_handle` refuses as invalid.
        kind = request.query.get("campaignType") in {"sms", "voice"}
        op = _TRIGGERS.get(request.query.get("trigger", ""), op) if kind else op
    return Call(
        op=op,
        account_id=request.headers.get("accountId", ""),
        stream=request.match_info["stream"],
        campaign=request.match_info.get("campaign", ""),
        type=request.query.get("campaignType", "sms"),
    )


def _json_object(body: bytes) -> dict[str, Any] | None:
    """The body's JSON object, empty for an empty body; None for anything else."""
    try:
        value = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
