"""Where things lie: the project's folder, `~`, and what is not expanded."""

import os
from pathlib import Path

import pytest

from orchestrator import places
from orchestrator.places import command_words, expanded, ledger_file, project_folder, report_folder

LEDGER = ".orchestrator/ledger.db"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home folder with a project in it; the working folder is one of the project's."""
    (tmp_path / "project" / "a" / "b").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path / "project" / "a" / "b")
    return tmp_path


def test_without_one_the_project_is_the_working_folder(home):
    assert ledger_file(LEDGER) == home / "project" / "a" / "b" / LEDGER
    assert report_folder(None) == Path("reports")


def test_the_nearest_folder_upwards_is_the_project(home):
    for folder in (home, home / "project"):
        (folder / ".orchestrator").mkdir()
        assert project_folder() == folder

    assert ledger_file(LEDGER) == home / "project" / LEDGER
    assert report_folder(None) == home / "project" / "reports"


def test_a_file_of_that_name_makes_no_project(home):
    (home / ".orchestrator").mkdir()
    (home / "project" / ".orchestrator").touch()

    assert project_folder() == home


def test_the_project_is_found_from_any_depth_and_through_links(home, monkeypatch):
    (home / "project" / ".orchestrator").mkdir()
    (home / "link").symlink_to(home / "project" / "a")
    monkeypatch.chdir(home / "link" / "b")

    assert ledger_file(LEDGER) == (home / "project" / LEDGER).resolve()


@pytest.mark.parametrize("text", ["~/state/x.db", "~"])
def test_a_tilde_is_the_home_folder(home, text):
    assert expanded(text) == Path(text.replace("~", str(home), 1))
    assert ledger_file("~/x.db") == home / "x.db"
    assert report_folder("~/rep") == home / "rep"


def test_a_tilde_elsewhere_is_a_letter(home):
    assert expanded("a/~/b") == Path("a/~/b")
    assert command_words(["~/look.sh", "~", "a~b", "--in=~/x", "~nobody"]) == [
        f"{home}/look.sh", str(home), "a~b", "--in=~/x", "~nobody",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["$HOME/x.db", "a/${STATE}/x.db"])
@pytest.mark.parametrize("place", [expanded, ledger_file, report_folder])
def test_a_variable_is_refused_wherever_a_path_stands(text, place):
    with pytest.raises(OSError, match="variables are not expanded"):
        place(text)


def test_a_user_without_a_home_folder_is_refused():
    with pytest.raises(OSError, match="no such home folder"):
        expanded("~no-such-user/x")


def test_a_chosen_place_is_not_looked_for(home):
    (home / ".orchestrator").mkdir()

    assert ledger_file("state/ledger.db") == Path.cwd() / "state" / "ledger.db"
    assert report_folder("reports") == Path("reports")


def test_a_working_folder_that_is_gone_is_an_os_error(home):
    os.rmdir(Path.cwd())  # noqa: PTH106 - the folder that we are in

    with pytest.raises(OSError, match="No such file"):
        project_folder()


def test_a_new_file_never_replaces_one_that_came_meanwhile(tmp_path):
    path = tmp_path / "x.csv"

    def put_late(draft, place):
        path.write_bytes(b"theirs")
        places.put_new(draft, place)

    with pytest.raises(FileExistsError), places.put_in_place(path, put_late) as file:
        file.write(b"ours")

    assert path.read_bytes() == b"theirs"
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_file_is_put_where_no_links_can_be_made(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(1, "Operation not permitted")

    path = tmp_path / "x.csv"
    monkeypatch.setattr(Path, "hardlink_to", fail)
    with places.put_in_place(path, places.put_new) as file:
        file.write(b"ours")

    assert path.read_bytes() == b"ours"
    with pytest.raises(FileExistsError), places.put_in_place(path, places.put_new) as file:
        file.write(b"more")


def test_a_changed_file_keeps_its_rights(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(b"old")
    path.chmod(0o640)
    with places.put_in_place(path, places.put_instead) as file:
        file.write(b"new")

    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"new", 0o640)
