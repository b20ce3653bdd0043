"""The remote API over one aiohttp session. A reply or a fault leaves it, never an aiohttp exception."""

import json
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
from yarl import URL

from orchestrator.core.attempt.permit import Permit, PermitError
from orchestrator.kore import contacts, wire
from orchestrator.kore.call import CALL, Call, NotNowError, Request, look
from orchestrator.kore.connection import UnaskedError
from orchestrator.kore.connection_pool import ConnectionPool
from orchestrator.kore.fault_words import explain, lacks_of
from orchestrator.kore.proxy import Proxy, proxy_for, proxy_secrets
from orchestrator.model import CallTarget, Fault, Progress, Read, Reply
from orchestrator.ports import Check, Clock, TokenSource
from orchestrator.redaction import Redactor

_MAX_BODY: Final = 8 * 1024 * 1024
_LOOKED_AT: Final = 64 * 1024
_TEXT: Final = 500
_EMPTY: Final = b"{}"


class KoreClient:
    """Start, stop, status, list, get and contact lists (kore-api.md section 1). Use as an async context manager."""

    def __init__(
        self,
        host: str,
        tokens: TokenSource,
        clock: Clock,
        *,
        connect_timeout: float,
        total_timeout: float,
        pool: ConnectionPool,
        redactor: Redactor | None = None,
    ) -> None:
        self._host = host
        self._scheme, _, self._authority = host.partition("://")
        self._tokens = tokens
        self._clock = clock
        self._redactor = redactor or Redactor()
        self._timeout = aiohttp.ClientTimeout(total=total_timeout, sock_connect=connect_timeout)
        self._total_timeout = total_timeout
        self._pool = pool
        self._proxy: Proxy | None = None
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Read the environment's proxy. Raises Refused for one that cannot be used."""
        self._redactor.learn(proxy_secrets())
        self._proxy = proxy_for(self._host)
        self._session = aiohttp.ClientSession(
            connector=self._pool.open(self._total_timeout),
            connector_owner=False,  # its connections outlive it, where others use them
            request_class=Request,
            timeout=self._timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            proxy=self._proxy.url if self._proxy else None,
        )
        # aiohttp repeats an idempotent request by itself after a disconnect: such a call would escape the pacer.
        self._session._retry_connection = False  # noqa: SLF001
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            await self._pool.close(self._total_timeout)

    async def start(self, target: CallTarget, permit: Permit, *, check: Check) -> Reply | Fault:
        """Send one start; the permit is used up right before the first byte, or the call is UNSENT."""

        def last_look() -> None:
            # The permit last: a call that is withheld must not use it up.
            look(check)
            permit.use(target.key, self._clock.now())

        return await self._call("POST", target, wire.trigger_path(target, "play"), _EMPTY, last_look)

    async def stop(self, target: CallTarget, *, check: Check | None = None) -> Reply | Fault:
        """Send `trigger=stop`. It is not an undo: messages that went out stay out."""
        return await self._call("POST", target, wire.trigger_path(target, "stop"), _EMPTY, partial(look, check))

    async def status(self, target: CallTarget, *, check: Check | None = None) -> Read:
        """The state of one campaign."""
        answer = await self._call("POST", target, wire.status_path(target), _EMPTY, partial(look, check))
        return Read(answer, wire.read_status(answer.payload) if isinstance(answer, Reply) else {})

    async def get(self, target: CallTarget, *, check: Check | None = None) -> Read:
        """All that the platform has of one campaign, its calling hours too."""
        answer = await self._call("GET", target, wire.get_path(target), b"", partial(look, check))
        return Read(answer, wire.read_status(answer.payload) if isinstance(answer, Reply) else {})

    async def list(self, target: CallTarget, page: int, *, is_ordered: bool = True, check: Check | None = None) -> Read:
        """One page, from 1, of the campaigns of the target's stream and type."""
        body = json.dumps(wire.list_body(target, page, is_ordered=is_ordered)).encode()
        answer = await self._call("POST", target, wire.list_path(target), body, partial(look, check))
        return Read(answer, *wire.read_list(answer.payload, page)) if isinstance(answer, Reply) else Read(answer)

    async def contact_lists(self, target: CallTarget, *, check: Check | None = None) -> Read:
        """All contact lists of the target's stream, in one call."""
        answer = await self._call("POST", target, contacts.path(target), _EMPTY, partial(look, check))
        return Read(answer, lists=contacts.read(answer.payload) if isinstance(answer, Reply) else None)

    async def _call(
        self,
        method: str,
        target: CallTarget,
        path: str,
        body: bytes,
        last_look: Callable[[], None],
    ) -> Reply | Fault:
        # A token for each attempt: the platform refuses one that is replayed (kore-api.md section 3).
        token = self._tokens.mint(target.account_id)
        headers = wire.headers(target, token, len(body))
        call = Call(self._clock, token, last_look, body)
        try:
            return await self._exchange(call, method, path, headers)
        except (NotNowError, PermitError, UnaskedError) as error:
            return call.not_sent(error)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            words, fix = explain(error, call.progress, self._proxy)
            lacks = lacks_of(error, call.progress)
            return call.fault(self._redactor.text(words, token)[:_TEXT], fix, lacks)

    async def _exchange(self, call: Call, method: str, path: str, headers: dict[str, str]) -> Reply:
        if self._session is None:
            raise RuntimeError("the client is used outside of `async with`")
        CALL.set(call)
        response = await self._session.request(
            method,
            self._url(path),
            headers=headers,
            allow_redirects=False,
            proxy_headers=self._proxy.headers if self._proxy else None,
        )
        # Kept before the body is read: the status alone may settle what an interrupted body leaves open.
        call.progress, call.http_status = Progress.ANSWERED, response.status
        try:
            raw = await _read(response)
        except BaseException:
            response.close()
            raise
        # At the end of a body, aiohttp has put the connection back by itself.
        return self._reply(call, response, raw)

    def _url(self, path: str) -> URL:
        path, _, query = path.partition("?")
        # encoded=True: the path is percent-encoded already and must not be normalised again.
        return URL.build(scheme=self._scheme, authority=self._authority, path=path, query_string=query, encoded=True)

    def _reply(self, call: Call, response: aiohttp.ClientResponse, raw: bytes) -> Reply:
        payload, text = _redacted(self._redactor, raw, call.token)
        return Reply(
            http_status=response.status,
            payload=payload,
            text=text[:_TEXT],
            sent_at=call.sent_at if call.sent_at is not None else call.begun,
            elapsed=call.elapsed,
            retry_after=response.headers.get("Retry-After"),
            date=response.headers.get("Date"),
        )


def _redacted(redactor: Redactor, raw: bytes, token: str) -> tuple[Any, str]:
    """A reply's JSON value and the beginning of its text, without secrets. `token` is the call's own."""
    # Redacted before it is cut to its length: a secret that is cut in half is not recognized.
    text = raw[:_LOOKED_AT].decode("utf-8", errors="replace")
    shown, payload = redactor.text(text, token), wire.read_body(raw)
    # JSON without escapes has each of its texts as it stands: where the whole holds no secret, none of them does.
    is_plain = b"\\" not in raw and len(raw) <= _LOOKED_AT
    return payload if shown == text and is_plain else redactor.value(payload, token), shown


async def _read(response: aiohttp.ClientResponse) -> bytes:
    chunks, size = [], 0
    # Counted while it arrives: a reply without end must not fill the memory.
    while chunk := await response.content.readany():
        size += len(chunk)
        if size > _MAX_BODY:
            raise aiohttp.ClientPayloadError(f"the reply is larger than {_MAX_BODY} bytes")
        chunks.append(chunk)
    return b"".join(chunks)
