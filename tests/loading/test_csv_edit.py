import pytest

from orchestrator.core.discovery import Changes, Found
from orchestrator.core.manifest.models import Defaults
from orchestrator.errors import ManifestError, Refused
from orchestrator.loading.csv_edit import CsvList
from orchestrator.model import CampaignType

NEW = Found("st-1", "cd-2", "acme", CampaignType.SMS, 'a; "b"', "Ready", ("VIP", "All"))


def edited(text, defaults="acme", **fields):
    return CsvList("x.csv", text).edited(Changes(**fields), Defaults(account=defaults))


@pytest.mark.parametrize(
    ("text", "added"),
    [
        ("stream,campaign,name\ns,c,\n", 'st-1,cd-2,"a; ""b"""\n'),
        ("stream,campaign\r\ns,c\r\n", "st-1,cd-2\r\n"),
        ("stream,campaign\rs,c\r", "st-1,cd-2\r"),
        ("stream,campaign\ns,c", "\nst-1,cd-2"),
        ("stream,campaign\n\n\n", "st-1,cd-2\n"),
        ('"stream","campaign"\n"s","c"\n', '"st-1","cd-2"\n'),
        ("Campaign ID;Bot ID;Contact Lists;Owner\nc;s;;me\n", 'cd-2;st-1;"VIP; All";\n'),
        ("sep=;\nstream;campaign\ns;c\n", "st-1;cd-2\n"),
        ("stream\tcampaign\tname\ns\tc\t\n", 'st-1\tcd-2\t"a; ""b"""\n'),
        ("tags|stream|campaign\n|s|c\n", "|st-1|cd-2\n"),
    ],
)
def test_new_rows_are_written_as_the_file_is(text, added):
    assert edited(text, added=(NEW,)) == (text + added, 0)


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("status,stream,campaign\nReady,s,c\n", "status,stream,campaign\ngone,s,c\n"),
        ("stream,campaign,Status\ns,c,\n", "stream,campaign,Status\ns,c,gone\n"),
        ("stream;campaign;status;name\ns;c;Ready;x\n", "stream;campaign;status;name\ns;c;gone;x\n"),
        (
            'stream,campaign,name,status\ns,c,"a,\n""b""", "Ready"\n',
            'stream,campaign,name,status\ns,c,"a,\n""b""", "gone"\n',
        ),
    ],
)
def test_a_mark_changes_one_cell_and_comes_once(text, after):
    assert edited(text, gone=(0,)) == (after, 1)
    assert edited(after, gone=(0,)) == (after, 1)


def test_without_a_column_for_it_nothing_is_marked():
    text = "stream,campaign\ns,c\n"

    assert edited(text, gone=(0,)) == (text, 0)


def test_a_status_is_left_alone_unless_it_says_gone():
    text = "stream,campaign,status\ns,c,Ready\ns,d,gone\n"

    assert edited(text, listed={0: "Active", 1: "a,b"})[0] == 'stream,campaign,status\ns,c,Ready\ns,d,"a,b"\n'


def test_a_file_without_the_column_that_is_needed_is_refused():
    with pytest.raises(Refused, match=r"x\.csv has no column account"):
        edited("stream,campaign\ns,c\n", "other", added=(NEW,))


def test_a_faulty_file_is_refused_before_anything_else():
    with pytest.raises(ManifestError):
        CsvList("x.csv", "stream,campaign\ns\n")
