import sys
import traceback

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from orchestrator.core.manifest.models import Account, SecretRef
from orchestrator.errors import CredentialError
from orchestrator.kore.auth import LIFETIME, Credential, TokenMinter, refuse_unset_variables, resolve_credential
from tests.raw_server import ACCOUNT, NOW, StillClock

SECRET = "canary-" + "0123456789abcdef" * 5
CLIENT = "cs-0a1b2c3d-aaaa-5bbb-8ccc-0123456789ab"


@pytest.fixture(scope="module")
def pair():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return private, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def minter(secret: str = SECRET, algorithm: str = "HS256", at: float = NOW):
    return TokenMinter({ACCOUNT: Credential(CLIENT, secret, algorithm)}, StillClock(at))


def read(token: str, key: str = SECRET, algorithm: str = "HS256"):
    unchecked = {"verify_exp": False, "verify_iat": False}
    return jwt.decode(token, key, algorithms=[algorithm], options=unchecked)


def account(**references):
    client_id = {"client_id": SecretRef(command=("echo", CLIENT))}
    return Account.model_validate({"account_id": ACCOUNT, **client_id, **references})


def refusal(call) -> CredentialError:
    with pytest.raises(CredentialError) as caught:
        call()
    shown = "".join(traceback.format_exception(caught.value)) + caught.value.message + caught.value.next_step
    assert "canary" not in shown
    assert caught.value.exit_code == 7
    return caught.value


# Tokens


def test_a_token_claims_what_every_recipe_variant_asks_for():
    claims = read(minter(at=NOW + 0.9).mint(ACCOUNT))

    assert {"appId", "iss", "sub", "iat", "exp", "jti"} == set(claims)
    assert [claims["appId"], claims["iss"], claims["sub"]] == [CLIENT] * 3
    assert (int(NOW), int(NOW) + 300, 300) == (claims["iat"], claims["exp"], LIFETIME)


def test_no_two_tokens_share_a_jti_even_at_the_same_instant():
    one = minter()

    assert len({read(one.mint(ACCOUNT))["jti"] for _ in range(1000)}) == 1000


@pytest.mark.parametrize("algorithm", ["HS256", "HS512"])
def test_a_shared_secret_signs(algorithm):
    token = minter(algorithm=algorithm).mint(ACCOUNT)

    assert algorithm == jwt.get_unverified_header(token)["alg"]
    assert read(token, SECRET, algorithm)["appId"] == CLIENT


@pytest.mark.parametrize("algorithm", ["RS256", "RS512"])
def test_a_private_key_signs(pair, algorithm):
    token = minter(pair[0], algorithm).mint(ACCOUNT)

    assert algorithm == jwt.get_unverified_header(token)["alg"]
    assert read(token, pair[1], algorithm)["appId"] == CLIENT


@pytest.mark.parametrize("algorithm", ["RS256", "RS512"])
def test_a_shared_secret_is_no_private_key(algorithm):
    error = refusal(lambda: minter(SECRET, algorithm).mint(ACCOUNT))

    assert algorithm in error.message


@pytest.mark.parametrize("algorithm", ["HS256", "HS512"])
def test_a_public_key_is_no_shared_secret(pair, algorithm):
    refusal(lambda: minter(pair[1], algorithm).mint(ACCOUNT))


def test_a_secret_that_is_no_text_is_refused():
    refusal(lambda: minter(SECRET + "\udcff").mint(ACCOUNT))


def test_a_credential_does_not_show_its_secret():
    assert "canary" not in repr(Credential(CLIENT, SECRET))


@pytest.mark.parametrize(("length", "algorithm"), [(44, "HS512"), (24, "HS256")])
def test_a_short_secret_signs_in_silence(length, algorithm):
    minter("s" * length, algorithm).mint(ACCOUNT)


# References


def test_an_environment_variable_holds_the_secret(tmp_path, monkeypatch):
    monkeypatch.setenv("KORE_SECRET", f" {SECRET}\n")
    found = resolve_credential("main", account(client_secret=SecretRef(env="KORE_SECRET"), algorithm="HS512"), tmp_path)

    assert Credential(CLIENT, SECRET, "HS512") == found


