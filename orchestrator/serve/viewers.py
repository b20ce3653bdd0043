"""One look at the ledger for all viewers, and what each of them has not seen yet."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, TypeVar

from orchestrator.report.prometheus import exposition
from orchestrator.serve.pages import STORY, Pages, Parts
from orchestrator.serve.watch import LedgerWatch

_T = TypeVar("_T")

LOOK_SECONDS: Final = 0.4
"""Between two looks: what happened is on the pages within a second."""
INDEX: Final = ""
"""The topic of the page of all launches; the others are launches by their names."""
_REST: Final = 30
"""How many times as long as it took to draw a story is waited for until it is drawn again: 3 % of a core at most."""
_MOST_VIEWERS: Final = 100


class FullError(Exception):
    """As many viewers watch as there may be."""


@dataclass(slots=True)
class _Story:
    """The parts that take long to draw, as of a version of the launch."""

    parts: Parts
    version: int
    again: float  # not before, in seconds of `time.monotonic`


@dataclass(slots=True)
class Viewer:
    """One open page. Holds what it has seen, and no queue: a slow one misses steps, and never the newest state."""

    topic: str
    seen: Parts = field(default_factory=dict)


class Live:
    """The state of all pages. The ledger is read, and pages are drawn, in one thread of their own, one after another.

    `pages` are those of one server; `watch` the ledger.
    """

    def __init__(self, watch: LedgerWatch, pages: Pages) -> None:
        self._watch, self._pages = watch, pages
        self._thread = ThreadPoolExecutor(1, "ledger")
        self._viewers: list[Viewer] = []
        self._current: dict[str, Parts] = {}
        self._stories: dict[str, _Story] = {}
        self._changed = asyncio.Condition()
        self._is_over = False

    async def run(self) -> None:
        """Look again and again, until cancelled. An error of ours ends it, and with it the server."""
        while True:
            await self._in_thread(self._step)
            await self._notify()
            await asyncio.sleep(LOOK_SECONDS)

    async def close(self) -> None:
        """Let the viewers go, and close the ledger."""
        self._is_over = True
        await self._notify()
        await self._in_thread(self._watch.close)
        self._thread.shutdown(wait=False)

    @property
    def trouble(self) -> str:
        """Why the ledger cannot be read now; empty if it can."""
        return self._watch.trouble

    async def index_page(self) -> str:
        """The page of all launches."""
        return await self._in_thread(
            lambda: self._pages.index(self._watch.lines(), self._watch.trouble, self._watch.advice)
        )

    async def launch_page(self, name: str) -> str | None:
        """The page of a launch; None if the ledger has none of that name."""

        def made() -> str | None:
            return self._pages.launch(name, self._parts_of(name)) if self._watch.has(name) else None

        return await self._in_thread(made)

    async def campaigns_page(self, name: str) -> str | None:
        """The table of a launch's campaigns; None if there is no such launch, or nothing of it to show."""

        def made() -> str | None:
            launch = self._watch.launch(name) if self._watch.has(name) else None
            result = launch.result() if launch is not None else None
            return self._pages.campaigns(launch, result) if launch is not None and result is not None else None

        return await self._in_thread(made)

    async def metrics(self) -> str:
        """The metrics of all launches in Prometheus text format."""
        return await self._in_thread(lambda: exposition(self._watch.families()))

    def has(self, topic: str) -> bool:
        """Whether there is something to view."""
        return topic == INDEX or self._watch.has(topic)

    @asynccontextmanager
    async def viewer(self, topic: str) -> AsyncIterator[Viewer]:
        """Count a viewer while the block runs. Raises FullError if there are too many."""
        if len(self._viewers) >= _MOST_VIEWERS:
            raise FullError
        viewer = Viewer(topic)
        self._viewers.append(viewer)
        try:
            if topic not in self._current:
                self._current[topic] = await self._in_thread(lambda: self._drawn(topic))
            yield viewer
        finally:
            self._viewers.remove(viewer)
            if all(one.topic != topic for one in self._viewers):
                self._current.pop(topic, None)

    async def news(self, viewer: Viewer, seconds: float) -> Parts | None:
        """What the viewer has not seen; empty if nothing came for `seconds`, None once the server ends."""
        async with self._changed:
            try:
                async with asyncio.timeout(seconds):
                    await self._changed.wait_for(lambda: self._is_over or bool(self._unseen(viewer)))
            except TimeoutError:
                return {}
        if self._is_over:
            return None
        unseen = self._unseen(viewer)
        viewer.seen |= unseen
        return unseen

    def _unseen(self, viewer: Viewer) -> Parts:
        current = self._current.get(viewer.topic, {})
        return {name: html for name, html in current.items() if viewer.seen.get(name) != html}

    def _step(self) -> None:
        """One look, and the parts drawn anew that somebody views."""
        changed = self._watch.look()
        for topic in {viewer.topic for viewer in tuple(self._viewers)}:
            story = self._stories.get(topic)
            is_due = topic != INDEX and (story is None or time.monotonic() >= story.again)
            if topic in changed or (topic == INDEX and changed) or is_due:
                self._current[topic] = self._drawn(topic)
        viewed = {viewer.topic for viewer in tuple(self._viewers)}
        self._stories = {name: story for name, story in self._stories.items() if name in viewed}

    def _drawn(self, topic: str) -> Parts:
        if topic == INDEX:
            return self._pages.index_parts(self._watch.lines(), self._watch.trouble, self._watch.advice)
        return self._parts_of(topic) if self._watch.has(topic) else {}

    def _parts_of(self, name: str) -> Parts:
        launch = self._watch.launch(name)
        trouble = self._watch.trouble or self._watch.trouble_of(name)
        parts = self._pages.trouble(trouble, self._watch.advice)
        if launch is None:
            return {**parts, **dict.fromkeys(("now", "lanes", *STORY), "")}
        result = launch.result()
        parts |= self._pages.now_parts(launch, result)
        story = self._stories.get(name)
        began = time.monotonic()
        if story is None or (story.version != launch.version and began >= story.again):
            drawn = self._pages.story_parts(launch, result)
            ended = time.monotonic()
            story = self._stories[name] = _Story(drawn, launch.version, ended + _REST * (ended - began))
        return parts | story.parts

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()
