import base64
import random
import uuid

import pytest

from orchestrator.core.secrecy import (
    is_secret_path,
    names_secret_key,
    resembles_secret,
    variables_of_secrets,
    without_secrets,
)

SECRET_PATHS = ["accounts.acme.client_secret", "accounts.acme.client_id.env", "accounts.acme.clientSecret",
                "accounts.acme.key", "environments.staging.accounts.acme.private_key", "api_key",
                "ledger.password"]  # fmt: skip
OPEN_PATHS = [
    "accounts.acme.account_id",
    "accounts.acme.rate[0]",
    "accounts.acme",
    "campaigns[0].stream",
    "waves[0].pass",
]


@pytest.mark.parametrize("path", SECRET_PATHS)
def test_a_secret_and_an_unknown_key_of_an_account_are_secret(path):
    assert is_secret_path(path)


@pytest.mark.parametrize("path", OPEN_PATHS)
def test_other_places_are_open(path):
    assert not is_secret_path(path)


@pytest.mark.parametrize(
    "line", ["client_secret: abc", '"client_id": "cs-1"', "client_secret: {env: s3cret}", "x_token: 1"]
)
def test_a_line_with_a_key_of_a_secret_names_one(line):
    assert names_secret_key(line)


@pytest.mark.parametrize(
    "line",
    [
        "acme: {account_id: x, client_id: {env: KORE_ID}, client_secret: {env: KORE_ACME_CLIENT_SECRET}}",
        '{"client_secret": {"file": "~/.kore/key"}}',
        "waves: [{name: canary, pass: {started: 100%}}]",
    ],
)
def test_a_plain_reference_to_a_secret_is_no_secret(line):
    assert not names_secret_key(line)


def test_random_keys_of_any_kind_look_like_secrets():
    source = random.Random(7)
    keys = [base64.b64encode(source.randbytes(32)).decode() for _ in range(300)]
    keys += [base64.urlsafe_b64encode(source.randbytes(32)).decode() for _ in range(300)]
    keys += [source.randbytes(16).hex() for _ in range(300)]
    assert [key for key in keys if not resembles_secret(key)] == []


@pytest.mark.parametrize("text", ["eyJhbGciOiJIUzI1NiJ9.e30.x", "https://me:pw@host/", "-----BEGIN PRIVATE KEY-----"])
def test_tokens_addresses_and_pem_look_like_secrets(text):
    assert resembles_secret(f"x {text}")


def test_ids_and_names_do_not_look_like_secrets():
    source = random.Random(7)
    ids = [f"st-{uuid.UUID(int=source.getrandbits(128))}" for _ in range(300)]
    ids += [source.randbytes(12).hex() for _ in range(300)]
    ids += [
        "Spring-Renewal-2026-March-East",
        "https://platform.kore.ai",
        "KoreSpring2026Renewal",
        "a" * 60,
        "AB1CD2EF3GH4IJ5KL6MN7OP",
    ]
    assert [one for one in ids if resembles_secret(one)] == []


def test_only_the_word_that_is_a_secret_is_masked():
    assert without_secrets(f"no account is called '{'5f0c3a' * 7}'") == "no account is called '[redacted]'"


def test_variables_that_a_manifest_refers_to_are_known():
    text = """client_id: {env: KORE_ID}, client_secret: {"env": 'own_Name2'}, environment: x"""
    assert variables_of_secrets(text) == {"KORE_ID", "own_Name2"}


def test_a_known_secret_is_masked_whatever_it_looks_like():
    known = ["hunter2", "two words"]

    assert resembles_secret("x-hunter2-y", known)
    assert not resembles_secret("x", known)
    assert without_secrets("hunter2 or xhunter2x, two words, two", known) == (
        "[redacted] or x[redacted]x, [redacted], two"
    )