@pytest.mark.parametrize("value", [None, "", " \n"])
def test_an_unset_or_empty_variable_is_refused_by_name(tmp_path, monkeypatch, value):
    monkeypatch.delenv("KORE_SECRET", raising=False)
    if value is not None:
        monkeypatch.setenv("KORE_SECRET", value)
    error = refusal(lambda: resolve_credential("main", account(client_secret=SecretRef(env="KORE_SECRET")), tmp_path))

    assert "accounts.main.client_secret: environment variable KORE_SECRET is unset or empty" in error.message


def test_a_file_is_found_beside_the_manifest_and_at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    (tmp_path / "secret").write_text(f"{SECRET}\n", encoding="utf-8")
    (tmp_path / "home" / "secret").write_text(f"{SECRET}-2\n", encoding="utf-8")

    for name, secret in (("secret", SECRET), (str(tmp_path / "secret"), SECRET), ("~/secret", f"{SECRET}-2")):
        assert secret == resolve_credential("m", account(client_secret=SecretRef(file=name)), tmp_path).secret


@pytest.mark.parametrize("name", ["missing", "directory", "not-text", "empty"])
def test_a_bad_file_is_refused_by_name(tmp_path, name):
    (tmp_path / "directory").mkdir()
    (tmp_path / "not-text").write_bytes(b"canary\xff\xfe")
    (tmp_path / "empty").write_bytes(b"\n")
    error = refusal(lambda: resolve_credential("main", account(client_secret=SecretRef(file=name)), tmp_path))

    assert error.message.startswith("accounts.main.client_secret: ")
    assert name in error.message


def test_a_file_in_nobodys_home_is_refused(tmp_path):
    named = account(client_secret=SecretRef(file="~no-such-user-here/secret"))
    refusal(lambda: resolve_credential("main", named, tmp_path))


def test_a_command_prints_the_secret_where_the_manifest_lies(tmp_path):
    (tmp_path / "secret").write_text(SECRET, encoding="utf-8")

    assert (
        resolve_credential("m", account(client_secret=SecretRef(command=("cat", "secret"))), tmp_path).secret == SECRET
    )


def test_a_commands_arguments_meet_no_shell(tmp_path):
    found = resolve_credential("m", account(client_secret=SecretRef(command=("echo", "$HOME; `id`"))), tmp_path)

    assert found.secret == "$HOME; `id`"


@pytest.mark.parametrize(
    "command",
    [
        ("no-such-command-here",),
        (sys.executable, "-c", "import sys; print('canary'); sys.stderr.write('canary'); sys.exit(3)"),
        (sys.executable, "-c", "import sys; sys.stdout.buffer.write(b'canary\\xff')"),
        ("true",),
    ],
    ids=["missing", "fails", "not text", "prints nothing"],
)
def test_a_bad_command_is_refused_by_name_and_not_quoted(tmp_path, command):
    error = refusal(lambda: resolve_credential("main", account(client_secret=SecretRef(command=command)), tmp_path))

    assert error.message.startswith("accounts.main.client_secret: ")
    assert command[0] in error.message


def test_a_command_that_hangs_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("orchestrator.kore.auth._COMMAND_SECONDS", 0.1)
    error = refusal(
        lambda: resolve_credential(
            "main", account(client_secret=SecretRef(command=("tail", "-f", "/dev/null"))), tmp_path
        )
    )

    assert "TimeoutExpired" in error.message


@pytest.mark.parametrize("inside", ["\n", "\r\n", "\r", "\0", "\t", "\x1b", "\x7f", "\x85", "\u2028"])
@pytest.mark.parametrize("key", ["client_id", "client_secret"])
def test_a_value_with_a_control_character_in_it_is_refused(tmp_path, key, inside):
    (tmp_path / "value").write_bytes(f"canary-1{inside}canary-2\n".encode())
    references = {"client_secret": SecretRef(env="HOME"), key: SecretRef(file="value")}
    error = refusal(lambda: resolve_credential("main", account(**references), tmp_path))

    assert error.message == f"accounts.main.{key}: file value contains a line break or another control character"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n", " ", "\t"])
def test_white_space_around_a_value_is_no_part_of_it(tmp_path, end):
    (tmp_path / "value").write_bytes(f"{SECRET}{end}".encode())

    assert resolve_credential("m", account(client_secret=SecretRef(file="value")), tmp_path).secret == SECRET


