"""Signatures over a plan: which are approvals, and what is said of all others. With real keys and ssh-keygen."""

import json
import os
import random
import time
from base64 import b64encode
from contextlib import suppress
from pathlib import Path

import pytest

from orchestrator.app.approval import Consent, check_signatures, read_plan, read_signatures
from orchestrator.core.plan import proposal as proposals
from orchestrator.core.plan.plan_hash import canonical, sha256
from orchestrator.errors import PlanInvalid, Refused
from orchestrator.loading.manifest_file import load_manifest
from tests.signatures import Signer, keygen

ACCOUNT = "67777ce93e25326494e90001"


def plan_file(planned_by=("ann@example.com", "ann"), nonce="00", made_at=None, launch="spring"):
    """The bytes of a plan's file."""
    start = {"account_id": ACCOUNT, "stream": "st-1", "campaign": "cd-1", "iid": "st-1", "type": "sms", "wave": "rest"}
    selection = {"select": [], "exclude": [], "retry_failed": False}
    identity = {"launch": launch, "host": "sandbox", "selection": selection, "starts": [start], "nonce": nonce}
    document = {
        "plan_sha256": sha256(identity), "made_at": time.time() if made_at is None else made_at, "identity": identity,
        "planned_by": list(planned_by), "campaigns": [{**start, "action": "start"}],
    }  # fmt: skip
    return canonical(document).encode() + b"\n"


class Office:
    """People with keys, a file of signers, and a plan that ann made and ben runs."""

    def __init__(self, folder, monkeypatch):
        self.folder = folder
        for variable in ("GITHUB_TRIGGERING_ACTOR", "GITLAB_USER_LOGIN", "GITLAB_USER_EMAIL"):
            monkeypatch.delenv(variable, raising=False)
        monkeypatch.setenv("GITHUB_ACTOR", "ben")
        names = ("ann", "ben", "cleo", "dan", "old", "young", "other", "any", "gone", "stranger")
        self.people = {name: Signer(folder, f"{name}@example.com", name) for name in names}
        options = {
            "old": ['valid-before="20200101"'], "young": ['valid-after="20990101"'], "other": ['namespaces="git"'],
        }  # fmt: skip
        lines = [self.people[name].line(*options.get(name, [])) for name in names if name not in {"any", "stranger"}]
        (folder / "allowed_signers").write_text("".join(lines) + f"*@example.com {self.people['any'].public}\n")
        (folder / "revoked").write_text(self.people["gone"].public + "\n")
        self.plan = plan_file()

    def loaded(self, **changes):
        rule = {"signers": "allowed_signers", "revoked": "revoked", **changes}
        manifest = {
            "version": 1, "launch": "spring", "host": "sandbox", "accounts": {"acme": {"account_id": ACCOUNT}},
            "defaults": {"account": "acme"}, "campaigns": [{"stream": "st-1", "campaign": "cd-1"}],
            "approval": {key: value for key, value in rule.items() if value is not None},
        }  # fmt: skip
        path = self.folder / "launch.yaml"
        path.write_text(json.dumps(manifest))
        return load_manifest(path)

    def check(self, *signatures, plan=None, now=None, loaded=None):
        files = [self.folder / f"{number}.sig" for number in range(len(signatures))]
        for file, content in zip(files, signatures, strict=True):
            file.write_bytes(content)
        content = self.plan if plan is None else plan
        proposal = proposals.read(json.loads(content), content)
        consent = Consent(proposal=proposal, signatures=read_signatures(files))
        return check_signatures(loaded or self.loaded(), consent, time.time() if now is None else now)

    def refusal(self, *signatures, **more):
        with pytest.raises(Refused) as refused:
            self.check(*signatures, **more)
        return refused.value.message.replace(f"{self.folder}/", "")

    def sign(self, name, plan=None, **more):
        return self.people[name].sign(self.plan if plan is None else plan, **more)


@pytest.fixture
def office(tmp_path, monkeypatch):
    return Office(tmp_path, monkeypatch)


def test_another_persons_signature_is_an_approval(office):
    (found,) = office.check(office.sign("cleo"))
    listed = keygen("-l", "-f", office.people["cleo"].key).decode()

    assert found.names == ("cleo@example.com", "cleo")
    assert found.key == listed.split()[1]


