import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from orchestrator.sandbox.gate import Gate
from orchestrator.sandbox.platform import Account, Call
from orchestrator.sandbox.world import world_of

CREDENTIALS = {"errors": [{"msg": "Invalid SDK credentials", "code": 4002}]}
NOT_A_TOKEN = {"errors": [{"msg": "Invalid JWT token", "code": 4002}]}
LONG_LIVED = {"errors": [{"msg": 'error verifying the jwt: if "jti" claim "exp" must be <= 1 hour(s)', "code": 401}]}
REPLAY = {"errors": [{"msg": "error verifying the jwt: possibly a replay", "code": 401}]}
CAMPAIGN = ("a1", "st-1", "cd-1", "One", "sms")


@pytest.mark.parametrize("missing", ["auth", "iid", "accountId"])
async def test_every_header_is_required(client, missing):
    headers = client.signed()
    del headers[missing]
    assert await client.trigger(headers=headers) == (401, CREDENTIALS)


@pytest.mark.parametrize("token", ["Bearer nonsense", "a.b.c", "t\u00f6ken", "\udcff.x.y"])
async def test_what_is_no_token_is_named_so(client, token):
    refusal = Gate(client.server.platform, time.time).refusal(
        Call("start", client.account.account_id, client.stream, client.campaign),
        client.signed(auth=token),
        right_method=True,
    )
    assert (refusal.http_status, refusal.json) == (401, NOT_A_TOKEN)


async def test_what_is_no_token_is_named_so_over_http(client):
    assert await client.trigger(headers=client.signed(auth="Bearer nonsense")) == (401, NOT_A_TOKEN)


async def test_a_token_without_an_id_may_be_used_again(client):
    claims = {"appId": client.account.client_id, "exp": int(time.time()) + 60}
    headers = client.signed(auth=jwt.encode(claims, client.account.secret, algorithm="HS256"))
    assert (await client.trigger(headers=headers))[0] == 200
    assert (await client.trigger("stop", headers=headers))[0] == 200


@pytest.mark.parametrize(
    ("claims", "body"),
    [
        ({"appId": "cs-of-somebody-else"}, CREDENTIALS),
        ({"appId": None}, CREDENTIALS),
        ({"exp": 1}, CREDENTIALS),
        ({"exp": 2**40}, LONG_LIVED),
        ({"exp": None}, LONG_LIVED),
        ({"exp": float("nan")}, LONG_LIVED),
    ],
)
async def test_wrong_claims_are_401(client, claims, body):
    assert await client.trigger(headers=client.signed(auth=client.token(**claims))) == (401, body)


async def test_another_secret_is_401(client):
    claims = {"appId": client.account.client_id, "exp": int(time.time()) + 60}
    token = jwt.encode(claims, "x" * 32, algorithm="HS256")
    assert await client.trigger(headers=client.signed(auth=token)) == (401, CREDENTIALS)


async def test_another_algorithm_is_401(client):
    claims = {"appId": client.account.client_id, "exp": int(time.time()) + 60}
    token = jwt.encode(claims, client.account.secret + "0" * 32, algorithm="HS512")
    assert await client.trigger(headers=client.signed(auth=token)) == (401, CREDENTIALS)


async def test_a_token_id_works_once(client):
    headers = client.signed()
    assert (await client.trigger(headers=headers))[0] == 200
    assert await client.trigger("stop", headers=headers) == (401, REPLAY)
    assert (await client.trigger("stop"))[0] == 200


async def test_the_campaign_of_another_account_is_401(client):
    other = client.server.platform.world.campaigns[-1]
    client.stream = other.stream
    assert await client.trigger(campaign=other.id) == (401, CREDENTIALS)
    assert await client.list() == (401, CREDENTIALS)


async def test_an_unknown_account_is_401(client):
    assert await client.trigger(headers=client.signed(accountId="f" * 24)) == (401, CREDENTIALS)


async def test_hs512_accounts(open_client):
    client = await open_client(world_of([("a1", "cs-1", "s" * 64, "HS512")], [CAMPAIGN]))
    assert (await client.trigger())[0] == 200


@pytest.mark.parametrize("algorithm", ["RS256", "RS512"])
async def test_rsa_accounts(open_client, algorithm):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    client = await open_client(world_of([("a1", "cs-1", public.decode(), algorithm)], [CAMPAIGN]))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    client.account = Account("a1", "cs-1", private.decode(), algorithm)
    assert (await client.trigger())[0] == 200
