"""Resolves secrets given by reference, and signs a token for each attempt (kore-api.md section 3)."""

import json
import os
import re
import shutil
import subprocess
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import jwt

from orchestrator.core.manifest.models import Account, SecretRef
from orchestrator.errors import CredentialError
from orchestrator.places import command_words, expanded
from orchestrator.ports import Clock

LIFETIME: Final = 300
"""Seconds a token is valid; the platform allows an hour at most where it enforces `jti`."""

_MAX_SHOWN: Final = 20
_COMMAND_SECONDS: Final = 30.0
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_CONTROL_CHARACTER: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_INVISIBLE: Final = re.compile("[\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_LONGEST_LINE: Final = 4096
_SHELLS: Final = frozenset({"sh", "bash", "dash", "ksh", "zsh"})


@dataclass(frozen=True, slots=True)
class Credential:
    """An account's app: its client id and its client secret, or its private key in PEM for RS256 and RS512."""

    client_id: str
    secret: str = field(repr=False)
    algorithm: str = "HS256"


class TokenMinter:
    """Mints tokens for the accounts whose credentials it was given."""

    def __init__(self, credentials: dict[str, Credential], clock: Clock) -> None:
        self._credentials = credentials
        self._clock = clock
        self._signers: dict[str, _Signer] = {}

    def mint(self, account_id: str) -> str:
        """A fresh token; no two share a `jti`, so a retry is never taken for a replay. Raises CredentialError."""
        credential = self._credentials[account_id]
        try:
            if (signer := self._signers.get(account_id)) is None:
                signer = self._signers[account_id] = _Signer(credential)
            return signer.sign(int(self._clock.now()))
        except (jwt.PyJWTError, ValueError, TypeError):
            # Not chained: the library's text may quote the key.
            raise CredentialError(
                f"the client secret of account {account_id} cannot sign {credential.algorithm}",
                next_step="check client_secret and algorithm in the manifest",
            ) from None


class _Signer:
    """Signs with PyJWT's algorithm and a key that is read once (RFC 7515 section 7.1).

    Not by `jwt.encode`, which checks key and header again for each token, and warns of a secret whose length the
    platform chose: 38 instead of 10 us a token, a tenth of a whole start. What a token shares with all the others of
    its account is written once, for the same reason.
    """

    def __init__(self, credential: Credential) -> None:
        self._algorithm = jwt.get_algorithm_by_name(credential.algorithm)
        self._key = self._algorithm.prepare_key(credential.secret)
        self._header = _base64url(json.dumps({"alg": credential.algorithm, "typ": "JWT"}).encode()) + b"."
        name = json.dumps(credential.client_id)
        self._claims = f'{{"appId":{name},"iss":{name},"sub":{name}'

    def sign(self, now: int) -> str:
        """A token in its compact form, which begins at `now` (POSIX seconds) and has a `jti` of its own."""
        claims = f'{self._claims},"iat":{now},"exp":{now + LIFETIME},"jti":"{os.urandom(16).hex()}"}}'
        message = self._header + _base64url(claims.encode())
        return (message + b"." + _base64url(self._algorithm.sign(message, self._key))).decode("ascii")


def _base64url(value: bytes) -> bytes:
    return urlsafe_b64encode(value).rstrip(b"=")


def resolve_credential(name: str, account: Account, directory: Path) -> Credential:
    """The credential that an account's references lead to. `directory` is the manifest's.

    Raises CredentialError for a reference that is missing, cannot be read, or holds more than one value.
    """
    if account.client_id is None or account.client_secret is None:
        raise CredentialError(
            f"account {name} has no client_id or client_secret",
            next_step=f"add client_id: {{env: NAME}} and client_secret: {{env: NAME}} under accounts.{name}",
        )
    client_id = resolve_secret(account.client_id, f"accounts.{name}.client_id", directory)
    secret = resolve_secret(account.client_secret, f"accounts.{name}.client_secret", directory)
    return Credential(client_id, secret, account.algorithm)


def refuse_unset_variables(accounts: Mapping[str, Account]) -> None:
    """Raises CredentialError with all variables of the accounts that are unset or empty, where several are."""
    # One after the other, each would take a run to find.
    references = {
        f"accounts.{name}.{key}": reference.env
        for name, account in accounts.items()
        for key, reference in (("client_id", account.client_id), ("client_secret", account.client_secret))
        if reference is not None and reference.env is not None
    }
    unset = {path: name for path, name in references.items() if not os.environ.get(name, "").strip()}
    names = list(dict.fromkeys(unset.values()))
    if len(names) > 1:
        shown = [f"{name} ({path})" for path, name in list(unset.items())[:_MAX_SHOWN]]
        rest = f" and {len(unset) - _MAX_SHOWN} more" if len(unset) > _MAX_SHOWN else ""
        message = f"{len(names)} environment variables are unset or empty: {', '.join(shown)}{rest}"
        raise CredentialError(message, next_step=f"set {', '.join(names[:_MAX_SHOWN])}{rest}, then run again")


def resolve_secret(reference: SecretRef, path: str, directory: Path) -> str:
    """The value that a reference leads to. `path` names it in messages, `directory` is the manifest's.

    Raises CredentialError for a reference that is missing, cannot be read, or holds more than one value.
    """
    # 1. The value, and where it comes from, in words for messages.
    if reference.env is not None:
        value, source = os.environ.get(reference.env, ""), f"environment variable {reference.env}"
    elif reference.file is not None:
        source = f"file {reference.file}"
        value = _decoded(_read(directory, reference.file, path), path, source)
    else:
        command = command_words(reference.command or ())
        source = f"command {command[0]}"
        value = _decoded(_run(command, path, directory), path, source)
    # An editor's byte order mark is no part of the value, whichever way it came: `export X="$(cat file)"` passes it on.
    value = value.removeprefix("\ufeff").strip()
    if not value:
        raise CredentialError(f"{path}: {source} is unset or empty", next_step=f"provide {source}, then run again")
    # 2. Is it one value? The platform would only answer that the token is invalid.
    _check_characters(value, path, source)
    return value


def _check_characters(value: str, path: str, source: str) -> None:
    """Raises CredentialError for what no credential holds: the platform would refuse its tokens without a reason."""
    step = f"put only the value into {source}"
    if hidden := _INVISIBLE.search(value):
        raise CredentialError(
            f"{path}: {source} contains an invisible character (U+{ord(hidden[0]):04X})", next_step=step
        )
    lines = value.replace("\r\n", "").replace("\n", "") if value.startswith("-----BEGIN ") else value
    if _CONTROL_CHARACTER.search(lines):
        # A file with two secrets, or a key typed with its escapes.
        raise CredentialError(f"{path}: {source} contains a line break or another control character", next_step=step)


def _decoded(raw: bytes, path: str, source: str) -> str:
    # Windows' Notepad and PowerShell's `>` write UTF-16; without its mark, every second byte is NUL.
    if raw.startswith(_UTF16) or (len(raw) > 1 and 0 in raw[:2]):
        raise CredentialError(f"{path}: {source} is UTF-16 text", next_step=f"save {source} as UTF-8")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        # Not chained: the error's text quotes the bytes.
        raise CredentialError(f"{path}: {source} is not UTF-8 text", next_step=f"save {source} as UTF-8") from None


def _read(directory: Path, file: str, path: str) -> bytes:
    try:
        return (directory / expanded(file)).read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else f"{type(error).__name__}"
        raise CredentialError(f"{path}: cannot read file {file}: {reason}") from None


def _run(command: Sequence[str], path: str, directory: Path) -> bytes:
    try:
        done = subprocess.run(  # noqa: S603 - the manifest's author chose the command; there is no shell
            command, capture_output=True, timeout=_COMMAND_SECONDS, check=True, cwd=directory
        )
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        # The command's output is not quoted: it may hold the secret.
        line_ends = windows_line_ends(command, directory)
        raise CredentialError(
            f"{path}: command {command[0]} failed ({line_ends or type(error).__name__})",
            next_step=f"run {command[0]} by hand and look at its output",
        ) from None
    return done.stdout


def windows_line_ends(command: Sequence[str], directory: Path) -> str | None:
    """Why a command that failed could not work, where its script was saved with Windows line ends; None elsewhere.

    The system looks for an interpreter whose name ends with the line's CR, and says that the *script* is not there.
    """
    named = command[1:2] if Path(command[0]).name in _SHELLS else command[:1]
    for name in named:
        script = directory / name if "/" in name or named != command[:1] else Path(shutil.which(name) or name)
        with suppress(OSError, ValueError), script.open("rb") as file:
            first = file.readline(_LONGEST_LINE)
            if first.endswith(b"\r\n") and (first.startswith(b"#!") or named != command[:1]):
                return f"the lines of {name} end with CR LF, as on Windows: save it with LF only"
    return None
