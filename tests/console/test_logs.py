"""Whatever prints, a logger, a warning or an uncaught error: no secret is in it."""

import subprocess
import sys

import pytest

SECRET = "canary-5f0c3a7d1e-secret"
SET_UP = f"""
import asyncio, gc, logging, sys, threading, warnings
from orchestrator.console.logs import set_up
from orchestrator.redaction import Redactor

SECRET = {SECRET!r}
set_up("text", Redactor([SECRET]), verbose=False)

def fail():
    try:
        raise ValueError("first " + SECRET)
    except ValueError as error:
        raise RuntimeError("then " + SECRET) from error

async def never_retrieved():
    task = asyncio.create_task(asyncio.to_thread(fail))
    await asyncio.wait([task])
    del task
    gc.collect()

class Dies:
    def __del__(self):
        fail()
"""
PRINTS = {
    "an exception that nobody retrieved": "asyncio.run(never_retrieved())",
    "an uncaught error": "fail()",
    "an error in a thread": "thread = threading.Thread(target=fail); thread.start(); thread.join()",
    "an error in a finaliser": "Dies()",
    "a warning": "warnings.warn('then ' + SECRET)",
    **{
        f"the logger {name}": f"logging.getLogger({name!r}).error('then %s', SECRET)"
        for name in ("", "asyncio", "aiohttp.client", "sqlalchemy.engine", "procrastinate.worker", "anybody.else")
    },
    "a logger with a traceback": """
try:
    fail()
except RuntimeError:
    logging.getLogger("sqlalchemy.pool").exception("then")
""",
    "a log message with the wrong arguments": "logging.getLogger('x').error('then %s %s', SECRET)",
}


def run(code):
    command = [sys.executable, "-c", f"{SET_UP}\n{code}"]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("code", PRINTS.values(), ids=PRINTS)
def test_what_python_and_libraries_print_holds_no_secret(code):
    done = run(code)

    assert SECRET not in done.stdout + done.stderr
    assert "[redacted]" in done.stderr or "a log message cannot be formatted (TypeError)" in done.stderr


def test_a_set_up_takes_the_place_of_the_one_before():
    code = "set_up('json', Redactor([SECRET]), verbose=True); logging.getLogger('x').error('once')"
    done = run(code)

    assert done.stderr == "once\n"


def test_loggers_without_a_readable_stderr_do_no_harm():
    code = "sys.stderr = None; logging.getLogger('x').error('lost'); print('goes on')"
    done = run(code)

    assert (done.stdout, done.returncode) == ("goes on\n", 0)
