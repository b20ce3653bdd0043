import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.manifest.parse import parse
from orchestrator.core.manifest.values import Rerun
from orchestrator.errors import ManifestError
from orchestrator.loading.manifest_file import load_manifest

HEAD = """\
version: 1
launch: spring
host: sandbox
accounts: {acme: {account_id: "1"}}
defaults: {account: acme}
"""
LITERAL = "a secret must be a reference, never the value itself; write {env: NAME} or {file: PATH}"
TYPO = "did you mean 'account'? If not, rename or remove it"
DOUBLE = 'write "" for a quote that belongs to the text'
GOOD = HEAD + "campaigns:\n  - {stream: s, campaign: c}\n"


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(text, **files):
        Path("m.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
        for name, content in files.items():
            Path(name.replace("_", ".")).write_bytes(content.encode())
        return Path("m.yaml")

    return write


def lines_of(path):
    with pytest.raises(ManifestError) as caught:
        load_manifest(path)
    assert caught.value.next_step == f"python -m orchestrator validate {path.as_posix()}"
    return [str(problem) for problem in caught.value.problems]


def test_a_manifest_with_rows_of_both_formats(write):
    path = write(
        GOOD + "campaigns_from: [a.csv, b.jsonl]\n",
        a_csv='\ufeffstream,campaign,tags,rerun,name\r\ns,d,x; y,TRUE,\r\n\r\ns,e,,,"two words, one cell"\r\n',
        b_jsonl='{"stream": "s", "campaign": "f", "tags": ["z"], "enabled": false}\n\n',
    )
    loaded = load_manifest(path)
    assert [campaign.key for campaign in loaded.manifest.campaigns] == ["s/c", "s/d", "s/e", "s/f"]
    assert loaded.manifest.campaigns[1].tags == ("x", "y")
    assert loaded.manifest.campaigns[1].rerun
    assert not loaded.manifest.campaigns[3].enabled
    assert (loaded.source_name, len(loaded.sha256)) == ("m.yaml", 64)


BEGIN = "begin with version: 1; for an example: python -m orchestrator init demo --example"


@pytest.mark.parametrize(
    ("file", "content", "command"),
    [
        ("a.csv", "stream,campaign\n", "discover m.yaml -o a.csv --stream"),
        ("a.jsonl", "\n", "discover m.yaml --stream"),
    ],
)
def test_files_without_a_campaign_lead_to_discover(write, file, content, command):
    path = write(HEAD + f"campaigns_from: [{file}]\n", **{file.replace(".", "_"): content})
    with pytest.raises(ManifestError) as caught:
        load_manifest(path)

    assert [str(problem) for problem in caught.value.problems] == [
        "m.yaml:6:1: campaigns_from: its files list no campaigns yet; discover lists those of a stream"
    ]
    assert caught.value.next_step == f"python -m orchestrator {command}"


def test_notes_of_discover_are_columns_that_nobody_reads(write):
    csv = "status,stream,campaign,contact_lists,instance_id,updated_at\ngone,s,c,VIP; All,cid-1,2026-03-01\n,s,d,,,\n"
    loaded = load_manifest(write(HEAD + "campaigns_from: [a.csv]\n", a_csv=csv))

    assert loaded.rows == [{"stream": "s", "campaign": name, "account": "acme", "type": "sms"} for name in "cd"]


def test_a_draft_needs_no_campaigns_and_none_of_its_files(write):
    waves = "waves: [{name: canary, tags: [canary]}]\n"
    path = write(HEAD + waves + "campaigns_from: [a.csv, missing.csv]\n", a_csv="stream,campaign\n")

    assert load_manifest(path, is_draft=True).manifest.campaigns == ()
    assert len(lines_of(path)) == 1  # the missing file; a run needs all of it


def test_a_draft_with_a_fault_is_refused(write):
    with pytest.raises(ManifestError) as caught:
        load_manifest(write(HEAD + "limit: {}\n"), is_draft=True)

    assert [problem.path for problem in caught.value.problems] == ["limit"]


def test_another_fault_beside_empty_files_is_fixed_first(write):
    text = HEAD + "campaigns_from: [a.csv]\nlimit: {}\n"

    assert len(lines_of(write(text, a_csv="stream,campaign\n"))) == 2


def test_another_host_parses_raw_and_rows_into_the_same_manifest(write):
    text = GOOD.replace(
        "defaults: {account", "windows: {w: {zones: [UTC], hours: 09:00-10:00}}\ndefaults: {window: w, account"
    )
    table = "stream,campaign,type,iid,name,tags,rerun,enabled\ns,d,voice,i,Name,x y,true,false\ns,e,,,,,,\n"
    lines = '{"stream": "s", "campaign": "f", "window": null}\n'
    loaded = load_manifest(write(text + "campaigns_from: [a.csv, b.jsonl]\n", a_csv=table, b_jsonl=lines))

    assert len(loaded.rows) == 4
    assert "campaigns" not in loaded.raw
    assert parse(loaded.raw, loaded.rows) == (loaded.manifest, ())
    assert [campaign.window for campaign in loaded.manifest.campaigns] == ["w", "w", "w", None]


def test_an_instance_to_run_again_may_stand_in_a_cell(write):
    table = "stream,campaign,rerun\ns,d,cid-7\ns,e,TRUE\ns,g,{instance: 9-a}\n"
    text = GOOD.replace("campaigns:", "campaigns:\n  - {stream: s, campaign: f, rerun: {instance: cid-8}}")
    loaded = load_manifest(write(text + "campaigns_from: [a.csv]\n", a_csv=table))
    found = {campaign.campaign: campaign.rerun for campaign in loaded.manifest.campaigns}

    assert (found["d"], found["e"], found["f"]) == (Rerun("cid-7"), True, Rerun("cid-8"))
    assert found["g"] == Rerun("9-a")  # as a message and `plan` write it
    assert parse(loaded.raw, loaded.rows) == (loaded.manifest, ())


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_csv_file_may_end_its_lines_in_any_way(write, end):
    rows = end.join(["stream,campaign,name", 's,d,"two\r\nlines, one cell"', "s,e,", ""])
    with pytest.raises(ManifestError) as caught:
        load_manifest(write(GOOD + "campaigns_from: [a.csv]\n", a_csv=rows))

    assert "name" in str(caught.value.problems[0])  # a line end within a name is refused, so the cell was read as one
    assert load_manifest(write(GOOD + "campaigns_from: [a.csv]\n", a_csv=rows.replace("\r\nl", "l"))).rows[2] == {
        "stream": "s", "campaign": "e", "account": "acme", "type": "sms",
    }  # fmt: skip


def test_the_same_file_named_twice_lists_its_campaigns_twice(write):
    assert "s/d is listed twice" in " ".join(
        lines_of(write(GOOD + "campaigns_from: [a.csv, a.csv]\n", a_csv="stream,campaign\ns,d\n"))
    )


def test_the_hash_covers_the_row_files(write):
    text = GOOD + "campaigns_from: [a.csv]\n"
    first = load_manifest(write(text, a_csv="stream,campaign\ns,d\n")).sha256
    assert load_manifest(write(text, a_csv="stream,campaign\ns,d\n")).sha256 == first
    assert load_manifest(write(text, a_csv="stream,campaign\ns,e\n")).sha256 != first


def test_ten_faults_are_all_found_at_once(write):
    path = write(
        """\
version: 2
launch: 7
lanch: spring
host: http://kore.example
accounts:
  acme: {account_id: "1", client_id: {env: A}, client_secret: canary-s3cret}
defaults: {account: acne}
launch: twice
campaigns:
  - {stream: s, campaign: c, rerun: yes}
  - {stream: s, campaign: c}
retry: {backoff: soon}
waves:
  - {name: w, tags: [nobody]}
"""
    )
    assert lines_of(path) == [
        "m.yaml:1:1: version: must be 1",
        "m.yaml:3:1: lanch: unknown key; did you mean 'launch'?",
        "m.yaml:4:1: host: must be https: plain http is for this machine only; write it as https://…",
        "m.yaml:6:48: accounts.acme.client_secret: " + LITERAL,
        "m.yaml:7:12: defaults.account: no account is called 'acne'; did you mean 'acme'?",
        "m.yaml:8:1: launch: is written twice; first at m.yaml:2:1",
        "m.yaml:10:30: campaigns[0].rerun: must be true, false or {instance: ID}; plan prints the instance",
        "m.yaml:11:5: campaigns[1]: s/c is listed twice; first at m.yaml:10:5",
        "m.yaml:12:9: retry.backoff: must be the first and the longest wait; write it as 1s..60s",
        "m.yaml:14:15: waves[0].tags: no campaign has the tag 'nobody'",
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", f"m.yaml:1:1: is empty; {BEGIN}"),
        ("# nothing\n", f"m.yaml:1:1: is empty; {BEGIN}"),
        ("- a\n", f"m.yaml:1:1: must be a mapping; {BEGIN}"),
        (b"version: 1\nlaunch: \xff\n", "m.yaml:2:9: is not UTF-8; save it as UTF-8"),
        (b"version: 1\nlaunch: \x00\n", "m.yaml:2:9: is not YAML: it has a character that is not allowed"),
        (GOOD + "campaigns_from: [no.csv]\n", "m.yaml:8:18: campaigns_from[0]: there is no such file"),
        (GOOD + "campaigns_from: [m.yaml]\n",
         "m.yaml:1:1: is neither CSV, JSON lines nor a spreadsheet; name it .csv, .jsonl, .ndjson, .xlsx, .xlsm"),
    ],
)  # fmt: skip
def test_files_that_are_no_manifest(write, text, line):
    assert lines_of(write(text)) == [line]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_unicode_text_of_excel_is_read(write, encoding):
    table = "Stream ID\tCampaign ID\tName\r\ns\td\tMüller\r\n"
    path = write((GOOD + "campaigns_from: [a.csv]\n").encode(encoding))
    Path("a.csv").write_bytes(table.encode(encoding))
    assert load_manifest(path).manifest.campaigns[1].name == "Müller"


