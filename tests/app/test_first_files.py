import json
import re
from pathlib import Path

import pytest

from orchestrator.app import first_files as files
from orchestrator.app.first_files import NotWritten
from orchestrator.core.manifest.models import SecretRef
from orchestrator.loading.manifest_file import load_manifest
from tests.paths import ROOT, SCHEMAS

_ID = "can only contain letters, digits, '.', '_' and '-', at most 128 of them; begin with a letter or a digit"
_VARIABLE = "must be the name of a variable; write letters, digits and '_', and no digit first"
ANSWERS = {"launch": "spring", "account_id": "a1" * 12, **files.DEFAULTS}


def written(folder, **answers):
    files.write_new(folder, files.first_files({**ANSWERS, **answers}))
    return load_manifest(folder / "launch.yaml", is_draft=True).manifest


def test_the_manifest_has_the_answers_and_no_campaigns(tmp_path):
    found = written(tmp_path / "new" / "spring", host="kore.example.com", algorithm="HS512")

    assert (found.launch, found.host, found.campaigns) == ("spring", "https://kore.example.com", ())
    assert found.campaigns_from == ("campaigns.csv",)
    assert found.accounts["main"].account_id == "a1" * 12
    assert found.accounts["main"].algorithm == "HS512"
    assert found.accounts["main"].client_id == SecretRef(env="KORE_CLIENT_ID")


@pytest.mark.parametrize("launch", ["1", "no", "null", "1e3", "2026-03-01", "0x1F", "1_0", "12.50"])
def test_an_answer_that_looks_like_another_value_stays_text(tmp_path, launch):
    assert written(tmp_path, launch=launch).launch == launch


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ("env NULL", {"env": "NULL"}),
        ("file ~/a secret: {x} # y.txt", {"file": "~/a secret: {x} # y.txt"}),
        ("command pass show 'kore/my app' --x=\\\"y\\\"", {"command": ("pass", "show", "kore/my app", '--x="y"')}),
        ("  env   SPRING_ID ", {"env": "SPRING_ID"}),
    ],
)
def test_every_place_of_a_secret_is_read_back(tmp_path, answer, reference):
    assert files.fault_of("client_secret", answer) == ""
    assert written(tmp_path, client_secret=answer).accounts["main"].client_secret == SecretRef(**reference)


@pytest.mark.parametrize(
    ("name", "answer", "fault"),
    [
        ("launch", "a b", _ID),
        ("launch", "spring\u2028", "has an invisible character"),
        ("host", "http://kore.example.com", "must be https: plain http is for this machine only; write it as https://…"),
        ("host", "sandbox", "sandbox has no account to look at; init --example unpacks a launch for it"),
        ("algorithm", "ES256", "must be 'HS256', 'HS512', 'RS256' or 'RS512'"),
        ("client_id", "cs-0123", files._PLACE),
        ("client_id", "env", files._PLACE),
        ("client_id", "command 'pass", files._PLACE),
        ("client_id", "env cs-0123", _VARIABLE),
        ("client_secret", "file $HOME/x",
         "must not contain $: variables are not expanded; write the full path; ~ is the home folder"),
    ],
)  # fmt: skip
def test_a_wrong_answer_has_the_manifests_own_words(name, answer, fault):
    assert files.fault_of(name, answer) == fault


@pytest.mark.parametrize(
    "host", ["https://kore.example.com:8443", "http://127.0.0.1:8765", "http://localhost", "kore.ai"]
)
def test_https_and_this_machine_are_hosts(host):
    assert files.fault_of("host", host) == ""


def test_an_account_id_of_another_form_is_noted_not_refused():
    assert files.fault_of("account_id", "acme-7") == ""
    assert files.note_on("account_id", "acme-7") == (
        "account main has the account_id acme-7, but the platform's have 24 hex digits"
    )
    assert files.note_on("account_id", "67777ce93e25326494e9000A") == ""
    assert files.note_on("launch", "acme-7") == ""


