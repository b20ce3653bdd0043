"""Takes secrets out of texts on their way to any sink (P7)."""

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from typing import Any, Final
from urllib.parse import quote, quote_plus

MASK: Final = "[redacted]"
_JWT: Final = re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{2,}\.[A-Za-z0-9_-]*")
_SHORTEST = 6  # a shorter "secret" would blank out half of every message
_RUN: Final = 40  # the signature of a token has 43 characters at least
_LONG: Final = re.compile(rf"[A-Za-z0-9_.+/=%\\-]{{{_RUN}}}")
_SHORTEST_LINE = 16  # of a key in PEM: its last line may be as short as "=="


class Redactor:
    """Knows this run's secrets in all their usual spellings, and what a token looks like."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._known: tuple[str, ...] = ()
        self._shortest = 0
        self.learn(secrets)

    def learn(self, secrets: Iterable[str]) -> None:
        """Know more secrets from now on: a worker meets them one lane after the other."""
        # The longest first: masking a short one could leave the rest of a long one readable.
        self._known = tuple(sorted({*self._known, *_all_forms(secrets)}, key=len, reverse=True))
        self._shortest = min(map(len, self._known), default=0)

    def text(self, text: str, token: str = "") -> str:
        """The text with every secret and token masked; `token` is a call's own, in whatever spelling."""
        # 1. The launch's secrets. Most texts are too short for any of them.
        if self._known and len(text) >= self._shortest:
            text = _masked(text, self._known)
        # 2. The call's own token, or its signature alone.
        if token and _may_hold(text, token):
            text = _masked(text, _all_forms((token, token.rpartition(".")[2])))
        # 3. Anything else that looks like a token.
        return _JWT.sub(MASK, text) if "eyJ" in text else text

    def value(self, value: Any, token: str = "") -> Any:
        """`text` for every text in a value, also within lists and mappings, keys included."""
        if isinstance(value, str):
            return self.text(value, token)
        if isinstance(value, dict):
            return {self.value(key, token): self.value(item, token) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item, token) for item in value]
        return value


def _masked(text: str, forms: Iterable[str]) -> str:
    for form in forms:
        if form in text:
            text = text.replace(form, MASK)
    return text


def _may_hold(text: str, token: str) -> bool:
    """Whether the text may hold a token. Its spellings are many, and making them takes as long as half of a call.

    All of them are runs of the characters of base64, hex and percent signs, as long as a signature at least.
    """
    return len(text) >= _SHORTEST and (len(token.rpartition(".")[2]) < _RUN or _LONG.search(text) is not None)


def _all_forms(secrets: Iterable[str]) -> tuple[str, ...]:
    """All spellings of all secrets, the longest first: a short one may be a part of a long one."""
    found = {form for secret in secrets for part in _parts(secret) for form in _forms(part) if len(form) >= _SHORTEST}
    return tuple(sorted(found, key=len, reverse=True))


def _parts(secret: str) -> Iterator[str]:
    """The secret, and each line of one that has many: a key in PEM may be quoted line by line."""
    if len(secret) >= _SHORTEST:
        yield secret
    lines = secret.split("\n")
    if len(lines) > 1:
        yield from (line for line in lines if len(line) >= _SHORTEST_LINE and not line.startswith("-----"))


def _forms(secret: str) -> Iterator[str]:
    """How a secret looks in logs, JSON, addresses and headers such as `Authorization: Basic`."""
    yield secret
    # Escaped, as JSON and Python's errors quote it.
    yield from (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1])
    raw = secret.encode("utf-8", "surrogatepass")
    # In an address, and in hexadecimal.
    yield from (quote(raw), quote(raw, safe=""), quote_plus(raw), raw.hex(), raw.hex().upper())
    for shift in range(
        3
    ):  # base64 has three spellings, by what stands before; its outer characters depend on neighbours
        for encode in (b64encode, urlsafe_b64encode):
            yield encode(b"\0" * shift + raw)[4 * (shift > 0) : (shift + len(raw)) // 3 * 4].decode()
