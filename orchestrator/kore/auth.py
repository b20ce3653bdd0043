"""Resolves secrets given by reference, and signs a token for each attempt (kore-api.md section 3)."""

import json
import os
import re
import subprocess
import uuid
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import jwt

from orchestrator.core.manifest.models import Account, SecretRef
from orchestrator.errors import CredentialError
from orchestrator.ports import Clock

LIFETIME: Final = 300
"""Seconds a token is valid; the platform allows an hour at most where it enforces `jti`."""

_COMMAND_SECONDS: Final = 30.0
_CONTROL_CHARACTER: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Credential:
    """An account's app: its client id and its client secret, or its private key in PEM for RS256 and RS512."""

    client_id: str
    secret: str = field(repr=False)
    algorithm: str = "HS256"


class TokenMinter:
    """Mints tokens for the accounts it was given credentials of."""

    def __init__(self, credentials: dict[str, Credential], clock: Clock) -> None:
        self._credentials = credentials
        self._clock = clock
        self._signers: dict[Credential, _Signer] = {}

    def mint(self, account_id: str) -> str:
        """A fresh token; no two share a `jti`, so a retry is never taken for a replay. Raises CredentialError."""
        credential = self._credentials[account_id]
        now = int(self._clock.now())
        claims = {
            "appId": credential.client_id,
            "iss": credential.client_id,
            "sub": credential.client_id,
            "iat": now,
            "exp": now + LIFETIME,
            "jti": uuid.uuid4().hex,
        }
        try:
            signer = self._signers.get(credential)
            if signer is None:
                signer = self._signers[credential] = _Signer(credential)
            return signer.sign(claims)
        except (jwt.PyJWTError, ValueError, TypeError):
            # Not chained: the library's text may quote the key.
            raise CredentialError(
                f"the client secret of account {account_id} cannot sign {credential.algorithm}",
                next_step="check client_secret and algorithm in the manifest",
            ) from None


class _Signer:
    """Signs with PyJWT's algorithm and a key that is read once (RFC 7515 section 7.1).

    Not by `jwt.encode`, which checks key and header again for each token, and warns of a secret whose length the
    platform chose: 38 instead of 10 us a token, a tenth of a whole start.
    """

    def __init__(self, credential: Credential) -> None:
        self._algorithm = jwt.get_algorithm_by_name(credential.algorithm)
        self._key = self._algorithm.prepare_key(credential.secret)
        self._header = _segment({"alg": credential.algorithm, "typ": "JWT"})

    def sign(self, claims: dict[str, Any]) -> str:
        """The token in its compact form."""
        message = self._header + b"." + _segment(claims)
        return (message + b"." + _base64url(self._algorithm.sign(message, self._key))).decode("ascii")


def _segment(value: dict[str, Any]) -> bytes:
    return _base64url(json.dumps(value, separators=(",", ":")).encode())


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
    client_id = _resolve(account.client_id, f"accounts.{name}.client_id", directory)
    secret = _resolve(account.client_secret, f"accounts.{name}.client_secret", directory)
    return Credential(client_id, secret, account.algorithm)


def _resolve(reference: SecretRef, path: str, directory: Path) -> str:
    if reference.env is not None:
        value, source = os.environ.get(reference.env, ""), f"environment variable {reference.env}"
    elif reference.file is not None:
        value, source = _read(directory, reference.file, path), f"file {reference.file}"
    else:
        command = tuple(reference.command or ())
        value, source = _run(command, path, directory), f"command {command[0]}"
    value = value.strip()
    if not value:
        raise CredentialError(f"{path}: {source} is unset or empty", next_step=f"provide {source}, then run again")
    if _CONTROL_CHARACTER.search(value) and not value.startswith("-----BEGIN "):
        # A file with two secrets, or a key typed with its escapes: the platform would refuse its tokens.
        raise CredentialError(
            f"{path}: {source} holds a line break or another control character",
            next_step=f"let {source} hold the one value and nothing else",
        )
    return value


def _read(directory: Path, file: str, path: str) -> str:
    try:
        return (directory / Path(file).expanduser()).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError, RuntimeError) as error:  # RuntimeError: a user "~name" without a home
        reason = error.strerror if isinstance(error, OSError) else f"{type(error).__name__}"
        raise CredentialError(f"{path}: cannot read file {file}: {reason}") from None


def _run(command: tuple[str, ...], path: str, directory: Path) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - the manifest's author chose the command; there is no shell
            command, capture_output=True, text=True, timeout=_COMMAND_SECONDS, check=True, cwd=directory
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError) as error:
        # The command's output is not quoted: it may hold the secret.
        raise CredentialError(
            f"{path}: command {command[0]} failed ({type(error).__name__})",
            next_step=f"run {command[0]} by hand and look at its output",
        ) from None
    return done.stdout