@pytest.mark.parametrize(("folder", "name"), [("spring 2026", "first-launch"), ("spring-2026", "spring-2026")])
def test_a_launch_is_called_as_its_folder_where_it_can(tmp_path, monkeypatch, folder, name):
    (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path / folder)

    assert files.launch_name(Path()) == name
    assert files.launch_name(tmp_path / folder) == name


def test_the_list_begins_with_a_header_that_the_loader_reads(tmp_path):
    written(tmp_path)
    with (tmp_path / "campaigns.csv").open("a", encoding="utf-8") as stream:
        stream.write("st-1,cd-1,Spring NE,canary,Ready,,,\n")
    (campaign,) = load_manifest(tmp_path / "launch.yaml").manifest.campaigns

    assert (campaign.key, campaign.account, campaign.name, campaign.tags) == (
        "st-1/cd-1", "main", "Spring NE", ("canary",),
    )  # fmt: skip


def test_what_is_worth_a_look_is_valid_once_its_mark_is_off(tmp_path):
    written(tmp_path)
    manifest = tmp_path / "launch.yaml"
    text, count = re.subn(r"^# (?=[a-z_]+: )", "", manifest.read_text(encoding="utf-8"), flags=re.MULTILINE)
    manifest.write_text(text, encoding="utf-8")
    found = load_manifest(manifest, is_draft=True).manifest

    assert (count, found.limits.max_starts, found.approval) == (4, 200, "plan")


def test_an_editor_finds_the_schema_beside_the_manifest(tmp_path):
    for folder, made in (("first", files.first_files(ANSWERS)), ("example", files.example_files())):
        files.write_new(tmp_path / folder, made)
        line = (tmp_path / folder / "launch.yaml").read_text(encoding="utf-8").splitlines()[0]
        (path,) = re.findall(r"^# yaml-language-server: \$schema=(\S+)$", line)
        assert json.loads((tmp_path / folder / path).read_text(encoding="utf-8")) == json.loads(
            (SCHEMAS / "manifest.v1.json").read_text(encoding="utf-8")
        )


def test_the_example_is_the_demonstration_itself(tmp_path):
    files.write_new(tmp_path, files.example_files())
    lines = (tmp_path / "launch.yaml").read_text(encoding="utf-8").splitlines()

    assert lines[1:] == (ROOT / "configs" / "launch.yaml").read_text(encoding="utf-8").splitlines()[1:]
    assert len(load_manifest(tmp_path / "launch.yaml").manifest.campaigns) == 30


@pytest.mark.parametrize("name", ["launch.yaml", "campaigns.csv", ".gitignore", "manifest.v1.json"])
@pytest.mark.parametrize("link", [False, True], ids=["file", "dead-link"])
def test_one_file_that_is_there_keeps_all_from_being_written(tmp_path, name, link):
    if link:
        (tmp_path / name).symlink_to(tmp_path / "nowhere")
    else:
        (tmp_path / name).write_text("mine", encoding="utf-8")
    with pytest.raises(NotWritten) as caught:
        written(tmp_path)

    assert caught.value.message == f"there is {tmp_path / name} already; nothing was written"
    assert [file.name for file in tmp_path.iterdir()] == [name]
    assert link or (tmp_path / name).read_text(encoding="utf-8") == "mine"


def test_what_was_begun_is_taken_away_where_the_rest_cannot_be(tmp_path):
    made = {"launch.yaml": "a", "no/such/folder.csv": "b"}
    with pytest.raises(NotWritten, match="No such file or directory; nothing was written"):
        files.write_new(tmp_path, made)

    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file_is_reported(tmp_path):
    (tmp_path / "spring").write_text("", encoding="utf-8")
    with pytest.raises(NotWritten, match=r"cannot write into .*spring: .*; nothing was written"):
        written(tmp_path / "spring")
