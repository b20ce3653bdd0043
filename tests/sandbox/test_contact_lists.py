"""Contact lists of the sandbox, read by the real client over HTTP and by the rehearsals' in virtual time."""

import asyncio
import json

import pytest

from orchestrator.clock import SystemClock
from orchestrator.kore.auth import Credential, TokenMinter
from orchestrator.kore.client import KoreClient
from orchestrator.kore.connection_pool import ConnectionPool
from orchestrator.model import CallTarget, CampaignType, ContactList, Lane
from orchestrator.rehearsal.network import CallFate, VirtualApi
from orchestrator.rehearsal.virtual_loop import VirtualClock, run_virtually
from orchestrator.sandbox import contact_lists as theirs
from orchestrator.sandbox.platform import Account, Campaign, Platform, World
from orchestrator.sandbox.server import SandboxServer
from orchestrator.sandbox.world import WorldError, load_world

ACCOUNT = Account("a1", "cs-1", "s" * 32)
OTHER = Account("a2", "cs-2", "t" * 32)
TARGET = CallTarget(Lane("x a1"), "a1", "st-1", "st-1", CampaignType.SMS, "cd-1")


def campaign(name, *lists, **more):
    return Campaign("st-1", name, name.upper(), "a1", contact_lists=lists, **more)


WORLD = World(
    (ACCOUNT, OTHER),
    (
        campaign("cd-1", "VIP", "Rest", recipients=2001),
        campaign("cd-2", "VIP", "Feed", status="Active"),
        campaign("cd-3"),
        Campaign("st-2", "cd-4", "CD-4", "a1", contact_lists=("VIP",)),
        Campaign("st-3", "cd-5", "CD-5", "a2", contact_lists=("VIP",)),
    ),
    (
        theirs.ContactList("st-1", "Feed", "a1", 700, source="passiveApi"),
        theirs.ContactList("st-1", "Unused", "a1", 5, status="Validating"),
    ),
)


def shown(name, records, *users, status="Ready", source="localDrive"):
    identity = theirs.ContactList("st-1", name, "a1").id
    return ContactList(identity, name, records, status, bool(users), users, source, "2025-06-01T00:00:00.000Z")


EXPECTED = {
    shown("Feed", None, "cd-2", source="passiveApi"),
    shown("Unused", 5, status="Validating"),
    shown("VIP", 1001, "cd-1", "cd-2"),
    shown("Rest", 1000, "cd-1"),
}


async def over_http(world, target):
    credentials = {"a1": Credential("cs-1", "s" * 32)}
    clock = SystemClock()
    async with (
        SandboxServer(world) as server,
        KoreClient(
            server.url, TokenMinter(credentials, clock), clock,
            connect_timeout=5.0, total_timeout=5.0, pool=ConnectionPool(10),
        ) as client,
    ):  # fmt: skip
        return await client.contact_lists(target), server.platform.arrivals["a1"].record()["arrivals"]


def in_virtual_time(world, target):
    async def read():
        platform, clock = Platform(world), VirtualClock(0.0, asyncio.get_running_loop())
        api = VirtualApi(platform, clock, lambda _: CallFate(), 5.0)
        return await api.contact_lists(target), platform.arrivals["a1"].record()["arrivals"]

    return run_virtually(read())


async def test_the_real_client_reads_all_lists_in_one_counted_call():
    read, arrivals = await over_http(WORLD, TARGET)
    assert (set(read.lists or ()), arrivals) == (EXPECTED, 1)


def test_a_rehearsal_reads_the_same_lists_in_one_counted_call():
    read, arrivals = in_virtual_time(WORLD, TARGET)
    assert (set(read.lists or ()), arrivals) == (EXPECTED, 1)


async def test_another_accounts_lists_are_not_shown():
    read, _ = await over_http(WORLD, CallTarget(Lane("x a1"), "a1", "st-3", "st-3", CampaignType.SMS))
    assert (read.lists, read.answer.http_status) == (None, 401)


def test_a_world_file_sets_sizes_and_what_campaigns_send(tmp_path):
    path = tmp_path / "world.json"
    world = {
        "accounts": [{"account_id": "a1", "client_id": "cs-1", "secret": "s" * 32}],
        "campaigns": [
            {"account_id": "a1", "stream": "st-1", "campaign": "cd-1", "contact_lists": ["A", "B", "A"]},
            {"account_id": "a1", "stream": "st-1", "campaign": "cd-2", "contact_lists": ["A", "C"]},
        ],
        "contact_lists": [
            {"account_id": "a1", "stream": "st-1", "name": "A", "records": 10, "status": "Validated"},
            {"account_id": "a1", "stream": "st-1", "name": "B", "records": 0},
        ],
    }
    path.write_text(json.dumps(world), encoding="utf-8")
    loaded = load_world(path)
    assert [one.recipients for one in loaded.campaigns] == [10, 3600]
    assert [(one.name, one.records, one.status) for one in loaded.contact_lists] == [
        ("A", 10, "Validated"),
        ("B", 0, "Ready"),
    ]


@pytest.mark.parametrize("wrong", [{"records": -1}, {"records": True}, {"records": "10"}, {"name": ""}, {"size": 1}])
def test_a_contact_list_that_cannot_be_is_refused(tmp_path, wrong):
    path = tmp_path / "world.json"
    world = {
        "accounts": [{"account_id": "a1", "client_id": "cs-1", "secret": "s" * 32}],
        "campaigns": [{"account_id": "a1", "stream": "st-1", "campaign": "cd-1"}],
        "contact_lists": [{"account_id": "a1", "stream": "st-1", "name": "A"} | wrong],
    }
    path.write_text(json.dumps(world), encoding="utf-8")
    with pytest.raises(WorldError):
        load_world(path)
