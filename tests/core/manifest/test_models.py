import copy
from datetime import time

import pytest

from orchestrator.core.manifest.checks import Issue
from orchestrator.core.manifest.models import Campaign, Manifest, Pass, Threshold, Wave
from orchestrator.core.manifest.parse import parse
from orchestrator.model import CampaignType, Window

BASE = {
    "version": 1,
    "launch": "spring",
    "host": "sandbox",
    "accounts": {"acme": {"account_id": "67777c"}},
    "defaults": {"account": "acme"},
    "campaigns": [{"stream": "st-1", "campaign": "cd-1"}, {"stream": "st-1", "campaign": "cd-2", "tags": ["canary"]}],
}
SECRETS = {"client_id": {"env": "ID"}, "client_secret": {"file": "/run/secret"}}


def raw(**changes):
    return {**copy.deepcopy(BASE), **changes}


def built(**changes) -> Manifest:
    manifest, issues = parse(raw(**changes))
    assert issues == ()
    assert manifest is not None
    return manifest


def the_issue(**changes) -> Issue:
    manifest, issues = parse(raw(**changes))
    assert manifest is None
    assert len(issues) == 1, issues
    return issues[0]


def account(**changes):
    return {"accounts": {"acme": {"account_id": "67777c", **changes}}}


def test_defaults_are_the_documented_ones():
    manifest = built()
    assert manifest.accounts["acme"].rate == (Window(50, 60.0), Window(10, 10.0))
    assert manifest.accounts["acme"].in_flight == 8
    assert manifest.retry.backoff == (1.0, 60.0)
    assert (manifest.timeouts.connect, manifest.timeouts.total, manifest.retry.max_elapsed) == (5.0, 30.0, 600.0)
    assert manifest.report.formats == ("json", "csv")
    assert manifest.stop_when is None
    assert manifest.windows_wait == 4 * 3600
    assert (manifest.breaker.opens_after, manifest.breaker.looks_every, manifest.breaker.gives_up_after) == (5, 30, 900)


def test_a_campaigns_own_values_win_over_defaults():
    windows = {"day": {"zones": ["Europe/Berlin"], "hours": "09:00-20:00"}}
    campaigns = [{"stream": "s", "campaign": "a"}, {"stream": "s", "campaign": "b", "type": "sms", "window": None}]
    manifest = built(
        campaigns=campaigns, windows=windows, defaults={"account": "acme", "type": "voice", "window": "day"}
    )
    first, second = manifest.campaigns
    assert (first.account, first.type, first.window) == ("acme", CampaignType.VOICE, "day")
    assert (second.type, second.window) == (CampaignType.SMS, None)
    assert first.key == "s/a"


def test_rows_follow_the_inline_campaigns():
    manifest, issues = parse(raw(), [{"stream": "st-2", "campaign": "x"}])
    assert issues == ()
    assert manifest is not None
    assert manifest.campaigns[2].key == "st-2/x"


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("platform.kore.ai", "https://platform.kore.ai"),
        ("https://Platform.Kore.ai/", "https://platform.kore.ai"),
        ("https://kore.example:443", "https://kore.example"),
        ("https://kore.example:8443/", "https://kore.example:8443"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost", "http://localhost"),
        ("http://[::1]:80", "http://[::1]"),
    ],
)
def test_hosts_are_normalised(written, host):
    assert built(host=written, **account(**SECRETS)).host == host


@pytest.mark.parametrize(
    "written",
    [
        "http://kore.example", "https://u:p@kore.example", "https://kore.example/api", "https://kore.example?x=1",
        "https://kore.example#x", "ftp://kore.example", "https://kore.example:99999", "https://kore.example:0", "",
        "https://ko re", 7, None, "https://kore.example\n",
    ],
)  # fmt: skip
def test_other_hosts_are_refused(written):
    issue = the_issue(host=written, **account(**SECRETS))
    assert issue.path == ("host",)
    assert issue.hint


@pytest.mark.parametrize(("written", "seconds"), [("500ms", 0.5), ("60s", 60), ("10m", 600), ("1.5h", 5400), (7, 7)])
def test_durations(written, seconds):
    assert built(waves=[{"name": "canary", "tags": ["canary"], "bake": written}]).waves[0].bake == seconds


@pytest.mark.parametrize("written", ["10", "10 m", "1d", "-1s", True, None, [], float("nan"), 10**400, -1, "999999h"])
def test_other_durations_are_refused(written):
    assert the_issue(waves=[{"name": "c", "bake": written}]).path == ("waves", 0, "bake")


