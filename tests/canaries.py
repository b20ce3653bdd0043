"""Secrets that no test may find anywhere: made here, and looked for here in every usual spelling.

A folder of end-to-end tests imports `no_secret_leaves` into its conftest; what its programs print goes through `heard`.
"""

import base64
import json
import re
import urllib.parse
from functools import cache
from pathlib import Path

import pytest

SECRET = 'canary/9+"\\&=é%-' + "5f0c3a" * 7
CLIENT_ID = "cs-acme"
PASSWORD = "canary:pg@word/" + "7d1e" * 5
TOKEN_START = b"eyJhbGciOi"
"""Every token begins so: it is `{"alg":` in base64."""

_TOKEN = re.compile(rb"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{2,}")
_heard: list[bytes] = []


@cache
def private_key():
    """A key in PEM, as RS256 wants it."""
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@cache
def spellings(secret):
    """How a secret may look, by the name of the spelling: raw, JSON, Python, URL, hex, and base64 at each alignment."""
    raw = secret if isinstance(secret, bytes) else secret.encode()
    text = raw.decode()
    found = {
        "raw": raw, "JSON": json.dumps(text)[1:-1].encode(),
        "JSON in UTF-8": json.dumps(text, ensure_ascii=False)[1:-1].encode(),
        "Python": repr(text)[1:-1].encode(), "URL": urllib.parse.quote(text).encode(),
        "whole URL": urllib.parse.quote(text, safe="").encode(), "form": urllib.parse.quote_plus(text).encode(),
        "hex": raw.hex().encode(),
    }  # fmt: skip
    for shift in range(3):
        # What stands before and after changes the first and the last characters: those are left out.
        for name, encode in (("base64", base64.b64encode), ("base64url", base64.urlsafe_b64encode)):
            found[f"{name} at {shift}"] = encode(b"?" * shift + raw)[4 * (shift > 0) : (shift + len(raw)) // 3 * 4]
    return found


def leaks(data, more=()):
    """What of the secrets is in there, by kind and spelling."""
    lines = [line for line in private_key().splitlines()[1:-1] if len(line) > 40]
    known = {"secret": SECRET, "password": PASSWORD, "start of a token": TOKEN_START.decode()}
    known |= {f"key line {n}": line for n, line in enumerate(lines)} | {
        f"other {n}": text for n, text in enumerate(more)
    }
    kinds = {
        f"{kind} ({spelling})"
        for kind, secret in known.items()
        for spelling, form in spellings(secret).items()
        if form in data
    }
    return sorted(kinds | ({"a token"} if _TOKEN.search(data) else set()))


def heard(*outputs):
    """Keeps what a program printed, to be looked through when the test is over."""
    _heard.extend(
        text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text for text in outputs if text
    )


def search(folder, *, but=()):
    """What leaked into the files below a folder, and into what was printed. `but`: files that a test put secrets in."""
    files = [file for file in Path(folder).rglob("*") if file.is_file() and file.name not in but]
    found = {str(file.relative_to(folder)): leaks(file.read_bytes() + bytes(file)) for file in files}
    found["what was printed"] = leaks(b"\n".join(_heard))
    return {place: kinds for place, kinds in found.items() if kinds}


@pytest.fixture(autouse=True)
def no_secret_leaves(tmp_path):
    """After each test of the folder, whatever it left behind is searched: files, ledgers, reports, logs and output."""
    _heard.clear()
    yield
    assert search(tmp_path, but={"world.json", "client.secret"}) == {}
