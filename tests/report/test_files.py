import csv
import io
import json
import os
import typing
import weakref
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.cli.options import FORMATS
from orchestrator.core.manifest.models import ReportFormat
from orchestrator.core.result.table import COLUMNS
from orchestrator.core.result.texted import recipients_json
from orchestrator.core.result.types import FIELDS, CampaignResult, Campaigns, Result, values
from orchestrator.model import Outcome, Reason
from orchestrator.report import files


def result_of(*messages: str) -> Result:
    one = CampaignResult(
        "main", "st-1", "cd-1", "Winter", "all", Outcome.FAILED, Reason.REJECTED, "", 1, None, None, None, 400, -1.5,
        None, None, None, "", None, None,
    )  # fmt: skip
    campaigns = tuple(replace(one, message=message) for message in messages)
    return Result({"launch": "winter", "exit_code": 10}, {}, {}, [], campaigns, [], recipients_json({}), None)


def rows_of(text: str):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_reports_lie_in_the_launchs_folder(tmp_path):
    written = files.write(result_of("no"), [], tmp_path / "reports", ["json", "csv"])

    assert [tmp_path / "reports" / "winter" / name for name in ("result.json", "result.csv")] == written
    assert json.loads(written[0].read_text(encoding="utf-8"))["campaigns"][0]["message"] == "no"


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_reports_obey_the_umask(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        written = files.write(result_of("no"), [], tmp_path, files.FORMATS[:2])
    finally:
        os.umask(before)

    assert {mode} == {path.stat().st_mode & 0o777 for path in written}


def test_a_report_replaces_its_predecessor(tmp_path):
    files.write(result_of("old"), [], tmp_path, ["json"])
    (path,) = files.write(result_of("new"), [], tmp_path, ["json"])

    assert "new" in path.read_text(encoding="utf-8")
    assert [path] == list(path.parent.iterdir())


@pytest.mark.parametrize("broken", ["fsync", "replace", "fdopen"])
def test_a_failure_leaves_the_old_report_and_no_draft(tmp_path, monkeypatch, broken):
    (path,) = files.write(result_of("old"), [], tmp_path, ["json"])
    before = path.read_bytes()

    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*((files.Path, "replace", fail) if broken == "replace" else (os, broken, fail)))
    with pytest.raises(OSError, match="No space left"):
        files.write(result_of("new"), [], tmp_path, ["json"])

    assert before == path.read_bytes()
    assert [path] == list(path.parent.iterdir())


def test_an_interrupt_leaves_the_old_report_and_no_draft(tmp_path, monkeypatch):
    (path,) = files.write(result_of("old"), [], tmp_path, ["csv"])

    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        files.write(result_of("new"), [], tmp_path, ["csv"])

    assert "old" in path.read_text(encoding="utf-8")
    assert [path] == list(path.parent.iterdir())


@pytest.mark.parametrize(
    ("message", "cell"),
    [
        *((text, f"'{text}") for text in ("=1+1", "+1", "-1", "@SUM(A1)", "\t1", "\r1", "\n1", "=cmd|' /C calc'!A0")),
        ("\uff1d1", "'\uff1d1"),
        ("\t=1", "'\t'=1"),
        ("a;=1+1;-2", "a;'=1+1;'-2"),
        ("a\n@x\r\n+1", "a\n'@x\r\n'+1"),
        ("a;b; c = 1 - 2", "a;b; c = 1 - 2"),
    ],
)
def test_a_cell_is_never_a_formula_whatever_separates_cells(message, cell):
    assert [[cell, 1]] == [list(row) for row in files._cells([[message, 1]])]


@pytest.mark.parametrize(
    "message", ["=1+1", "-1", "@x", "plain", 'a,"b"', "two\nlines", "two\r\nlines", "", " =1", "é"]
)
def test_a_message_survives_the_csv_file(message):
    (row,) = rows_of("".join(files.as_csv(result_of(message))))

    assert row["message"] in {message, f"'{message}"}
    assert not row["message"].startswith(("=", "+", "-", "@"))
    assert row["elapsed_ms"] == "-1.5"
    assert list(row) == list(COLUMNS)


@pytest.mark.parametrize(("message", "cell"), [("ok\r=1+1", "ok\r'=1+1"), ("\r1", "'\r1")])
def test_a_carriage_return_does_not_start_a_row(message, cell):
    lines = "".join(files.as_csv(result_of(message)))

    assert len(rows_of(lines)) == 1
    assert f'"{cell}"' in lines


