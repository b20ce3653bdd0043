"""Who approved a plan by a signature, and whether that is enough: enough people, none of whom made or runs the plan."""

import re
import unicodedata
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, NamedTuple

from orchestrator.core.manifest.signers import Role, Signers
from orchestrator.errors import Refused
from orchestrator.model import PosixSeconds

NAMESPACE: Final = "campaign-orchestrator"
"""The namespace of a signature over a plan: a signature made for anything else is no approval."""

_PATTERN: Final = frozenset("*?!")
_NOREPLY: Final = "@users.noreply.github.com"
_DOES: Final[Mapping[Role, str]] = {"planner": "made the plan", "runner": "runs it"}


_NAMES: Final = re.compile(r'[ \t\r]*(?:"([^"]*)"|([^ \t\r#"][^ \t\r]*))')
_KEY: Final = re.compile(r"[ \t](AAAA[A-Za-z0-9+/]+=*)")
_ARMOR: Final = re.compile(rb"-----BEGIN SSH SIGNATURE-----(.*?)-----END SSH SIGNATURE-----", re.DOTALL)
_AUTHORITY: Final = re.compile(r'^(?:[^"]|"[^"]*")*?[ \t,]cert-authority[ \t,]', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Signature:
    """A valid signature. `file` is its file, `names` are all names of its maker, `key` is the fingerprint."""

    file: str
    names: tuple[str, ...]
    key: str

    @property
    def by(self) -> str:
        """Who made it: the first of the names."""
        return self.names[0]


@dataclass(frozen=True, slots=True)
class Approved:
    """How a run was approved, for the journal: in words, who made the plan, and whose signatures were checked, when.

    `at` is in POSIX seconds. Empty: nobody was asked, or it is not known.
    """

    words: str = ""
    planned_by: str = ""
    signatures: tuple[Signature, ...] = ()
    at: PosixSeconds = PosixSeconds(0.0)

    def as_json(self) -> dict[str, Any]:
        """What a run's header has of it."""
        by = [{"by": one.by, "key": one.key, "at": self.at} for one in self.signatures]
        return {"approved": self.words, "planned_by": self.planned_by, "approvals": by}


NOT_ASKED: Final = Approved()
"""A run for which nobody was asked."""


def principals(listed: Sequence[str], file: str) -> tuple[str, ...]:
    """The names of a signer, as the file of signers lists them. Raises Refused for a pattern, which names nobody."""
    if pattern := next((name for name in listed if _PATTERN & set(name)), None):
        raise Refused(
            f"{file}: its key is listed under the pattern {pattern}, which may match anybody",
            next_step="write one line per person into the file of signers, with that person's names",
        )
    return tuple(listed)


class Line(NamedTuple):
    """A line of a file of signers. `keys` are fingerprints.

    `is_authority`: its key certifies those of others, who need not be one person.
    """

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


def is_same(one: Iterable[str], other: Iterable[str]) -> bool:
    """Whether two people may be one: a name is the same in either case, and a login is that of the address before @.

    Two addresses are two people, unless they are the same or one is the other's with a `+tag`.
    """
    names = [_folded(name) for name in other]
    return any(_are_alike(name, another) for name in map(_folded, one) for another in names)


def all_names(names: Sequence[str], lines: Iterable[Line]) -> tuple[str, ...]:
    """All names of a person: those on each line of the file of signers that has one of them, and so on.

    Not of an authority's line: it names those whom it may certify, who are many.
    """
    known, left = list(dict.fromkeys(names)), [line for line in lines if not line.is_authority]
    while more := [line for line in left if is_same(line.names, known)]:
        known += [name for line in more for name in line.names if name not in known]
        left = [line for line in left if line not in more]
    return tuple(known)


def _folded(name: str) -> str:
    """The name without what the eye does not see: its case, spaces around it, a byte order mark."""
    letters = unicodedata.normalize("NFKC", name).casefold()
    return "".join(letter for letter in letters if letter.isprintable() and letter != " ")


def _are_alike(one: str, other: str) -> bool:
    if one.endswith(_NOREPLY) or other.endswith(_NOREPLY):
        # GitHub's own addresses are made from the login: 12345+alice@users.noreply.github.com.
        return _login(one) == _login(other)
    if ("@" in one) != ("@" in other):
        return _login(one) == _login(other)
    return one == other or ("@" in one and _mailbox(one) == _mailbox(other))


def _login(name: str) -> str:
    return name.partition("@")[0].rpartition("+")[2] if name.endswith(_NOREPLY) else _mailbox(name)[0]


def _mailbox(name: str) -> tuple[str, str]:
    """The part before the @ without a `+tag`, and the domain."""
    local, _, domain = name.partition("@")
    return (local.partition("+")[0] if domain else local) or local, domain.rstrip(".")


def approvers(
    signatures: Sequence[Signature], rule: Signers, people: Mapping[Role, Sequence[str]]
) -> tuple[Signature, ...]:
    """One signature of each person who approved. Raises Refused if one may not approve, or too few have.

    `people` are the names of who made the plan and of who runs it.
    """
    # 1. Nobody approves their own plan, or their own run. If the plan does not show who made it, that cannot be
    # checked.
    if "planner" in rule.not_ and not people["planner"]:
        raise Refused(
            "the plan does not show who made it, so an approver may be the same person",
            next_step="make a new plan with plan and its option -o, and have it approved",
        )
    for signature in signatures:
        for role in rule.not_:
            if is_same(signature.names, people[role]):
                raise Refused(
                    f"{signature.file}: {signature.by} signed, and {_DOES[role]}: somebody else must approve it",
                    next_step="have the plan approved by another person",
                )
    # 2. Two signatures of one person are one approval.
    found: list[Signature] = []
    for signature in signatures:
        if not any(signature.key == one.key or is_same(signature.names, one.names) for one in found):
            found.append(signature)
    if len(found) < rule.required:
        have = f" ({', '.join(one.by for one in found)})" if found else ""
        wanted = "1 person" if rule.required == 1 else f"{rule.required} people"
        raise Refused(
            f"the plan needs the approval of {wanted}, and has {len(found)}{have}",
            next_step="have the plan approved by another person",
        )
    return tuple(found)
