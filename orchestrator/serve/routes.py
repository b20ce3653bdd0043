"""What is served: pages, their events and files, health and metrics. All of it is read by GET and HEAD."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import hdrs, web
from prometheus_client import CONTENT_TYPE_LATEST

from orchestrator.serve.guard import HEADERS, Guard
from orchestrator.serve.pages import Pages
from orchestrator.serve.viewers import INDEX, FullError, Live

_BEAT_SECONDS: Final = 15.0
"""How often a page gets a sign of life when nothing is new: proxies close silent connections."""
_SLOWEST_SECONDS: Final = 20.0
"""How long a viewer may take to accept what it was sent."""

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(live: Live, pages: Pages, guard: Guard) -> web.Application:
    """All routes, each behind the guard."""

    @web.middleware
    async def guarded(request: web.Request, handler: _Handler) -> web.StreamResponse:
        if (refusal := guard.refusal(request)) is not None:
            return refusal
        try:
            return await handler(request)
        except web.HTTPException as error:
            return web.Response(status=error.status, text=f"{error.reason}\n")

    async def headed(_: web.Request, answer: web.StreamResponse) -> None:
        for name, value in HEADERS.items():
            answer.headers.setdefault(name, value)
        answer.headers[hdrs.SERVER] = HEADERS["Server"]  # aiohttp's own tells its version

    made = web.Application(middlewares=[guarded], client_max_size=1)
    made.on_response_prepare.append(headed)
    routes = _Routes(live, pages)
    made.router.add_get("/", routes.index)
    made.router.add_get("/events", routes.events)
    made.router.add_get("/launches/{launch}", routes.launch)
    made.router.add_get("/launches/{launch}/campaigns", routes.campaigns)
    made.router.add_get("/launches/{launch}/events", routes.events)
    made.router.add_get("/static/{name}", routes.static)
    made.router.add_get("/healthz", routes.health)
    made.router.add_get("/metrics", routes.metrics)
    return made


@dataclass(frozen=True, slots=True)
class _Routes:
    live: Live
    pages: Pages

    async def index(self, _: web.Request) -> web.Response:
        return _page(await self.live.index_page())

    async def launch(self, request: web.Request) -> web.Response:
        return self._page_or_message(await self.live.launch_page(request.match_info["launch"]))

    async def campaigns(self, request: web.Request) -> web.Response:
        return self._page_or_message(await self.live.campaigns_page(request.match_info["launch"]))

    def _page_or_message(self, html: str | None) -> web.Response:
        if html is not None:
            return _page(html)
        words = "The ledger has no launch of this name, or no run of it has a plan yet."
        if self.live.trouble:
            words = f"The ledger cannot be read now: {self.live.trouble}. Load this page again once it can."
        return _page(self.pages.message("Nothing to show", words), status=404)

    async def static(self, request: web.Request) -> web.Response:
        asset = self.pages.assets.get(request.match_info["name"])
        if asset is None:
            raise web.HTTPNotFound
        kept = {hdrs.CACHE_CONTROL: "private, max-age=31536000, immutable"}
        return web.Response(body=asset.body, content_type=asset.kind, charset="utf-8", headers=kept)

    async def health(self, _: web.Request) -> web.Response:
        # Not why: this path needs no token.
        if self.live.trouble:
            return web.Response(status=503, text="the ledger cannot be read now\n")
        return web.Response(text="ok\n")

    async def metrics(self, _: web.Request) -> web.Response:
        text = await self.live.metrics()
        return web.Response(body=text.encode(), headers={hdrs.CONTENT_TYPE: CONTENT_TYPE_LATEST})

    async def events(self, request: web.Request) -> web.StreamResponse:
        topic = request.match_info.get("launch", INDEX)
        if not self.live.has(topic):
            raise web.HTTPNotFound
        answer = web.StreamResponse(headers={hdrs.CONTENT_TYPE: "text/event-stream", "X-Accel-Buffering": "no"})
        if request.method == hdrs.METH_HEAD:
            await answer.prepare(request)
            return answer
        try:
            async with self.live.viewer(topic) as viewer:
                await answer.prepare(request)
                await _sent(answer, f"retry: 1000\n{_event('edition', self.pages.edition)}")
                while (parts := await self.live.news(viewer, _BEAT_SECONDS)) is not None:
                    await _sent(answer, _event("parts", json.dumps(parts)) if parts else ":\n\n")
        except FullError:
            return web.Response(status=429, text="too many viewers\n", headers={hdrs.RETRY_AFTER: "30"})
        except (ConnectionError, TimeoutError):
            if request.transport is not None:
                request.transport.abort()  # what waits to be sent to a viewer that takes nothing
        return answer


async def _sent(answer: web.StreamResponse, text: str) -> None:
    async with asyncio.timeout(_SLOWEST_SECONDS):
        await answer.write(text.encode())


def _event(name: str, data: str) -> str:
    return f"event: {name}\ndata: {data}\n\n"


def _page(html: str, status: int = 200) -> web.Response:
    return web.Response(status=status, text=html, content_type="text/html", charset="utf-8")