NOT = "the approval 0.sig does not count: "


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("ann", "0.sig: ann@example.com signed, and made the plan: somebody else must approve it"),
        ("ben", "0.sig: ben@example.com signed, and runs it: somebody else must approve it"),
        ("stranger", f"{NOT}its key is not in the file of signers"),
        (
            "gone",
            f"{NOT}its key is revoked, or approval.revoked is neither a list of public keys nor a revocation list",
        ),
        (
            "other",
            f'{NOT}allowed_signers:7: key is not permitted for use in signature namespace "campaign-orchestrator"',
        ),
        ("any", "0.sig: its key is listed under the pattern *@example.com, which may match anybody"),
    ],
)
def test_who_may_not_approve(office, name, why):
    assert office.refusal(office.sign(name)) == why


def test_a_key_counts_within_its_dates_alone(office):
    old, young = office.refusal(office.sign("old")), office.refusal(office.sign("young"))

    assert old.startswith(f"{NOT}allowed_signers:5: key has expired: verify time ")
    assert young.startswith(f"{NOT}allowed_signers:6: key is not yet valid: verify time ")
    # The ledger's clock decides, and not this machine's.
    then = time.mktime((2019, 6, 1, 12, 0, 0, 0, 0, -1))
    plan = plan_file(made_at=then)
    assert office.check(office.sign("old", plan), plan=plan, now=then)[0].by == "old@example.com"


def test_a_signature_is_for_one_file_and_one_purpose(office):
    cleo = office.people["cleo"]
    elsewhere = f"{NOT}it is not a signature over this plan: it was made for another file, or a file was changed"

    assert office.refusal(cleo.sign(plan_file(nonce="01"))) == elsewhere
    assert office.refusal(cleo.sign(office.plan), plan=office.plan + b" ") == elsewhere
    assert office.refusal(cleo.sign(office.plan, namespace="git")) == (
        f"{NOT}it was not made as an approval: its namespace is not campaign-orchestrator"
    )
    assert office.refusal(cleo.sign(office.plan)[:150]) == f"{NOT}it is not a complete SSH signature"
    assert office.refusal(b"") == f"{NOT}it is not a complete SSH signature"
    assert office.refusal(b"x" * 70_000) == f"{NOT}it is not a complete SSH signature"


def test_all_lines_of_a_key_name_one_person(office):
    """OpenSSH names the first line alone: by the second one she made the plan."""
    alias = Signer(office.folder, "work@example.com", "a-77")
    file = office.folder / "allowed_signers"
    second = f'"ann@example.com,ann" valid-before="20200101" {alias.public}\n'
    file.write_text(file.read_text() + alias.line() + second)

    assert office.refusal(alias.sign(office.plan)) == (
        "0.sig: work@example.com signed, and made the plan: somebody else must approve it"
    )
    file.write_text(file.read_text().replace(second, f"*@example.org {alias.public}\n"))
    assert office.refusal(alias.sign(office.plan)) == (
        "0.sig: its key is listed under the pattern *@example.org, which may match anybody"
    )


@pytest.mark.parametrize(
    "second",
    ["ann\t{kind}\t{key}", "ann {kind}\t{key}", '" ann" {kind} {key}', "ann+spring@example.com {kind} {key}",
     "work@example.com,ann {other}", "w-2,Work@example.com {other}\nW-2,ann {third}"],
    ids=["tabs", "a tab", "a space", "a tag", "another key", "two keys on"],
)  # fmt: skip
def test_nobody_is_somebody_else_by_another_spelling(office, second):
    alias = Signer(office.folder, "work@example.com")
    kind, key = alias.public.split()
    line = second.format(kind=kind, key=key, other=office.people["any"].public, third=office.people["old"].public)
    (office.folder / "allowed_signers").write_text(f"{alias.line()}{line}\n")

    assert office.refusal(alias.sign(office.plan)) == (
        "0.sig: work@example.com signed, and made the plan: somebody else must approve it"
    )


def test_a_byte_order_mark_is_no_part_of_a_name(office):
    (office.folder / "allowed_signers").write_text(office.people["ann"].line(), encoding="utf-8-sig")

    assert office.refusal(office.sign("ann")).endswith(
        "ann@example.com signed, and made the plan: somebody else must approve it"
    )


def test_a_key_may_count_by_any_of_its_lines(office):
    """The first line that has it is for something else."""
    other = office.people["other"]
    (office.folder / "allowed_signers").write_text(other.line('namespaces="git"') + f"zoe {other.public}\n")
    (found,) = office.check(office.sign("other"))

    assert found.names == ("zoe", "other@example.com", "other")