def test_values_are_read_as_written():
    manifest = built(
        stop_when={"failed": "20%", "unknown": 3},
        retry={"backoff": "500ms..2m"},
        windows={"d": {"zones": ["America/New_York"], "hours": "09:00-24:00", "days": ["mon"]}},
        waves=[{"name": "canary", "tags": ["canary"], "pass": {"started": "100%"}}],
        sandbox={"faults": "nasty", "limit": "5/1s"},
        **account(rate="unlimited"),
    )
    assert manifest.stop_when is not None
    assert (manifest.stop_when.failed, manifest.stop_when.unknown) == (Threshold(fraction=0.2), Threshold(count=3))
    assert manifest.retry.backoff == (0.5, 120.0)
    assert manifest.windows["d"].hours == (time(9), time.max)
    assert manifest.waves[0].pass_ == Pass(started=1.0)
    assert manifest.sandbox.limit == Window(5, 1.0)
    assert manifest.accounts["acme"].rate == ()


def test_models_can_be_built_from_their_own_values():
    wave = Wave(name="w", pass_=Pass(started=0.5))
    assert Wave.model_validate({"name": "w", "pass": {"started": "50%"}}) == wave
    assert Campaign(stream="s", campaign="c").account == ""


@pytest.mark.parametrize(
    ("changes", "path", "message", "hint"),
    [
        ({"lanch": 1}, ("lanch",), "unknown key", "did you mean 'launch'?"),
        ({"retry": {"atempts": 1}}, ("retry", "atempts"), "unknown key", "did you mean 'attempts'?"),
        (
            {"waves": [{"name": "w", "pass": {"startd": 1, "started": "1%"}}]},
            ("waves", 0, "pass", "startd"), "unknown key", "did you mean 'started'?",
        ),
        ({"waves": [{"name": "w", "pass_": None}]}, ("waves", 0, "pass_"), "unknown key", "did you mean 'pass'?"),
        (
            {"waves": [{"name": "w", "pass": {"timeout": "5s"}}]},
            ("waves", 0, "pass"), "must name a condition",
            "write {started: 100%}, {completed: 100%} or {command: [./check.sh]}",
        ),
        (
            {"stop_when": {"per_account": {"faild": 1}}},
            ("stop_when", "per_account", "faild"), "unknown key", "did you mean 'failed'?",
        ),
        ({"breaker": {"open_after": 1}}, ("breaker", "open_after"), "unknown key", "did you mean 'opens_after'?"),
        (
            {"windows": {"day": {"zones": ["UTC"], "hours": "09:00-20:00", "except": ["2026-02-29"]}}},
            ("windows", "day", "except", 0), "must be a date", "write it as 2026-12-25",
        ),
        ({"launch": 7}, ("launch",), "must be a string", "quote it"),
        ({"launch": None}, ("launch",), "must be a string, but is empty", "write a value, or leave the key out"),
        ({"version": 2}, ("version",), "must be 1", ""),
        ({"version": True}, ("version",), "must be 1", ""),
        ({"accounts": {}, "defaults": {}, "campaigns": []}, None, None, None),
        ({"approval": "off"}, ("approval",), "must be 'none', 'plan' or a mapping",
         "write {signers: allowed_signers} to ask for signatures"),
        (
            {"report": {"formats": ["pdf"]}},
            ("report", "formats", 0), None, None,
        ),
        ({"ledger": "postgresql://u:pw@h/d"}, ("ledger",), "must not contain a password", None),
        *(
            ({"ledger": f"postgresql://u@h/d?{name}=pw"}, ("ledger",), "must not contain a password", None)
            for name in ("password", "sslpassword", "passwd", "PASS", "pgpassword", "pwd", "ssl%70assword", "a&secret")
        ),
        ({"ledger": "mysql://h/d"}, ("ledger",), "must be the address of an SQLite or PostgreSQL database", None),
        ({"retry": {"attempts": 21}}, ("retry", "attempts"), "must be less than or equal to 20", ""),
        ({"retry": {"attempts": True}}, ("retry", "attempts"), "must be a whole number", None),
        ({"retry": {"backoff": "60s..1s"}}, ("retry", "backoff"), None, "write it as 1s..60s"),
        ({"stop_when": {"failed": "0%"}}, ("stop_when", "failed"), None, "write a whole number from 1, or 20%"),
        ({"waves": [{"name": "w", "pass": {"started": 1}}]}, ("waves", 0, "pass", "started"), "must be a share", None),
        (account(rate=[]), ("accounts", "acme", "rate"), None, None),
        (account(rate=["50/60"]), ("accounts", "acme", "rate"), "must be calls per time", None),
        (account(in_flight=0), ("accounts", "acme", "in_flight"), "must be greater than or equal to 1", ""),
        ({"windows": {"d": {"zones": [], "hours": "09:00-20:00"}}}, ("windows", "d", "zones"), None, None),
        (
            {"windows": {"d": {"zones": ["America/New_Yrk"], "hours": "09:00-20:00"}}},
            ("windows", "d", "zones", 0), "is not a time zone", "did you mean 'America/New_York'?",
        ),
        (
            {"windows": {"d": {"zones": ["UTC"], "hours": "20:00-09:00"}}},
            ("windows", "d", "hours"), "must open before they close, on the same day", None,
        ),
        ({"preflight": {"require_dnc": True, "check": "off"}}, ("preflight", "require_dnc"), "needs check: list", None),
        ({"campaigns": []}, (), "has no campaigns", "add campaigns or campaigns_from"),
        (
            {"campaigns": [], "campaigns_from": ["x.csv"]},
            ("campaigns_from",), "its files list no campaigns yet", "discover lists those of a stream",
        ),
        ({"campaigns": {}}, ("campaigns",), "must be a list", None),
        ({"waves": [{"name": "w"}, {"name": "w"}]}, ("waves", 1, "name"), "'w' names two waves", None),
        ({"waves": [{"name": "w", "tags": ["x"]}]}, ("waves", 0, "tags"), "no campaign has the tag 'x'", None),
        (
            {"waves": [{"name": "w", "campaigns": ["st-1/cd-9"]}]},
            ("waves", 0, "campaigns", 0), "no campaign is 'st-1/cd-9'", "did you mean 'st-1/cd-2'?",
        ),
        ({"defaults": {"account": "acne"}}, ("defaults", "account"),
         "no account is called 'acne'", "did you mean 'acme'?"),
    ],
)  # fmt: skip
def test_faults(changes, path, message, hint):
    if path is None:
        assert {issue.path for issue in parse(raw(**changes))[1]} == {("accounts",), ()}
        return
    issue = the_issue(**changes)
    assert issue.path == path
    assert message is None or issue.message == message
    assert hint is None or issue.hint == hint


