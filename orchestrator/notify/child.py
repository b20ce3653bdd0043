"""Delivers one notice: run by its path, with a parcel on stdin, it prints `{"why": …}`; empty if it arrived.

A hostile end point can use up the time and the memory of this process alone. What it prints are words of this file,
never a library's, which may quote the address. It imports nothing of ours: the package is not on its path.
"""

import asyncio
import json
import os
import signal
import sys
import time
from contextlib import suppress
from functools import cache
from typing import Any, Final

_TRIES: Final = 2
_MOST_READ: Final = 64 * 1024  # bytes of an answer
_MOST_MEMORY: Final = 2 * 1024**3  # bytes of address space
_PAUSE: Final = 0.5  # seconds between two tries: what has just refused a connection may be starting
_SPARE: Final = 0.3  # seconds that are left for the answer to our parent


class TimeUpError(BaseException):
    """The time of a try is over. No Exception: Apprise would take it for a fault of the service."""


def _webhook(parcel: dict[str, Any], seconds: float) -> str:
    import aiohttp

    async def post() -> str:
        timeout = aiohttp.ClientTimeout(total=seconds)
        # Through the machine's proxy as other programs; but never for plain http, which is for this machine.
        is_proxied = parcel["address"].lower().startswith("https://")
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=is_proxied) as session,
            session.post(
                parcel["address"], data=parcel["body"].encode(), headers=parcel["headers"], allow_redirects=False
            ) as answer,
        ):
            # Its body is not read.
            return "" if 200 <= answer.status < 300 else f"HTTP {answer.status}"

    try:
        # Not asyncio.run, which waits for a look-up of the host that hangs.
        return asyncio.new_event_loop().run_until_complete(post())
    except TimeoutError:
        return "no answer in time"
    except (aiohttp.ClientSSLError, aiohttp.ServerFingerprintMismatch):
        return "no secure connection"
    except aiohttp.ClientConnectorError:
        return "no connection"
    except aiohttp.InvalidURL:
        return "it is not an address"
    except (aiohttp.ClientError, OSError, ValueError):
        return "no valid answer"


def _apprise(parcel: dict[str, Any], seconds: float) -> str:
    def give_up(*_: object) -> None:
        raise TimeUpError

    # Without alarms, as on Windows, our parent ends us when the time is over.
    alarm = getattr(signal, "setitimer", None)
    if alarm is not None:
        signal.signal(signal.SIGALRM, give_up)
        alarm(signal.ITIMER_REAL, seconds)
    try:
        import apprise

        _bound_answers()
        service = apprise.Apprise(asset=apprise.AppriseAsset(async_mode=False))
        if not service.add(parcel["address"]):
            return "Apprise does not know such an address"
        done = service.notify(body=parcel["text"], title=parcel["title"], body_format=apprise.NotifyFormat.TEXT)
    except TimeUpError:
        return "no answer in time"
    finally:
        if alarm is not None:
            alarm(signal.ITIMER_REAL, 0)
    return "" if done else "Apprise could not deliver it"


@cache
def _bound_answers() -> None:
    """Let no service of Apprise's follow a redirect, or read an answer without end."""
    import requests

    send = requests.Session.request

    def bounded(session: Any, *args: Any, **options: Any) -> Any:
        answer = send(session, *args, **{**options, "allow_redirects": False, "stream": True})
        answer._content = answer.raw.read(_MOST_READ, decode_content=True)  # noqa: SLF001 - there is no other way to set it
        answer.close()
        return answer

    setattr(requests.Session, "request", bounded)  # noqa: B010 - its type is no matter here


def _deliver(parcel: dict[str, Any]) -> str:
    until = time.monotonic() + parcel["seconds"] - _SPARE
    send = _webhook if parcel["body"] else _apprise
    why = "no answer in time"
    for left in range(_TRIES, 0, -1):
        seconds = (until - time.monotonic()) / left
        if seconds <= 0 or not (why := send(parcel, seconds)):
            break
        time.sleep(_PAUSE if left > 1 else 0)
    return why


def main() -> None:
    """Deliver the parcel on stdin."""
    with suppress(ImportError, ValueError, OSError):  # where the system has no such limit
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
    answer = os.dup(1)
    os.dup2(2, 1)  # which leads nowhere: what a library prints may hold the address
    try:
        why = _deliver(json.load(sys.stdin))
    except Exception:  # noqa: BLE001 - whatever it is, its text may hold the address
        why = "it failed"
    os.write(answer, json.dumps({"why": why}).encode())
    os._exit(0)  # at once: a thread that looks up a host may hang


if __name__ == "__main__":
    main()