@pytest.mark.parametrize(("data", "place"), [(b"\xff\xfea\0\n\0b\0\0\xd8c\0", "2:2"), (b"a\0b\0c", "1:3")])
def test_broken_utf_16_is_refused_at_its_place(write, data, place):
    assert lines_of(write(data)) == [f"m.yaml:{place}: is not UTF-16; save it as UTF-8"]


def test_a_missing_manifest_leads_to_init_or_to_a_near_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = []
    for name in ("lunch.yaml", "new/launch.yaml"):
        with pytest.raises(ManifestError) as caught:
            load_manifest(Path(name))
        found.append((*map(str, caught.value.problems), caught.value.next_step))
    assert found[0] == ("lunch.yaml:1:1: there is no such file", "python -m orchestrator init")
    Path("launch.yaml").write_text(GOOD)
    with pytest.raises(ManifestError) as caught:
        load_manifest(Path("lunch.yaml"))
    assert str(caught.value.problems[0]) == "lunch.yaml:1:1: there is no such file; did you mean 'launch.yaml'?"
    assert (caught.value.next_step, found[1][1]) == ("", "python -m orchestrator init new")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("indnt.yml", "did you mean 'indent.yaml'?"),
        ("nope.yaml", "known here: indent.yaml, spring.yaml"),
    ],
)
def test_a_name_is_compared_without_its_suffix(tmp_path, name, hint):
    for other in ("indent.yaml", "spring.yaml"):
        (tmp_path / other).touch()
    with pytest.raises(ManifestError) as caught:
        load_manifest(tmp_path / name)

    assert str(caught.value.problems[0]).endswith(f"{name}:1:1: there is no such file; {hint}")