@pytest.mark.parametrize(
    ("row", "path", "message"),
    [
        ({"stream": 7, "campaign": "c"}, ("campaigns", 0, "stream"), "must be a string"),
        ({"stream": "s"}, ("campaigns", 0, "campaign"), "is missing"),
        ({"stream": "s", "campaign": "a/b"}, ("campaigns", 0, "campaign"), None),
        ({"stream": "s", "campaign": "c\n"}, ("campaigns", 0, "campaign"), None),
        ({"stream": "s", "campaign": "c" * 129}, ("campaigns", 0, "campaign"), None),
        ({"stream": "s", "campaign": "c", "type": "mail"}, ("campaigns", 0, "type"), "must be 'sms' or 'voice'"),
        (
            {"stream": "s", "campaign": "c", "rerun": "yes"},
            ("campaigns", 0, "rerun"),
            "must be true, false or {instance: ID}",
        ),
        ({"stream": "s", "campaign": "c", "tags": 7}, ("campaigns", 0, "tags"), "must be a list"),
        ({"stream": "s", "campaign": "c", "account": "acm"}, ("campaigns", 0, "account"), None),
        ({"stream": "s", "campaign": "c", "window": "day"}, ("campaigns", 0, "window"), "no window is called 'day'"),
        ("st-1", ("campaigns", 0), "must be a mapping"),
    ],
)
def test_faults_of_a_campaign(row, path, message):
    issue = the_issue(campaigns=[row])
    assert issue.path == path
    assert message is None or issue.message == message


def test_a_repeated_pair_names_the_first_even_across_accounts():
    accounts = {"acme": {"account_id": "1"}, "beta": {"account_id": "2"}}
    rows = [{"stream": "s", "campaign": "c", "account": name} for name in accounts]
    issue = the_issue(accounts=accounts, campaigns=rows)
    assert (issue.path, issue.other) == (("campaigns", 1), ("campaigns", 0))
    assert issue.message == "s/c is listed twice"


def test_two_accounts_may_not_share_an_id():
    issue = the_issue(accounts={"acme": {"account_id": "1"}, "beta": {"account_id": "1"}})
    assert issue.path == ("accounts", "beta", "account_id")
    assert issue.other == ("accounts", "acme", "account_id")


