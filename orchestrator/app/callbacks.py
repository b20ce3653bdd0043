"""Callbacks of the program that embeds us: they never change the course of a run, not even by failing."""

import asyncio
from collections.abc import Callable
from typing import Any

from orchestrator.model import Record
from orchestrator.ports import Observer


class SafeCallbacks:
    """Passes events and unrecorded records on to the callbacks that were given.

    What a callback raises goes to the event loop's exception handler, and nowhere else: raised through the engine, it
    would end a lane between an intent and its answer.
    """

    def __init__(self, observer: Observer | None = None, keep: Callable[[Record], None] | None = None) -> None:
        self._observer = observer
        self._keep = keep

    def event(self, name: str, **fields: Any) -> None:
        """Pass an event to the observer, if there is one."""
        if self._observer is not None:
            try:
                self._observer.event(name, **fields)
            except Exception as error:  # noqa: BLE001 - a callback's error is not the run's
                _report(f"an observer of a launch failed at the event {name}", error)

    def unrecorded(self, record: Record) -> None:
        """Pass on a record that the journal could not take."""
        if self._keep is not None:
            try:
                self._keep(record)
            except Exception as error:  # noqa: BLE001 - a callback's error is not the run's
                _report("the callback for an unrecorded record of a launch failed", error)


def _report(message: str, error: Exception) -> None:
    asyncio.get_running_loop().call_exception_handler({"message": message, "exception": error})
