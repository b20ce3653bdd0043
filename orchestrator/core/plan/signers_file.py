"""A file of signers, in OpenSSH's format `allowed_signers`: which names stand beside a key, and belong to one person.

OpenSSH decides whose signature counts. It names one line alone, though, and a person may stand on several.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Final, NamedTuple

_NAMES: Final = re.compile(r'[ \t\r]*(?:"([^"]*)"|([^ \t\r#"][^ \t\r]*))')
_KEY: Final = re.compile(r"[ \t](AAAA[A-Za-z0-9+/]+=*)")
_ARMOR: Final = re.compile(rb"-----BEGIN SSH SIGNATURE-----(.*?)-----END SSH SIGNATURE-----", re.DOTALL)
_AUTHORITY: Final = re.compile(r'^(?:[^"]|"[^"]*")*?[ \t,]cert-authority[ \t,]', re.IGNORECASE)


class Line(NamedTuple):
    """One line. `keys` are fingerprints; `is_authority`: its key certifies those of others, who need not be one."""

    names: tuple[str, ...]
    keys: frozenset[str]
    is_authority: bool


def lines_of(content: bytes) -> list[Line]:
    """The lines of a file of signers that have a name, whatever their options are."""
    return list(_lines(content.decode(errors="replace")))


def _lines(text: str) -> Iterator[Line]:
    # At line feeds alone, as OpenSSH does: another end of a line may stand within a name.
    for line in text.removeprefix("\ufeff").split("\n"):
        if listed := _NAMES.match(line):
            names = tuple(filter(None, (listed[1] or listed[2] or "").split(",")))
            keys = frozenset(map(fingerprint, _KEY.findall(line)))
            yield Line(names, keys, _AUTHORITY.match(line) is not None)


def fingerprint(key: str) -> str:
    """The fingerprint of a public key in base64; empty where it is none."""
    try:
        return f"SHA256:{b64encode(sha256(b64decode(key)).digest()).decode().rstrip('=')}"
    except ValueError:
        return ""


def names_of_key(key: str, lines: Iterable[Line]) -> list[str]:
    """All names on the lines of a key, by its fingerprint."""
    return [name for line in lines if key in line.keys for name in line.names]


def certificate_of(signature: bytes) -> bytes:
    """The certificate in a signature that holds, as a public key's file has it; empty for a key without one."""
    armored = _ARMOR.search(signature)
    blob = b64decode(armored[1]) if armored else b""
    # A mark of six bytes and the format's number, then the key, whose first text is its kind.
    key = _text(blob[len(b"SSHSIG") + 4 :])
    kind = _text(key)
    return kind + b" " + b64encode(key) + b"\n" if b"-cert-" in kind else b""


def _text(blob: bytes) -> bytes:
    """The text that begins a blob, after its length in four bytes."""
    return blob[4 : 4 + int.from_bytes(blob[:4], "big")]
