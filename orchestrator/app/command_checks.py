"""The user's own checks between waves: a command, without a shell."""

import asyncio
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from orchestrator.core.manifest.models import Pass
from orchestrator.kore.auth import windows_line_ends
from orchestrator.places import command_words
from orchestrator.redaction import Redactor

_PASSED_ON: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SYSTEMROOT")
_READ: Final = 64 * 1024
_SAID: Final = 300


class CommandChecks:
    """Runs commands in `directory`, the manifest's. They see no variable that holds a credential unless it is named."""

    def __init__(self, directory: Path, redactor: Redactor) -> None:
        self._directory = directory
        self._redactor = redactor

    async def run(self, check: Pass, facts: Mapping[str, str]) -> str | None:
        """Run the command. Why it did not pass, in words; None if it did. Cancelled, it ends the command."""
        command = command_words(check.command or ())
        # 1. Start it, in a session of its own, so that everything it starts can be ended with it.
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT, cwd=self._directory, env=_environment(check, facts),
                start_new_session=True,
            )  # fmt: skip
        except (OSError, ValueError) as error:
            reason = windows_line_ends(command, self._directory) or getattr(error, "strerror", None)
            return f"{command[0]} could not be run ({self._redactor.text(reason or type(error).__name__)})"
        # 2. Read what it prints until it ends or its time is over.
        try:
            async with asyncio.timeout(check.timeout):
                said = await _last_words(process)
                code = await process.wait()
        except TimeoutError:
            return f"{command[0]} did not end within {check.timeout:g} s"
        finally:
            await _end(process)
        # 3. The result.
        if code == 0:
            return None
        output = self._redactor.text(said.decode(errors="replace")).strip()[-_SAID:]
        words = windows_line_ends(command, self._directory) or output
        return f"{command[0]} exited with {code}" + (f" ({' '.join(words.split())})" if words else "")


def _environment(check: Pass, facts: Mapping[str, str]) -> dict[str, str]:
    # Start with nothing, and not with our own environment, which has the credentials.
    given = {name: os.environ[name] for name in (*_PASSED_ON, *check.env) if name in os.environ}
    return given | {f"ORCHESTRATOR_{name}": value for name, value in facts.items()}


async def _last_words(process: asyncio.subprocess.Process) -> bytes:
    """The end of the command's output. All of it is read: a command whose pipe is full would wait forever."""
    kept = b""
    while process.stdout is not None and (chunk := await process.stdout.read(_READ)):
        kept = (kept + chunk)[-_READ:]
    return kept


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the command and what it has begun: its session is its own."""
    with suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        elif process.returncode is None:  # on Windows, which has no sessions: what the command has begun goes on
            process.kill()
    # Even if we are cancelled: a process that nobody waits for stays as a zombie.
    await asyncio.shield(process.wait())