def test_a_directory_is_no_manifest(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ManifestError) as caught:
        load_manifest(Path(".."))
    assert [str(problem) for problem in caught.value.problems] == ["..:1:1: is a directory; name a file in it"]
    assert caught.value.next_step == ""  # to validate the folder again would say the same


@pytest.mark.parametrize(
    ("csv", "lines"),
    [
        ("stream,campaign,acount\ns,d,x\n", [f"a.csv:1:17: acount: unknown column; {TYPO}"]),
        ("stream,campaign,stream\ns,d,s\n", ["a.csv:1:17: stream: is a duplicate column; remove one of them"]),
        ("stream,name\ns,d\n", ["a.csv:1:1: campaign: has no such column; the header is stream,name"]),
        ("stream;name\ns;d\n", ["a.csv:1:1: campaign: has no such column; the header is stream,name"]),
        ("stream\tname\ns\td\n", ["a.csv:1:1: campaign: has no such column; the header is stream,name"]),
        ("", ["a.csv:1:1: is empty; begin with the header stream,campaign,account"]),
        ("stream,campaign\ns\n", ["a.csv:2:1: has 1 cell, and the header has 2"]),
        ('stream,campaign\ns,"d"x\n', [f"a.csv:2:3: opens a quote that closes within the cell, at 2:6; {DOUBLE}"]),
        ("stream,campaign\n\ns,d\ns,c\n", ["a.csv:4:1: s/c is listed twice; first at m.yaml:7:5"]),
        ("stream,campaign\ns,d\n,e\n", ["a.csv:3:1: stream: is missing"]),
        ("stream,campaign,rerun\ns,d,si\n",
         ["a.csv:2:5: rerun: must be true, false or {instance: ID}; plan prints the instance"]),
        ("stream,campaign,account\ns,d,acm\n",
         ["a.csv:2:5: account: no account is called 'acm'; did you mean 'acme'?"]),
    ],
)  # fmt: skip
def test_faults_of_csv(write, csv, lines):
    assert lines_of(write(GOOD + "campaigns_from: [a.csv]\n", a_csv=csv)) == lines