@pytest.mark.parametrize(
    ("certified", "why"),
    [("dora", None), ("dora,ann", "made the plan"), ("zoe,dora", None), ("Ben,dora", "runs it")],
)
def test_a_certificate_names_all_that_its_holder_is(office, certified, why):
    """The line of the authority may list one of the names alone."""
    authority, holder = office.people["cleo"], office.people["stranger"]
    keygen("-q", "-s", authority.key, "-I", "x", "-n", certified, f"{holder.key}.pub")
    (office.folder / "allowed_signers").write_text(f"dora,eve cert-authority {authority.public}\n")
    signature = holder.sign(office.plan, key=f"{holder.key}-cert.pub")

    if why is None:
        assert office.check(signature)[0].by == "dora"
    else:
        assert office.refusal(signature) == f"0.sig: dora signed, and {why}: somebody else must approve it"


def test_an_unreadable_list_of_revoked_keys_is_named(office):
    (office.folder / "revoked").write_text("cleo@example.com\n")

    assert office.refusal(office.sign("cleo")) == (
        f"{NOT}its key is revoked, or approval.revoked is neither a list of public keys nor a revocation list"
    )


def test_a_plan_that_names_no_planner_needs_a_new_one(office):
    nameless = plan_file(planned_by=())
    signature = office.sign("cleo", nameless)

    assert office.refusal(signature, plan=nameless) == (
        "the plan does not show who made it, so an approver may be the same person"
    )
    free = office.loaded(**{"not": ["runner"]})
    assert office.check(signature, plan=nameless, loaded=free)[0].by == "cleo@example.com"


def test_a_plan_that_covers_no_contents_is_refused(office):
    bare = plan_file(nonce="")
    assert office.refusal(office.sign("cleo", bare), plan=bare) == (
        "the plan does not cover what its campaigns would send"
    )


def test_two_must_be_two(office):
    loaded = office.loaded(required=2)
    alone = "the plan needs the approval of 2 people, and has 1 (cleo@example.com)"

    assert office.refusal(office.sign("cleo"), loaded=loaded) == alone
    assert office.refusal(office.sign("cleo"), office.sign("cleo"), loaded=loaded) == alone
    assert [one.by for one in office.check(office.sign("cleo"), office.sign("dan"), loaded=loaded)] == [
        "cleo@example.com", "dan@example.com",
    ]  # fmt: skip


def test_a_plan_expires_as_the_manifest_says(office):
    loaded, signature = office.loaded(expires="1h"), office.sign("cleo")
    made_at = json.loads(office.plan)["made_at"]

    assert office.check(signature, loaded=loaded, now=made_at + 3600)
    late = office.refusal(signature, loaded=loaded, now=made_at + 3601)
    assert late == "the plan is 1 h 1 s old when it is run, and approval.expires is 1 h"


def test_files_that_are_missing_are_named(office):
    signature = office.sign("cleo")
    missing = office.refusal(signature, loaded=office.loaded(signers="nobody"))
    revoked = office.refusal(signature, loaded=office.loaded(revoked="nothing"))

    assert missing == "cannot read approval.signers nobody: No such file or directory"
    assert revoked == "cannot read approval.revoked nothing: No such file or directory"


@pytest.mark.parametrize("which", ["signers", "revoked"])
def test_a_list_of_keys_without_an_end_is_refused(office, which):
    """It is read while the run holds its accounts."""
    os.mkfifo(office.folder / "pipe")
    (office.folder / "endless").symlink_to("/dev/zero")
    (office.folder / "large").write_bytes(b"#" * (16 * 2**20 + 1))
    signature = office.sign("cleo")
    said = [office.refusal(signature, loaded=office.loaded(**{which: name})) for name in ("pipe", "endless", "large")]

    assert said == [
        f"cannot read approval.{which} pipe: it is not a regular file",
        f"cannot read approval.{which} endless: it is not a regular file",
        f"cannot read approval.{which} large: it is larger than 16 MiB",
    ]


def test_a_signature_without_an_end_is_no_signature(office):
    files = read_signatures([Path("/dev/zero")])
    consent = Consent(proposal=proposals.read(json.loads(office.plan), office.plan), signatures=files)
    with pytest.raises(Refused, match="it is not a complete SSH signature"):
        check_signatures(office.loaded(), consent, time.time())
    with pytest.raises(PlanInvalid, match="/dev/zero is not a plan"):
        read_plan(Path("/dev/zero"))