@pytest.mark.parametrize(
    ("changes", "path", "message"),
    [
        ({"[key]": 1}, ("[key]",), "unknown key"),
        ({"accounts": {"a b": {"account_id": "1"}}}, ("accounts", "a b"), None),
        ({"accounts": {"[key]": {"account_id": "1"}}}, ("accounts", "[key]"), None),
        ({"accounts": {"[key]": {"[key]": "1"}}}, ("accounts", "[key]", "[key]"), "unknown key"),
    ],
)
def test_a_faulty_key_is_located_whatever_its_name(changes, path, message):
    _, issues = parse(raw(defaults={}, campaigns=[{"stream": "s", "campaign": "c", "account": "x"}], **changes))
    assert any(issue.path == path and message in {None, issue.message} for issue in issues)


def test_accounts_sharing_an_id_are_found_after_one_without():
    _, issues = parse(raw(accounts={"acme": {"account_id": 7}, "b": {"account_id": "1"}, "c": {"account_id": "1"}}))
    assert ("accounts", "c", "account_id") in {issue.path for issue in issues}


def test_a_campaign_needs_an_account():
    issue = the_issue(defaults={}, campaigns=[{"stream": "s", "campaign": "c"}])
    assert (issue.path, issue.message) == (("campaigns", 0), "has no account")


def test_a_wave_whose_campaigns_go_first_elsewhere_has_nobody():
    waves = [{"name": "all"}, {"name": "canary", "tags": ["canary"]}]
    assert the_issue(waves=waves).path == ("waves", 1)


def test_another_host_needs_credentials_and_has_no_sandbox():
    _, issues = parse(raw(host="https://kore.example", sandbox={"seed": 1}))
    assert {issue.path for issue in issues} == {
        ("sandbox",), ("accounts", "acme", "client_id"), ("accounts", "acme", "client_secret"),
    }  # fmt: skip


@pytest.mark.parametrize(
    "secret",
    ["canary-s3cret", 5, ["canary-s3cret"], {"env": "canary-s3cret"}, {"canary-s3cret": None}, {}, {"env": None},
     {"env": "A", "file": "canary-s3cret"}, {"command": []}],
)  # fmt: skip
def test_secrets_are_references_and_never_repeated(secret):
    _, issues = parse(raw(**account(client_secret=secret)))
    assert issues
    assert {issue.path[:3] for issue in issues} == {("accounts", "acme", "client_secret")}
    assert "canary-s3cret" not in repr(issues)


def test_cross_record_faults_are_found_beside_faults_of_form():
    rows = [{"stream": "s", "campaign": "c"}, {"stream": "s", "campaign": "c"}]
    _, issues = parse(raw(launch=7, campaigns=rows, defaults={"account": "acne"}))
    assert {issue.path for issue in issues} == {("launch",), ("campaigns", 1), ("defaults", "account")}


def test_rows_that_could_not_be_read_are_not_missed():
    waves = [{"name": "canary", "tags": ["x"]}]
    manifest, issues = parse(raw(campaigns=[], waves=waves), is_complete=lambda: False)
    assert issues == ()
    assert manifest is not None


def without(name):
    return {key: value for key, value in raw().items() if key != name}


def test_all_campaigns_may_be_rows():
    manifest, issues = parse(without("campaigns"), [{"stream": "st-2", "campaign": "x"}])
    assert issues == ()
    assert [campaign.key for campaign in manifest.campaigns] == ["st-2/x"]


def test_missing_accounts_are_one_fault_not_one_per_campaign():
    _, issues = parse(without("accounts"))
    assert [(issue.path, issue.message) for issue in issues] == [(("accounts",), "is missing")]


def test_campaigns_with_invalid_names_are_no_duplicates():
    _, issues = parse(raw(campaigns=[{"stream": 7, "campaign": "c"}, {"stream": 7, "campaign": "c"}]))
    assert {issue.message for issue in issues} == {"must be a string"}


def test_the_first_of_two_campaigns_is_named_wherever_it_is():
    rows = [{"stream": "s", "campaign": name} for name in ("a", "b", "c", "b")]
    assert the_issue(campaigns=rows).other == ("campaigns", 1)


def test_a_dangling_default_is_found_even_if_no_campaign_uses_it():
    rows = [{"stream": "s", "campaign": "c", "account": "acme"}]
    assert the_issue(defaults={"account": "acne"}, campaigns=rows).path == ("defaults", "account")
