"""Those whom `notify` names, with their secrets, and what is sent to each of them."""

import json
import os
from collections.abc import Collection
from dataclasses import dataclass, field, replace

from orchestrator.core.manifest.models import Manifest
from orchestrator.core.manifest.notify import NoticeEvent
from orchestrator.core.notice import SIGNATURE, Notice, signature
from orchestrator.errors import CredentialError
from orchestrator.kore.auth import resolve_secret
from orchestrator.loading.manifest_file import LoadedManifest
from orchestrator.model import PosixSeconds
from orchestrator.notify.deliver import Parcel, deliver
from orchestrator.notify.target import APPRISE, EXTRA, WEBHOOK, fault_of, is_apprise_installed, kind_of, secrets_in
from orchestrator.redaction import Redactor


@dataclass(frozen=True, slots=True)
class Addressee:
    """One entry of `notify`, its references resolved. `fault` is why it cannot be told; empty if it can."""

    number: int
    on: Collection[NoticeEvent]
    title: str
    address: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    fault: str = ""

    @property
    def name(self) -> str:
        """For messages: its number and kind, and never its address."""
        return f"notify {self.number}" + (f" ({kind_of(self.address)})" if self.address else "")

    def tell(self, notice: Notice, now: PosixSeconds, until: float) -> str:
        """Send it at `now` (POSIX seconds), before `until` (of time.monotonic). Why that failed; empty: it arrived."""
        return self.fault or deliver(self._parcel(notice, now), until)

    def _parcel(self, notice: Notice, now: PosixSeconds) -> Parcel:
        title = ("Test: " if notice.is_test else "") + (self.title or notice.title)
        if kind_of(self.address) != WEBHOOK:
            return Parcel(self.address, title, notice.text)
        body = json.dumps(notice.as_json(title))
        headers = {"Content-Type": "application/json", "User-Agent": "campaign-orchestrator"}
        if self.secret:
            headers[SIGNATURE] = signature(self.secret, body.encode(), now)
        return Parcel(self.address, title, notice.text, body, headers)


def addressees_of(loaded: LoadedManifest, redactor: Redactor) -> list[Addressee]:
    """The entries of a manifest's `notify`; `redactor` learns their secrets. Runs commands that print a secret."""
    return [_addressee(number, loaded, redactor) for number in range(1, len(loaded.manifest.notify) + 1)]


def missing_extra(manifest: Manifest) -> list[str]:
    """A sentence for each entry that may need the extra `notify`, which is not installed. Reads no file."""
    if is_apprise_installed():
        return []
    said = []
    for number, entry in enumerate(manifest.notify, start=1):
        address = os.environ.get(entry.to.env or "", "").strip()
        if not address or kind_of(address) == APPRISE:
            unless = "" if address else "unless its address begins with https://, "
            said.append(f"notify {number}: {unless}{EXTRA}")
    return said


def _addressee(number: int, loaded: LoadedManifest, redactor: Redactor) -> Addressee:
    entry = loaded.manifest.notify[number - 1]
    made, folder = Addressee(number, entry.on, entry.title), loaded.path.parent
    try:
        address = resolve_secret(entry.to, "to", folder)
        redactor.learn(secrets_in(address))
        secret = resolve_secret(entry.secret, "secret", folder) if entry.secret is not None else ""
        redactor.learn([secret])
    except CredentialError as error:
        return replace(made, fault=error.message)
    fault = fault_of(address, is_signed=bool(secret))
    return replace(made, address=address, secret=secret, fault=fault)