def test_a_signature_may_come_from_a_pipe(office):
    """A run that waits for its time checks it twice."""
    ours, theirs = os.pipe()
    os.write(theirs, office.sign("cleo"))
    os.close(theirs)
    files = read_signatures([Path(f"/dev/fd/{ours}")])
    os.close(ours)
    consent = Consent(proposal=proposals.read(json.loads(office.plan), office.plan), signatures=files)
    found = [check_signatures(office.loaded(), consent, time.time()) for _ in range(2)]

    assert [one.by for signatures in found for one in signatures] == ["cleo@example.com"] * 2


def test_without_ssh_keygen_its_package_is_named(office, monkeypatch):
    signature = office.sign("cleo")
    monkeypatch.setenv("PATH", str(office.folder))
    with pytest.raises(Refused) as refused:
        office.check(signature)

    assert refused.value.message == "approvals need ssh-keygen, and it is not installed here"
    assert (
        refused.value.next_step == "install the package openssh-client (openssh-clients on Fedora, openssh on Alpine)"
    )


def test_a_user_without_a_name_is_told_so(office, monkeypatch):
    """A container may run as a mere number."""
    signature, program = office.sign("cleo"), office.folder / "ssh-keygen"
    program.write_text("#!/bin/sh\necho No user exists for uid 10001. >&2\nexit 255\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(office.folder), prepend=":")

    assert office.refusal(signature) == (
        "ssh-keygen only works for users with a name, and this process's user has none"
    )


class Forger:
    """Approvals that are none, drawn at random: a signature, and the plan that it is brought with."""

    def __init__(self, office, seed):
        self._draw = random.Random(seed)
        self._office = office
        self._plans = [plan_file(nonce=f"{number:02x}") for number in range(1, 9)]
        bad = ("ann", "ben", "old", "young", "other", "any", "gone", "stranger")
        self.good = office.sign("cleo")
        # Made once: one takes as long as a check.
        self._others = [office.sign(name) for name in bad]
        self._others += [office.sign("cleo", namespace=name) for name in ("git", "file", "campaign-orchestrato")]
        self._others += [office.sign(name, plan) for plan in self._plans for name in ("cleo", "dan")]

    def forged(self):
        kind = self._draw.choice((self._other, self._flipped, self._cut, self._spliced, self._on_changed_plan))
        return kind()

    def _other(self):
        return self._draw.choice(self._others), self._office.plan

    def _flipped(self):
        # Not where it stays the same signature: behind the last dash, at the end of a line, and in the number of the
        # format, of which ssh-keygen takes 0 for 1.
        head = len(b"-----BEGIN SSH SIGNATURE-----\n")
        fixed = range(head + len(b64encode(b"SSHSIG")), head + len(b64encode(b"SSHSIG" + bytes(4)).rstrip(b"=")))
        places = [n for n, byte in enumerate(self.good.rstrip()) if byte != ord("\n") and n not in fixed]
        place, bit = self._draw.choice(places), 1 << self._draw.randrange(8)
        changed = bytes([self.good[place] ^ bit])
        return self.good[:place] + changed + self.good[place + 1 :], self._office.plan

    def _cut(self):
        return self.good[: self._draw.randrange(len(self.good.rstrip()))], self._office.plan

    def _spliced(self):
        lines, others = self.good.splitlines(keepends=True), self._draw.choice(self._others).splitlines(keepends=True)
        place = self._draw.randrange(1, len(lines) - 1)
        return b"".join([*lines[:place], *others[place:]]), self._office.plan

    def _on_changed_plan(self):
        plan = self._draw.choice(self._plans)
        return (self.good, plan) if self._draw.random() < 0.5 else (self.good, self._office.plan + b"\n")


@pytest.mark.parametrize("number", [300, pytest.param(10_000, marks=pytest.mark.soak)])
def test_of_many_approvals_the_good_one_is_accepted(office, number):
    forger, loaded = Forger(office, number), office.loaded()
    good = random.Random(number).randrange(number)
    accepted = []
    for one in range(number):
        signature, plan = (forger.good, office.plan) if one == good else forger.forged()
        with suppress(Refused):
            office.check(signature, plan=plan, loaded=loaded)
            accepted.append(one)

    assert accepted == [good]
