"""What may forbid a run once its plan is known: the cap and the approval."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from orchestrator.app.open_api import SANDBOX
from orchestrator.app.open_run import OpenRun
from orchestrator.app.ssh_keygen import LARGEST_SIGNATURE, SignersFile, verifier
from orchestrator.core.journal.records import PLANNED
from orchestrator.core.json_text import read_json
from orchestrator.core.manifest.signers import Signers
from orchestrator.core.plan import approval, recipients, selection
from orchestrator.core.plan import proposal as proposals
from orchestrator.core.plan.approval import check_cap
from orchestrator.core.plan.approvers import Approved, Signature, approvers
from orchestrator.core.plan.plan import Plan
from orchestrator.core.plan.proposal import SHORTEST_HASH, SHOWN_HASH, Proposal
from orchestrator.core.text import command_line, duration, plural, reason
from orchestrator.errors import LedgerError, PlanInvalid, Refused
from orchestrator.ledger.machine_id import user_names
from orchestrator.ledger.store import Store
from orchestrator.loading.manifest_file import LoadedManifest
from orchestrator.model import PosixSeconds
from orchestrator.places import expanded

_LARGEST_LIST: Final = 16 * 2**20
"""Bytes of a file of signers, or of revoked keys."""


@dataclass(frozen=True, slots=True)
class SignatureFile:
    """A file with a signature over a plan, as it was read."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Consent:
    """What was agreed to before the plan was made.

    `approve` is the beginning of a plan's hash, at least 8 characters; `proposal` the plan of a file; `signatures` are
    files with signatures over that file; `max_starts` and `max_recipients` tighten the manifest's caps;
    `new_ledger` agrees to `rerun: true` on an SQLite ledger that knows of no start. Raises ValueError for a hash that
    is too short to name one plan.
    """

    approve: str | None = None
    proposal: Proposal | None = None
    signatures: tuple[SignatureFile, ...] = ()
    max_starts: int | None = None
    new_ledger: bool = False
    max_recipients: int | None = None

    def __post_init__(self) -> None:
        # Every hash begins with the empty text: it would approve whichever plan was made last.
        if self.approve is not None and len(self.approve) < SHORTEST_HASH:
            raise ValueError(f"an approval needs at least {SHORTEST_HASH} characters of the plan's hash")

    def approved(
        self, plan: Plan, proposal: Proposal | None, signatures: tuple[Signature, ...], now: PosixSeconds
    ) -> Approved:
        """How the plan was approved, for the journal. `proposal` is the plan that was given, in a file or by a hash."""
        options = [("--approve", self.approve), ("--plan", self.proposal)]
        given = [name for name, value in options if value is not None]
        by_hash = f"{' and '.join(given)}, plan {plan.sha256[:SHOWN_HASH]}" if given else ""
        signed = f"signed by {', '.join(one.by for one in signatures)}" if signatures else ""
        by = proposal.planned_by[0] if proposal is not None and proposal.planned_by else ""
        return Approved("; ".join(filter(None, [by_hash, signed])), by, signatures, now)


def read_plan(path: Path) -> Proposal:
    """The plan in a file of `plan -o`. Raises PlanInvalid."""
    return read_plan_file(path)[1]


def read_plan_file(path: Path) -> tuple[Mapping[str, Any], Proposal]:
    """The document in a file of `plan -o`, and the plan in it. Raises PlanInvalid."""
    try:
        # A device may have no end. A plan of a million campaigns has a gigabyte, and a pipe is as good as a file.
        content = b"" if path.is_char_device() else path.read_bytes()
        document = read_json(content.decode("utf-8"))
    except (OSError, ValueError) as error:
        raise PlanInvalid(f"{path} is not a plan", next_step="make one with plan and its option -o") from error
    return document, proposals.read(document, content)


def read_signatures(paths: Iterable[Path]) -> tuple[SignatureFile, ...]:
    """The files, each read once: a pipe has nothing for a second look, and a run may wait. Raises Refused."""
    return tuple(SignatureFile(str(path), _read(path, "the approval", LARGEST_SIGNATURE)) for path in paths)


def as_journaled(consent: Consent, store: Store, launch: str) -> Consent:
    """The consent, its plan with what the ledger knows of when and by whom it was made. Raises LedgerError."""
    if consent.proposal is None:
        return consent
    return replace(consent, proposal=proposals.as_journaled(consent.proposal, store.read(launch, kinds=(PLANNED,))))


def check_signatures(loaded: LoadedManifest, consent: Consent, now: PosixSeconds) -> tuple[Signature, ...]:
    """The signatures by which the plan is approved, one a person; none where the manifest asks for none.

    Raises Refused if one does not count, or there are too few. `now` is in POSIX seconds.
    """
    rule, proposal = loaded.manifest.approval, consent.proposal
    if not isinstance(rule, Signers):
        if consent.signatures:
            raise Refused(
                "the manifest names no signers, so there is nobody whose approval counts",
                next_step="write approval: {signers: FILE} into the manifest, or leave out --approval",
            )
        return ()
    # 1. The plan's file, which is what they signed, and how long the approval is valid.
    again = _again(loaded)
    if proposal is None or not proposal.file_bytes:
        raise Refused("approval: {signers: …} needs --plan FILE and --approval with a signature over it",
                      next_step=again)  # fmt: skip
    approval.check_covers(proposal, again)
    if now > proposal.made_at + rule.expires:
        age = duration(now - proposal.made_at)
        raise Refused(
            f"the plan is {age} old when it is run, and approval.expires is {duration(rule.expires)}", next_step=again
        )
    # 2. Each signature by itself, then whether these people may approve, and are enough.
    with verifier(proposal.file_bytes, _read_signers(loaded.path.parent, rule), now) as check:
        found = [check.check(one.name, one.content) for one in consent.signatures]
    return approvers(found, rule, {"planner": proposal.planned_by, "runner": user_names()})