@pytest.mark.parametrize(
    ("row", "line"),
    [
        ('{"stream": "s",}', "a.jsonl:2:15: is not JSON: there is a comma after the last item"),
        ("[]", 'a.jsonl:2:1: must be a JSON object; write {"stream": "…", "campaign": "…"}'),
        ('{"stream": "s", "stream": "t"}', "a.jsonl:2:1: is not a row: 'stream' is written twice"),
        ('{"stream": NaN}', "a.jsonl:2:1: is not a row: NaN is not JSON"),
        ('{"stream": "s", "campaign": 7}', "a.jsonl:2:17: campaign: must be a string; quote it"),
        ('{"stream": "s", "campaign": "d", "nam": ""}', "a.jsonl:2:34: nam: unknown key; did you mean 'name'?"),
    ],
)
def test_faults_of_json_lines(write, row, line):
    assert lines_of(write(GOOD + "campaigns_from: [a.jsonl]\n", a_jsonl="\n" + row + "\n")) == [line]


def test_a_lone_surrogate_in_json(write):
    row = '{"stream": "s", "campaign": "d", "\\ud800": "", "name": "\\ud800"}\n'
    lines = lines_of(write(GOOD + "campaigns_from: [a.jsonl]\n", a_jsonl=row))
    assert "".join(lines).encode()


def test_json_nested_too_deep(write):
    [line] = lines_of(write(GOOD + "campaigns_from: [a.jsonl]\n", a_jsonl="[" * 60_000))
    assert line == "a.jsonl:1:1: is not a row: it is nested more than 100 levels deep"


LONGEST = 64 * 1024 - len('s,d,""')


@pytest.mark.parametrize("cell", ["x" * LONGEST, "x\n" * (LONGEST // 2)], ids=["one line", "many lines"])
def test_a_csv_record_has_64_thousand_characters_at_most(write, cell):
    lists = GOOD + "campaigns_from: [a.csv]\n"

    [fits] = lines_of(write(lists, a_csv=f'stream,campaign,name\ns,d,"{cell}"'))
    [long] = lines_of(write(lists, a_csv=f'stream,campaign,name\ns,d,"{cell}{"x" * 10}"'))

    assert "name" in fits
    assert long == "a.csv:2:1: is a record of more than 65536 characters"


def test_a_hundred_problems_are_enough(write):
    rows = "".join(f"s,d/{n}\n" for n in range(250))
    lines = lines_of(write(GOOD + "campaigns_from: [a.csv]\n", a_csv="stream,campaign\n" + rows))
    assert len(lines) == 101
    assert lines[99].startswith("a.csv:101:3: campaign: ")
    assert lines[100] == "a.csv:101:3: and 150 more"


def test_a_secret_is_never_repeated(write):
    for secret in ("canary-s3cret", "*canary-s3cret", "!canary-s3cret x", "{canary-s3cret}", "{env: canary-s3cret}"):
        text = GOOD.replace('"1"}', f'"1", client_secret: {secret}}}')
        assert not re.search("canary", "".join(lines_of(write(text))))


PIECES = st.sampled_from(
    ["version: 1\n", GOOD, "- ", "{", "}", "[", "]", ": ", "&a ", "*a", "<<: ", "!!int ", "? ", "| \n", "\n", "  ",
     "campaigns:", "waves:", "windows:", "accounts:", "host:",
     "1e999", "0x" + "f" * 90, "null", '"\\ud800"', "---\n", "'"]
)  # fmt: skip


@settings(max_examples=150)
@given(st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=12).map("".join)))
def test_arbitrary_text_raises_nothing_but_manifest_errors(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "arbitrary.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        load_manifest(path)
    except ManifestError as error:
        assert "\n".join(map(str, error.problems)).encode()  # noqa: PT017 - either end is right


@settings(max_examples=80)
@given(st.one_of(st.binary(max_size=80), st.text(alphabet='{}[]":,\\ud80s1\n', max_size=60).map(str.encode)))
def test_arbitrary_rows_raise_nothing_but_manifest_errors(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp()
    (folder / "m.yaml").write_text(GOOD + "campaigns_from: [r.csv, r.jsonl]\n")
    (folder / "r.csv").write_bytes(b"stream,campaign,tags\n" + data)
    (folder / "r.jsonl").write_bytes(data)
    try:
        load_manifest(folder / "m.yaml")
    except ManifestError as error:
        assert "\n".join(map(str, error.problems)).encode()  # noqa: PT017 - either end is right
