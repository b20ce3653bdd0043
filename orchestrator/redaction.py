"""Takes secrets out of texts on their way to any sink (P7)."""

import re
from collections.abc import Iterable
from typing import Any, Final

MASK: Final = "[redacted]"
_JWT: Final = re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{2,}\.[A-Za-z0-9_-]*")
_SHORTEST = 6  # a shorter "secret" would blank out half of every message


class Redactor:
    """Knows this run's secrets, and what a token looks like."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: set[str] = set()
        self._known: re.Pattern[str] | None = None
        self.learn(secrets)

    def learn(self, secrets: Iterable[str]) -> None:
        """Know more secrets from now on: a worker meets them one lane after the other."""
        self._secrets.update(s for s in secrets if len(s) >= _SHORTEST)
        known = sorted(self._secrets, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def text(self, text: str) -> str:
        """The text with every secret and token masked."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        return _JWT.sub(MASK, text) if "eyJ" in text else text

    def value(self, value: Any) -> Any:
        """The same for texts within lists and mappings."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.value(key): self.value(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        return value
