"""Which parts of a manifest may contain a secret, before the secrets are known: such text is never shown."""

import re
from collections.abc import Collection
from itertools import groupby
from typing import Final

MASK: Final = "[redacted]"

_NAME: Final = re.compile(
    r"secret|passw|passphrase|pwd|token|(?:api|private|access)[_ .-]?key|client[_ .-]?id|credential|bearer|\bauth\b"
    # All of the section: an address that is written out holds a token, in whatever key it stands.
    r"|(?:^|[\s{,.\"'])notify(?:[\"']?\s*:|[.\[])",
    re.IGNORECASE,
)
# Names in capitals, in parts of at most 20 letters: anything else may be the secret itself, pasted in a name's place.
_VARIABLE: Final = r"""["']?env["']?\s*:\s*["']?[A-Z][A-Z0-9]{0,19}(?:_[A-Z0-9]{0,19})*"""
_NAMED_VARIABLE: Final = re.compile(r"""\benv["']?\s*:\s*["']?([A-Za-z_]\w{0,255})""")
_FILE: Final = r"""["']?file["']?\s*:\s*["']?[\w./~-]{1,200}"""
_REFERRED: Final = re.compile(rf"""client_(?:id|secret)["']?\s*:\s*\{{\s*(?:{_VARIABLE}|{_FILE})["']?\s*\}}""")
_OF_ACCOUNT: Final = re.compile(
    r"(?:^|\.)accounts\.[^.\[]+\.(?!(?:account_id|algorithm|rate|in_flight|messages_per_minute)(?:[.\[]|$))"
)
_RUN: Final = re.compile(r"[A-Za-z0-9+/=_.~-]{20,}")
_HEX: Final = re.compile(r"[0-9A-Fa-f]{32,}")
_OPEN: Final = re.compile(r"eyJ[\w-]{8,}|-----BEGIN|://[^/\s:@]*:[^\s@]+@|\bBearer\s", re.IGNORECASE)
_WORD: Final = re.compile(r"[^\s'\"`]+")


def is_secret_path(path: str) -> bool:
    """Whether a path such as `accounts.acme.client_secret` leads to a secret, or to an unknown key of an account."""
    return _OF_ACCOUNT.search(path) is not None or _NAME.search(path) is not None


def names_secret_key(line: str) -> bool:
    """Whether a line names a secret; a key that plainly refers to a variable or a file does not count."""
    return _NAME.search(_REFERRED.sub("", line)) is not None


def resembles_secret(text: str, known: Collection[str] = ()) -> bool:
    """Whether a part of the text is a known secret, or looks like a token, a key or an address with a password."""
    if _OPEN.search(text) or any(secret in text for secret in known):
        return True
    # Hexadecimal text needs both letters and digits: a row of equal letters is not a key.
    if any(not run.isdigit() and not run.isalpha() for run in _HEX.findall(text)):
        return True
    return any(_is_random(run) for run in _RUN.findall(text))


def without_secrets(text: str, known: Collection[str] = ()) -> str:
    """The text with each word masked that resembles a secret."""
    for secret in known:
        text = text.replace(secret, MASK)
    return _WORD.sub(lambda found: MASK if resembles_secret(found.group()) else found.group(), text)


def variables_of_secrets(text: str) -> set[str]:
    """The names of the environment variables that the text of a manifest refers to."""
    return set(_NAMED_VARIABLE.findall(text))


def _is_random(run: str) -> bool:
    """Random text goes from one kind of character to another every second time; names given by people rarely do."""
    kinds = "".join("0" if char.isdigit() else "A" if char.isupper() else "a" for char in run if char.isalnum())
    groups = [(kind, len([*group])) for kind, group in groupby(kinds)]
    digits = [length for kind, length in groups if kind == "0"]
    # Names in CamelCase change often, too, but have no groups of capitals or digits all over.
    capitals = [length for kind, length in groups if kind == "A" and length > 1]
    is_mixed = "A" in kinds and "a" in kinds and 4 * len(groups) > len(run)
    return is_mixed and (len(digits) >= 3 or len(capitals) >= 3 or (digits != [] and 3 * (len(groups) - 1) > len(run)))
