"""`serve` as a command: a run watched live, its refusals, and its end."""

import re
import signal
import urllib.request

import pytest

TOKEN = "a-token-of-enough-characters"


def address_of(process):
    line = process.stdout.readline()
    return re.fullmatch(r"serving (http://127\.0\.0\.1:\d+/)\n", line)[1]


def page(url):
    with urllib.request.urlopen(url, timeout=20) as reply:  # noqa: S310 - of ours
        return reply.read().decode()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_a_run_is_shown_and_a_signal_ends_the_server(workplace, number, code):
    with workplace.start("serve", "--port", "0") as process:
        url = address_of(process)
        assert "there is no ledger at" in page(url) or "has not been read" in page(url)
        workplace.run("run", workplace.manifest())
        while "exit code 0" not in (seen := page(url)):
            pass
        assert "3 started" in seen
        with urllib.request.urlopen(f"{url}events", timeout=20) as viewer:  # noqa: S310 - of ours
            assert viewer.readline() == b"retry: 1000\n"
            process.send_signal(number)
            out, err = process.communicate()
    assert (process.returncode, out, err) == (code, "", "")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--address", "192.0.2.1"), "--token-env must name a variable with the token"),
        (("--address", "::"), "--token-env must name a variable with the token"),
        (("--address", "example.com"), "is not an IP address"),
        (("--token-env", "NOWHERE"), "the token in NOWHERE is not set"),
        (("--token-env", "SHORT"), "the token in SHORT is too short"),
        (("--address", "203.0.113.7", "--token-env", "TOKEN"), "cannot listen on 203.0.113.7"),
    ],
)
def test_what_would_let_anybody_in_is_refused(workplace, options, words):
    workplace.environment |= {"SHORT": "short", "TOKEN": TOKEN}
    done = workplace.run("serve", "--port", "0", *options)

    assert done.returncode == 2
    assert words in done.stderr
    assert TOKEN not in done.stderr