def _read_signers(folder: Path, rule: Signers) -> SignersFile:
    """Who may approve, by files that lie relative to a folder. Raises Refused."""
    revoked = None if rule.revoked is None else _listed(folder, "approval.revoked", rule.revoked)
    return SignersFile(rule.signers, _listed(folder, "approval.signers", rule.signers), revoked)


def _listed(folder: Path, what: str, name: str) -> bytes:
    """The bytes of a list of keys. It is read while the run holds its accounts: nothing here may wait."""
    try:
        path = folder / expanded(name)
    except OSError as error:
        raise _unreadable(what, name, reason(error)) from error
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise _unreadable(what, name, "it is not a regular file")
    content = _read(path, what, _LARGEST_LIST, shown=name)
    if len(content) > _LARGEST_LIST:
        raise _unreadable(what, name, f"it is larger than {_LARGEST_LIST // 2**20} MiB")
    return content


def _read(path: Path, what: str, most: int, shown: str = "") -> bytes:
    """A file's bytes, one more than `most` of them at most."""
    try:
        with path.open("rb") as file:
            return file.read(most + 1)
    except OSError as error:
        raise _unreadable(what, shown or str(path), reason(error)) from error


def _unreadable(what: str, name: str, why: str) -> Refused:
    return Refused(f"cannot read {what} {name}: {why}", next_step="provide the file, and run again")


def proposal_of(opened: OpenRun, consent: Consent) -> Proposal | None:
    """The plan that the consent is for; None if it names none. Raises Refused if there is no such plan."""
    if consent.approve is None:
        return consent.proposal
    proposal = consent.proposal or proposals.find(
        opened.store.read(opened.deps.launch), consent.approve, _again(opened.loaded)
    )
    return _approved(consent.approve, proposal)


def check_consent(
    opened: OpenRun, plan: Plan, consent: Consent, proposal: Proposal | None, begins: PosixSeconds
) -> Plan:
    """The plan, as far as it may be carried out: without approval, campaigns that were edited are held.

    `proposal` is the plan that the consent is for; `begins` is when the run starts (POSIX seconds).
    Raises Refused, or LedgerError for a new ledger, where the run may not begin.
    """
    selected = plan.facts["selection"]
    retry = ["--retry-failed"] if selected["retry_failed"] else []
    deps, again = opened.deps, _again(opened.loaded, *selection.options(selected), *retry)
    manifest = deps.manifest
    # 1. How many campaigns, and who would be texted.
    check_cap(plan, manifest.limits.max_starts, consent.max_starts)
    recipients.check(plan, manifest, consent.max_recipients)
    # 2. A ledger that is thrown away after each job forgets every start, so each run would send it again.
    if not consent.new_ledger and (forgets := forgets_reruns(opened, plan)):
        raise LedgerError(
            forgets,
            next_step="write the rerun: {instance: …} that plan prints; or name the ledger of the last run; or, if "
            "nothing ran before, add --new-ledger",
        )
    # 3. Is there an approval where one is needed?
    if manifest.approval == "plan" and consent.approve is None:
        raise Refused(
            "approval: plan needs --approve with the hash of a plan that a person has reviewed",
            next_step=again,
        )
    # 4. Is it for this plan, recent and unused? Also checked if the manifest needs no approval but one is given.
    if proposal is None:
        return plan
    approval.check(proposal, plan, opened.store.read(deps.launch), begins, again)
    # 5. Would it send what was planned?
    return approval.without_changed(proposal, plan, again, is_binding=manifest.approval != "none")


def _again(loaded: LoadedManifest, *options: str) -> str:
    """The command that plans again, with these options: into a file, where people sign it."""
    output = ("-o", "plan.json") if isinstance(loaded.manifest.approval, Signers) else ()
    return command_line("plan", *loaded.words, *options, *output)


def forgets_reruns(opened: OpenRun, plan: Plan) -> str | None:
    """Why the ledger cannot prevent that every run sends the plan's `rerun: true` again; None if it can."""
    again = plan.unconditional_reruns
    is_local = opened.store.url.startswith("sqlite:") and opened.deps.manifest.host != SANDBOX
    if not again or not is_local or opened.store.has_starts():
        return None
    return (
        f"the ledger {opened.store.url} is new, and the plan has {plural(again, 'start')} with rerun: true: "
        "if each run has a ledger of its own, each run texts everyone again"
    )


def _approved(approve: str | None, proposal: Proposal) -> Proposal:
    if approve is not None and not proposal.sha256.startswith(approve.lower()):
        raise Refused(
            f"the plan in the file has the hash {proposal.sha256[:16]}, but {approve[:16]} was approved",
            next_step="pass the plan that was approved, or have this one approved",
        )
    return proposal
