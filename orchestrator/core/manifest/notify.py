"""The section of those who are told what happens to a launch."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field, WithJsonSchema

from orchestrator.core.manifest.rules import Section
from orchestrator.core.manifest.secret_ref import Secret
from orchestrator.core.manifest.values import Text


class NoticeEvent(StrEnum):
    """What somebody can be told of a launch."""

    UNKNOWN = "unknown"  # the first start of a run that may or may not have been carried out
    STOPPED = "stopped"  # an account or the run stopped early
    FINISHED = "finished"  # a run has ended, however it went
    PAUSED = "paused"  # a person paused, unpaused or aborted the launch
    NEEDS_APPROVAL = "needs_approval"  # a plan waits for a person's approval
    STALLED = "stalled"  # a started campaign sends nothing
    WAVE_PASSED = "wave_passed"  # a wave has passed, with its bake and its check


DEFAULT_EVENTS: Final = tuple(event for event in NoticeEvent if event is not NoticeEvent.WAVE_PASSED)
"""All that may need a person, and the end."""

MAX_ENTRIES: Final = 20

_Event = Annotated[NoticeEvent, WithJsonSchema({"enum": [str(event) for event in NoticeEvent], "type": "string"})]


class Notify(Section):
    """Somebody who gets notices of the launch."""

    to: Secret
    """A reference to the address, which is a secret: it often holds a token. `https://` (on this machine also
    `http://`) is a webhook, which gets JSON; any other address is one of Apprise's (extra `notify`): `slack://…`,
    `msteams://…`, `mailto://…`."""
    on: Annotated[tuple[_Event, ...], Field(min_length=1)] = DEFAULT_EVENTS
    """The events to notify of. `wave_passed` only if it is listed."""
    title: Text = ""
    """The title of every notice, in place of one that names the launch and the event."""
    secret: Secret | None = None
    """A reference to the secret that signs what a webhook gets. For webhooks alone."""
