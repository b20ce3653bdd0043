from base64 import b64encode

import pytest

from orchestrator.core.plan.approvers import all_names, certificate_of, fingerprint, lines_of, names_of_key

KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIGqP0Zm"
OTHER = "AAAAC3NzaC1lZDI1NTE5AAAAIGqP0Zn0"


@pytest.mark.parametrize("line", [
    "ann,a ssh-ed25519 {key}", "  ann,a\tssh-ed25519\t{key}\tcomment", '"ann,a" valid-before="2030",x="y z" k {key}',
    "ann,a k {key}\r", "ann,a k {key} AAAA",
])  # fmt: skip
def test_a_line_has_names_and_a_key(line):
    (found,) = lines_of(line.format(key=KEY).encode())

    assert found.names == ("ann", "a")
    assert fingerprint(KEY) in found.keys
    assert not found.is_authority


@pytest.mark.parametrize("line", ["", "   ", "# ann k {key}", '"ann k {key}', '"" k {key}'])
def test_a_line_without_a_name_names_nobody(line):
    assert names_of_key(fingerprint(KEY), lines_of(line.format(key=KEY).encode())) == []


@pytest.mark.parametrize(("options", "is_authority"), [
    ("cert-authority", True), ('namespaces="a",Cert-Authority', True), ('cert-authority,valid-after="2030"', True),
    ('namespaces=" cert-authority "', False), ("", False),
])  # fmt: skip
def test_an_authority_is_told_by_its_option(options, is_authority):
    (found,) = lines_of(f"ann {options} k {KEY}".encode())

    assert found.is_authority is is_authority


def test_who_shares_a_name_is_one_person_but_for_authorities():
    lines = lines_of(f"a,b k {KEY}\nB,c k {OTHER}\nc,d cert-authority k {KEY}\ne k {KEY}\nc@x,f k {OTHER}".encode())

    assert all_names(["a"], lines) == ("a", "b", "B", "c", "c@x", "f")
    assert all_names(["e"], lines) == ("e",)


@pytest.mark.parametrize("signature", [b"", b"x", b"-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----"])
def test_a_signature_may_have_no_certificate(signature):
    assert certificate_of(signature) == b""


def text(content):
    """As in SSH's formats: the length in four bytes, and the bytes."""
    return len(content).to_bytes(4, "big") + content


def signature_of(kind):
    key = text(kind) + text(b"x" * 300)
    blob = b"SSHSIG" + (1).to_bytes(4, "big") + text(key) + text(b"campaign-orchestrator") + text(b"the signature")
    return b"-----BEGIN SSH SIGNATURE-----\n" + b64encode(blob) + b"\n-----END SSH SIGNATURE-----\n", key


def test_a_certificate_is_taken_out_of_its_signature():
    kind = b"ssh-ed25519-cert-v01@openssh.com"
    signature, key = signature_of(kind)

    assert certificate_of(signature) == kind + b" " + b64encode(key) + b"\n"
    assert certificate_of(signature_of(b"ssh-ed25519")[0]) == b""


def test_names_are_those_of_all_lines_of_the_key():
    lines = lines_of(f"ann,a k {KEY}\nben k {OTHER}\ncleo k {KEY}".encode())

    assert names_of_key(fingerprint(KEY), lines) == ["ann", "a", "cleo"]
    assert names_of_key("SHA256:x", lines) == []


def test_a_byte_order_mark_is_no_part_of_a_name():
    (line,) = lines_of(b"\xef\xbb\xbfann k " + KEY.encode())
    assert line.names == ("ann",)


def test_a_fingerprint_is_that_of_ssh_keygen():
    assert fingerprint("AAAA") == "SHA256:cJ6AyISHokEeHuTfufIqhhSS0gxHZRUMDHlKvXD4FHw"
    assert fingerprint("A") == ""
