"""The words of faults across records: at that moment, these sentences are a person's only help."""

import pytest

from orchestrator.core.manifest.checks import Issue
from orchestrator.core.manifest.parse import parse
from tests.core.manifest.test_models import SECRETS, account, raw

KORE = {"host": "https://kore.example"}
ROW = {"stream": "s", "campaign": "c"}
TWO_ACCOUNTS = {"acme": {"account_id": "1"}, "beta": {"account_id": "1"}}
OUT = "write the full path; ~ is the home folder"
SEVEN = {"instance": "cid-7"}
SECRET_HINT = "write one of {env: …}, {file: …}, {command: […]}"


@pytest.mark.parametrize(
    ("changes", "issue"),
    [
        (
            {"campaigns": {}},
            Issue(("campaigns",), "must be a list", "write each campaign as - {stream: …, campaign: …}"),
        ),
        (
            {**KORE, **account(**SECRETS), "sandbox": {}},
            Issue(("sandbox",), "is only for host: sandbox", "remove it, or write host: sandbox"),
        ),
        (
            {**KORE, **account(client_id={"env": "ID"})},
            Issue(("accounts", "acme", "client_secret"), "is missing: this host needs it", "write {env: NAME}"),
        ),
        (
            {"accounts": TWO_ACCOUNTS},
            Issue(
                ("accounts", "beta", "account_id"),
                "is the id of another account, too: both would use one rate limit", "",
                ("accounts", "acme", "account_id"),
            ),
        ),
        (
            {"accounts": {"acme": {"account_id": "67777c"}, "beta": {"account_id": "67777C"}}},
            Issue(
                ("accounts", "beta", "account_id"),
                "is the id of another account, too, except for upper and lower case: both would use one rate limit", "",
                ("accounts", "acme", "account_id"),
            ),
        ),
        *(
            (
                {"preflight": {"require_dnc": True, "check": check}},
                Issue(
                    ("preflight", "require_dnc"), "needs check: list",
                    "only the list shows a campaign's DNC lists",
                ),
            )
            for check in ("status", "off")
        ),
        ({"campaigns": [ROW, ROW]}, Issue(("campaigns", 1), "s/c is listed twice", "", ("campaigns", 0))),
        (
            {"defaults": {}, "campaigns": [ROW]},
            Issue(("campaigns", 0), "has no account", "write account: NAME, or defaults: {account: NAME}"),
        ),
        (
            {"waves": [{"name": "w"}, {"name": "w"}]},
            Issue(("waves", 1, "name"), "'w' names two waves", "", ("waves", 0, "name")),
        ),
        (
            {"waves": [{"name": "w", "tags": ["nobody"]}]},
            Issue(("waves", 0, "tags"), "no campaign has the tag 'nobody'", "known here: canary"),
        ),
        ({"campaigns": []}, Issue((), "has no campaigns", "add campaigns or campaigns_from")),
        (
            {"campaigns": [{**ROW, "window": "day"}], "windows": {"days": {"zones": ["UTC"], "hours": "09:00-20:00"}}},
            Issue(("campaigns", 0, "window"), "no window is called 'day'", "did you mean 'days'?"),
        ),
        (
            {"defaults": {"account": "acme", "window": "day"}, "windows": {}},
            Issue(("defaults", "window"), "no window is called 'day'", ""),
        ),
        *(
            (
                {"preflight": {"check": check}, "campaigns": [ROW, {**ROW, "campaign": "d", "rerun": SEVEN}]},
                Issue(("campaigns", 1, "rerun"), "needs preflight.check: list", "only the list shows an instance"),
            )
            for check in ("status", "off")
        ),
        *(
            (
                {"campaigns": [{**ROW, "rerun": written}]},
                Issue(("campaigns", 0, "rerun"), message, "plan prints the instance"),
            )
            for written, message in (
                ("yes", "must be true, false or {instance: ID}"),
                ({}, "must be true, false or {instance: ID}"),
                ({"instance": "cid-7", "stream": "s"}, "must be true, false or {instance: ID}"),
                ({"instance": 7}, "must name an instance by its id"),
                ({"instance": "cid 7"}, "must name an instance by its id"),
            )
        ),
        (
            {"launch": "a b"},
            Issue(
                ("launch",), "can only contain letters, digits, '.', '_' and '-', at most 128 of them",
                "begin with a letter or a digit",
            ),
        ),
        (
            {"waves": [{"name": "w", "campaigns": ["cd-1"], "tags": ["canary"]}]},
            Issue(("waves", 0, "campaigns", 0), "must name one campaign", "write it as stream/campaign"),
        ),
        (
            {"report": {"dir": "a\nb"}},
            Issue(
                ("report", "dir"),
                "has characters that are not allowed here",
                "retype it: it contains U+000A line end",
            ),
        ),
        *(
            (changes, Issue(path, "must not contain $: variables are not expanded", OUT))
            for path, changes in {
                ("report", "dir"): {"report": {"dir": "$HOME/reports"}},
                ("ledger",): {"ledger": "sqlite:///$STATE/ledger.db"},
                ("campaigns_from", 0): {"campaigns_from": ["${LISTS}/more.csv"]},
                ("accounts", "acme", "client_id", "file"): account(client_id={"file": "$HOME/secret"}),
            }.items()
        ),
        *(
            (changes, Issue(path, "begins with a program whose path contains a $: no shell expands it", OUT))
            for path, changes in {
                ("accounts", "acme", "client_id", "command"): account(client_id={"command": ["$HOME/get"]}),
                ("waves", 0, "pass", "command"): {"waves": [{"name": "w", "pass": {"command": ["$HOME/check"]}}]},
            }.items()
        ),
        ({"preflight": {"check": "maybe"}}, Issue(("preflight", "check"), "must be 'list', 'status' or 'off'", "")),
        ({"campaigns": [{**ROW, "type": "mail"}]}, Issue(("campaigns", 0, "type"), "must be 'sms' or 'voice'", "")),
        (
            {"campaigns": [{**ROW, "tags": 7}]},
            Issue(("campaigns", 0, "tags"), "must be a list", "write it as [one, two]"),
        ),
        ({"launch": ["spring"]}, Issue(("launch",), "must be a string", "")),
        ({"launch": {"spring": 1}}, Issue(("launch",), "must be a string", "")),
        ({"retry": {"attempts": [4]}}, Issue(("retry", "attempts"), "must be a whole number", "")),
        ({"limits": {"max_starts": 0}}, Issue(("limits", "max_starts"), "must be greater than or equal to 1", "")),
        ({"retry": "often"}, Issue(("retry",), "must be a mapping", "write it as key: value")),
        ({"retry": None}, Issue(("retry",), "must be a mapping, but is empty", "write a value, or leave the key out")),
        (
            {"preflight": {"startable": []}},
            Issue(("preflight", "startable"), "must have at least 1 item, not 0", ""),
        ),
        ({"accounts": {}}, Issue(("accounts",), "must have at least 1 item, not 0", "")),
        (
            account(client_secret="hunter2"),
            Issue(
                ("accounts", "acme", "client_secret"), "a secret must be a reference, never the value itself",
                "write {env: NAME} or {file: PATH}",
            ),
        ),
        *(
            (
                account(client_secret=written),
                Issue(("accounts", "acme", "client_secret"), "a secret must be exactly one reference", SECRET_HINT),
            )
            for written in ({}, {"env": "A", "file": "b"}, {"variable": "A"}, {"env": None})
        ),
    ],
)  # fmt: skip
def test_a_fault_has_these_words(changes, issue):
    manifest, issues = parse(raw(**changes))
    assert manifest is None
    assert issue in issues