MARK = b"\xef\xbb\xbf"


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
@pytest.mark.parametrize("way", ["file", "command", "env"])
def test_an_editors_mark_is_no_part_of_a_value(tmp_path, monkeypatch, way, end):
    (tmp_path / "value").write_bytes(MARK + SECRET.encode() + end)
    monkeypatch.setenv("KORE_SECRET", "\ufeff" + SECRET)
    reference = {"file": {"file": "value"}, "command": {"command": ("cat", "value")}, "env": {"env": "KORE_SECRET"}}
    named = account(client_secret=SecretRef.model_validate(reference[way]))

    assert resolve_credential("m", named, tmp_path).secret == SECRET


def test_a_key_in_pem_is_read_without_an_editors_mark(tmp_path, pair):
    (tmp_path / "key.pem").write_bytes(MARK + pair[0].encode())
    named = account(client_secret=SecretRef(file="key.pem"), algorithm="RS256")

    assert resolve_credential("m", named, tmp_path).secret == pair[0].strip()


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_refused_by_its_name(tmp_path, codec):
    (tmp_path / "value").write_bytes("canary-secret\r\n".encode(codec))
    error = refusal(
        lambda: resolve_credential("main", account(client_secret=SecretRef(command=("cat", "value"))), tmp_path)
    )

    assert error.message == "accounts.main.client_secret: command cat is UTF-16 text"


@pytest.mark.parametrize("hidden", ["\u200b", "\ufeff", "\xad", "\u202e"])
def test_an_invisible_character_in_a_value_is_named(tmp_path, hidden):
    (tmp_path / "value").write_text(f"canary-1{hidden}canary-2\n", encoding="utf-8")
    error = refusal(lambda: resolve_credential("main", account(client_secret=SecretRef(file="value")), tmp_path))

    code = f"U+{ord(hidden):04X}"
    assert error.message == f"accounts.main.client_secret: file value contains an invisible character ({code})"


def test_a_key_in_pem_holds_no_nul(tmp_path, pair):
    (tmp_path / "key.pem").write_text(pair[0].replace("\n", "\n\0", 1), encoding="utf-8")
    named = account(client_secret=SecretRef(file="key.pem"), algorithm="RS256")

    assert "control character" in refusal(lambda: resolve_credential("main", named, tmp_path)).message


@pytest.mark.parametrize("command", [("./secret.sh",), ("sh", "secret.sh")], ids=["by itself", "by a shell"])
def test_a_secrets_script_with_windows_line_ends_is_named(tmp_path, command):
    (tmp_path / "secret.sh").write_bytes(b"#!/bin/sh\r\nset -e\r\necho canary\r\n")
    (tmp_path / "secret.sh").chmod(0o755)
    error = refusal(lambda: resolve_credential("main", account(client_secret=SecretRef(command=command)), tmp_path))

    assert f"the lines of {command[-1]} end with CR LF, as on Windows: save it with LF only" in error.message


def test_a_key_in_pem_keeps_its_lines(tmp_path, pair):
    (tmp_path / "key.pem").write_text(pair[0], encoding="utf-8")
    named = account(client_secret=SecretRef(file="key.pem"), algorithm="RS256")

    assert resolve_credential("m", named, tmp_path).secret == pair[0].strip()


@pytest.mark.parametrize("missing", ["client_id", "client_secret"])
def test_a_missing_reference_is_refused_with_what_to_write(tmp_path, missing):
    both = {"client_id": SecretRef(env="A"), "client_secret": SecretRef(env="B")}
    named = Account.model_validate({"account_id": ACCOUNT, **both, missing: None})
    error = refusal(lambda: resolve_credential("main", named, tmp_path))

    assert "accounts.main" in error.next_step


def test_all_unset_variables_are_named_at_once(monkeypatch):
    for name in ("KORE_ONE", "KORE_TWO"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KORE_SET", "x")
    accounts = {
        "acme": account(client_id=SecretRef(env="KORE_ONE"), client_secret=SecretRef(env="KORE_SET")),
        "beta": account(client_id=SecretRef(env="KORE_SET"), client_secret=SecretRef(env="KORE_TWO")),
    }
    error = refusal(lambda: refuse_unset_variables(accounts))

    assert error.message == (
        "2 environment variables are unset or empty: "
        "KORE_ONE (accounts.acme.client_id), KORE_TWO (accounts.beta.client_secret)"
    )
    assert error.next_step == "set KORE_ONE, KORE_TWO, then run again"