@pytest.mark.parametrize("name", ["json", "csv"])
def test_a_servers_lone_surrogate_does_not_cost_the_report(tmp_path, name):
    message = json.loads('"half a pair \\ud83d"')  # a JSON reply may say so, and the journal keeps it

    files.write(result_of(message), [], tmp_path, [name])


def test_every_format_of_a_manifest_can_be_written_and_asked_for():
    known = typing.get_args(ReportFormat)

    assert known == files.FORMATS == FORMATS


TEXTS = st.text(st.characters(), max_size=20)  # lone surrogates, too
ROWS = st.lists(
    st.builds(
        CampaignResult,
        account=TEXTS, stream=TEXTS, campaign=TEXTS, name=TEXTS, wave=TEXTS, outcome=st.sampled_from(Outcome),
        reason=st.sampled_from(Reason), message=TEXTS, attempts=st.integers(0, 10**6), intent_at=st.none() | TEXTS,
        sent_at=st.none() | TEXTS, finished_at=st.none() | TEXTS, http_status=st.none() | st.integers(-1, 10**9),
        elapsed_ms=st.none() | st.floats(0, 1e15).map(lambda ms: round(ms, 1)),
        evidence=st.none() | TEXTS, updated_at=st.none() | TEXTS, next=st.none() | TEXTS,
        recipients=st.none() | st.integers(0, 10**12),
    ), max_size=4,
)  # fmt: skip


@given(ROWS)
def test_a_line_of_json_is_as_the_standard_library_writes_it(rows):
    dumps = json.JSONEncoder(ensure_ascii=False).encode
    lines = [f"\n    {dumps(dict(zip(FIELDS, values(row), strict=True)))}" for row in rows]
    found = "".join(files.as_json(replace(result_of("x"), campaigns=tuple(rows))))

    assert ",".join(lines).encode("utf-8", "backslashreplace") in found.encode("utf-8", "backslashreplace")
    assert len(json.loads(found)["campaigns"]) == len(rows)


def test_reports_of_rows_share_one_pass_over_the_campaigns(tmp_path):
    passes = []
    made = result_of("x")
    shared = Campaigns(made.tally, lambda: iter(passes.append(1) or made.campaigns))

    files.write(replace(made, campaigns=shared), [], tmp_path, ["json", "csv"])
    assert len(passes) == 1


def test_a_report_that_cannot_be_written_leaves_the_other_whole(tmp_path):
    made = result_of("x")
    (folder := tmp_path / made.run["launch"] / "result.json").mkdir(parents=True)
    outcomes = dict(files.write_each(made, [], tmp_path, ["json", "csv"]))

    assert isinstance(outcomes["json"], IsADirectoryError)
    assert outcomes["csv"].read_bytes().decode() == "".join(files.as_csv(made))
    assert {file.name for file in folder.parent.iterdir()} == {"result.json", "result.csv"}


def test_campaigns_that_cannot_be_read_leave_every_old_report(tmp_path):
    made = result_of("x")
    (old,) = files.write(made, [], tmp_path, ["csv"])
    before = old.read_bytes()

    def broken():
        yield from made.campaigns * 1500
        raise ValueError("unreadable")

    wrong = replace(made, campaigns=Campaigns(made.tally, broken))
    outcomes = dict(files.write_each(wrong, [], tmp_path, ["json", "csv"]))
    assert [str(error) for error in outcomes.values()] == ["unreadable", "unreadable"]
    assert [file.name for file in old.parent.iterdir()] == ["result.csv"]
    assert old.read_bytes() == before


def test_a_campaign_that_was_written_is_forgotten(tmp_path):
    alive = weakref.WeakSet()
    most = []

    class Watched(CampaignResult):
        """Unlike its base, it can be watched."""

        __hash__ = object.__hash__

    def concluded():
        one = result_of("x").campaigns[0]
        for _ in range(20_000):
            made = Watched(*values(one))
            alive.add(made)
            most.append(len(alive))
            yield made

    made = result_of("x")
    files.write(replace(made, campaigns=Campaigns(made.tally, concluded)), [], tmp_path, ["json", "csv"])
    assert max(most) <= 2 * 1000 + 1
