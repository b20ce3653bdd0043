"""Signatures over a plan's file, made and checked by OpenSSH's own `ssh-keygen -Y` (version 8.9 or newer)."""

import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import localtime, strftime
from typing import Final

from orchestrator.core.plan.approvers import (
    NAMESPACE,
    Line,
    Signature,
    all_names,
    certificate_of,
    lines_of,
    names_of_key,
    principals,
)
from orchestrator.core.text import one_line, reason
from orchestrator.errors import Refused
from orchestrator.model import PosixSeconds

_PATIENCE: Final = 30.0  # seconds for a check, which takes some milliseconds
LARGEST_SIGNATURE: Final = 64 * 1024
"""Bytes of a signature."""
FINGERPRINT: Final = re.compile(r" key (SHA256:[A-Za-z0-9+/]+)\s*$", re.MULTILINE)
"""A key's fingerprint, as `ssh-keygen` says it of a signature that holds."""

_INSTALL: Final = "install the package openssh-client (openssh-clients on Fedora, openssh on Alpine)"
_FAULTS: Final = {
    "incorrect signature": "it is not a signature over this plan: it was made for another file, or a file was changed",
    "namespace does not match": f"it was not made as an approval: its namespace is not {NAMESPACE}",
    "No principal matched": "its key is not in the file of signers",
    "Couldn't parse signature": "it is not a complete SSH signature",
}
_VAGUE: Final = "No principal matched"
_REVOKED: Final = "its key is revoked, or approval.revoked is neither a list of public keys nor a revocation list"


@dataclass(frozen=True, slots=True)
class SignersFile:
    """Who may approve: the file's name and bytes, and those of revoked keys. Read once: each check sees the same."""

    name: str
    content: bytes
    revoked: bytes | None = None


@contextmanager
def verifier(plan: bytes, signers: SignersFile, at: PosixSeconds) -> Iterator["Verifier"]:
    """Checks signatures over the bytes of a plan's file, as of `at` in POSIX seconds. Raises Refused."""
    with TemporaryDirectory(prefix="approval-") as folder:
        place = Path(folder)
        (place / "signers").write_bytes(signers.content)
        if signers.revoked is not None:
            (place / "revoked").write_bytes(signers.revoked)
        yield Verifier(place, plan, signers, at)


@dataclass(frozen=True, slots=True)
class Verifier:
    """Checks one signature after the other. Its folder holds the signers, for `ssh-keygen` to read."""

    folder: Path
    plan: bytes
    signers: SignersFile
    at: PosixSeconds

    def check(self, file: str, signature: bytes) -> Signature:
        """The signature in `file`, once it holds. Raises Refused, with the reason, where it does not."""
        if len(signature) > LARGEST_SIGNATURE:
            raise _refused(file, _FAULTS["Couldn't parse signature"])
        (self.folder / "signature").write_bytes(signature)
        # 1. Whose key is it? One that has expired, or is not known, is nobody's.
        found = self._keygen("find-principals")
        names = principals([name for name in re.split(r"[\n,]", found.stdout.decode(errors="replace")) if name], file)
        if found.returncode or not names:
            raise _refused(file, _fault(found, self.signers.name))
        # 2. Does it hold, for this plan and as an approval?
        lines = lines_of(self.signers.content)
        name, key = self._verified(file, names[0], lines)
        # 3. OpenSSH names those of the key's first line that counts. By another one it may be the planner's.
        told = [name, *names, *names_of_key(key, lines), *self._certified(signature)]
        return Signature(file, principals(all_names(told, lines), file), key)

    def _verified(self, file: str, name: str, lines: Sequence[Line]) -> tuple[str, str]:
        """The name by which the signature holds, and its key's fingerprint. Raises Refused where it does not hold."""
        held = self._verify(name)
        if key := _key_of(held):
            return name, key
        # The first line may be for other namespaces, and another one of the same key for this.
        same = _key_of(self._keygen("check-novalidate", "-n", NAMESPACE))
        others = dict.fromkeys(line.names[0] for line in lines if same in line.keys and line.names)
        for other in others:
            if key := _key_of(self._verify(other)):
                return other, key
        raise _refused(file, _fault(held, self.signers.name) if held.stderr.strip() else _REVOKED)

    def _verify(self, name: str) -> "subprocess.CompletedProcess[bytes]":
        revoked = ("-r", "revoked") if self.signers.revoked is not None else ()
        return self._keygen("verify", "-n", NAMESPACE, "-I", name, *revoked)

    def _certified(self, signature: bytes) -> list[str]:
        """The names for which an authority certified the key; none where its key is no certificate."""
        certificate = certificate_of(signature)
        if not certificate:
            return []
        (self.folder / "certificate").write_bytes(certificate)
        shown = keygen(("-L", "-f", "certificate"), self.folder).stdout.decode(errors="replace")
        _, _, names = shown.partition("Principals:")
        return [name.strip() for name in names.partition("Critical Options:")[0].splitlines() if name.strip()]

    def _keygen(self, action: str, *options: str) -> "subprocess.CompletedProcess[bytes]":
        # In the system's time zone: earlier versions do not know the Z of UTC.
        at = strftime("%Y%m%d%H%M%S", localtime(self.at))
        words = ("-Y", action, "-f", "signers", "-s", "signature", "-O", f"verify-time={at}", *options)
        return keygen(words, self.folder, given=self.plan)


def _key_of(done: "subprocess.CompletedProcess[bytes]") -> str:
    """The key's fingerprint where a check holds; else empty."""
    found = FINGERPRINT.search(done.stdout.decode(errors="replace")) if done.returncode == 0 else None
    return found[1] if found else ""


def keygen(words: Sequence[str], folder: Path, *, given: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    """Run `ssh-keygen`, which reads `given`. Raises Refused if it is not installed, or does not end."""
    try:
        done = subprocess.run(  # noqa: S603 - our own words, and no shell
            ("ssh-keygen", *words),  # noqa: S607 - the one on the PATH, as ssh itself is found
            cwd=folder, input=given, capture_output=True, check=False, timeout=_PATIENCE,
        )  # fmt: skip
    except FileNotFoundError:
        raise no_keygen() from None
    except (OSError, subprocess.TimeoutExpired) as error:
        why = reason(error) if isinstance(error, OSError) else f"it did not end within {_PATIENCE:g} s"
        raise Refused(f"ssh-keygen could not check the approval: {why}", next_step="run again") from error
    if b"No user exists for uid" in done.stderr:
        raise Refused(
            "ssh-keygen only works for users with a name, and this process's user has none",
            next_step="run as a user of /etc/passwd, such as the image's own",
        )
    return done


def no_keygen() -> Refused:
    """The error of a machine without `ssh-keygen`."""
    return Refused("approvals need ssh-keygen, and it is not installed here", next_step=_INSTALL)


def _fault(done: "subprocess.CompletedProcess[bytes]", signers: str) -> str:
    """Why a check failed, in our words where there are some; lines of the file of signers with its own name."""
    lines = [line.strip() for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
    # The reason comes first; what nothing matched is only named where there is no other.
    told = next((line for line in lines if not line.startswith(_VAGUE)), lines[-1] if lines else _VAGUE)
    words = next((words for start, words in _FAULTS.items() if start in told), None)
    return words or one_line(re.sub(r"^signers:", lambda _: f"{signers}:", told))


def _refused(file: str, why: str) -> Refused:
    return Refused(f"the approval {file} does not count: {why}", next_step="have the plan approved again")
