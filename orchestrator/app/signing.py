"""The work of `approve`: a signature over a plan's file, made by OpenSSH with the signer's own key."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from orchestrator.app.ssh_keygen import FINGERPRINT, keygen, no_keygen
from orchestrator.core.plan.approvers import NAMESPACE
from orchestrator.core.text import one_line
from orchestrator.errors import Refused
from orchestrator.places import expanded

_DEFAULT_KEYS: Final = ("id_ed25519", "id_ecdsa", "id_ed25519_sk", "id_ecdsa_sk", "id_rsa")
_PUBLIC_KEY: Final = re.compile(r"(?:key::)?((?:ssh|ecdsa|sk)-\S+ \S+)")
_PATIENCE: Final = 10.0  # seconds for git or the agent to answer


@dataclass(frozen=True, slots=True)
class MadeSignature:
    """A signature, as a file holds it, and the fingerprint of its key."""

    content: bytes
    key: str


def sign(plan: bytes, key: Path | None, *, is_at_terminal: bool) -> MadeSignature:
    """A signature over the bytes of a plan's file, by `key`, or by the key that git or SSH would take.

    A key with a passphrase asks at the terminal itself, and a security key says there what to do. Raises Refused.
    """
    with TemporaryDirectory(prefix="approve-") as folder:
        # The bytes that a person was shown, and not the file: it may be another one by now.
        place = Path(folder)
        (place / "plan").write_bytes(plan)
        chosen = _key(key, place)
        words = ("ssh-keygen", "-q", "-Y", "sign", "-n", NAMESPACE, "-f", str(chosen), "plan")
        seen = None if is_at_terminal else subprocess.PIPE
        try:
            done = subprocess.run(words, cwd=place, check=False, stdout=subprocess.PIPE, stderr=seen)  # noqa: S603
        except FileNotFoundError:
            raise no_keygen() from None
        if done.returncode:
            raise Refused(
                f"ssh-keygen could not sign with {chosen}{_last_line(done.stderr)}",
                next_step="name a private key with --key, or load it into the agent with ssh-add",
            )
        checked = keygen(("-Y", "check-novalidate", "-n", NAMESPACE, "-s", "plan.sig"), place, given=plan)
        found = FINGERPRINT.search(checked.stdout.decode(errors="replace"))
        if checked.returncode or found is None:
            raise Refused("ssh-keygen made a signature that it cannot verify itself", next_step="run again")
        return MadeSignature((place / "plan.sig").read_bytes(), found[1])


def git_setting(key: str, *, kind: str = "") -> str | None:
    """A setting of git in the working folder; None if it has none, or git is not there."""
    words = ("git", "config", *((f"--type={kind}",) if kind else ()), "--get", key)
    value = _said(words).strip()
    return value if value and value.isprintable() else None


def _key(chosen: Path | None, folder: Path) -> Path:
    """The key to sign with: the chosen one, else git's, else the agent's first, else a default one of SSH."""
    if chosen is not None:
        return chosen.absolute()
    if found := next(_known_keys(folder), None):
        return found
    raise Refused("there is no SSH key to sign with: git names none, the agent has none, ~/.ssh has none",
                  next_step="name one with --key FILE; ssh-keygen -t ed25519 makes one")  # fmt: skip


def _known_keys(folder: Path) -> Iterator[Path]:
    if git_setting("gpg.format") == "ssh":
        if (literal := git_setting("user.signingkey")) and (written := _PUBLIC_KEY.fullmatch(literal.strip())):
            yield _public(written[1], folder)
        elif path := git_setting("user.signingkey", kind="path"):
            yield Path(path).absolute()
    if first := _PUBLIC_KEY.match(_said(("ssh-add", "-L"))):
        yield _public(first[1], folder)
    home = expanded("~/.ssh")
    yield from (home / name for name in _DEFAULT_KEYS if (home / name).is_file())


def _public(key: str, folder: Path) -> Path:
    """A public key in a file: `ssh-keygen` finds its private half in the agent."""
    (folder / "key.pub").write_text(f"{key}\n", encoding="ascii", errors="replace")
    return folder / "key.pub"


def _said(words: tuple[str, ...]) -> str:
    """What a program prints; nothing if it is not there, fails, or does not end."""
    try:
        done = subprocess.run(  # noqa: S603 - our own words, and no shell
            words, capture_output=True, check=False, timeout=_PATIENCE, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace") if done.returncode == 0 else ""


def _last_line(said: bytes | None) -> str:
    lines = [line for line in (said or b"").decode(errors="replace").splitlines() if line.strip()]
    return f": {one_line(lines[-1].strip())}" if lines else ""
