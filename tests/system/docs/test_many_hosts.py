"""The commands of docs/how-to/many-hosts.md, on one host: the ledger's address is that of the tests' PostgreSQL."""

import re
import tomllib

from tests.fleet.conftest import Fleet
from tests.paths import ROOT
from tests.system.docs.page import steps

PAGE = ROOT / "docs" / "how-to" / "many-hosts.md"
COMMANDS = [command.split("#")[0].strip() for command, _ in steps(PAGE.read_text(encoding="utf-8"))]
OURS = re.compile(r"^(?:\w+=\S+ )*python -m orchestrator (.*)$")
SET_UP = re.compile(r"^(pip install|createdb|export PGPASSFILE=)")


def arguments_of(command, url):
    return [url if word.startswith("postgresql://") else word for word in OURS.match(command)[1].split()]


def test_workers_and_submitter_run_as_the_page_says(tmp_path, postgres_url):
    fleet = Fleet(tmp_path, postgres_url, accounts=2, campaigns=2)
    (tmp_path / "m.yaml").rename(tmp_path / "spring.yaml")
    ours = [arguments_of(command, postgres_url) for command in COMMANDS if OURS.match(command)]
    try:
        for number, arguments in enumerate(one for one in ours if one[0] == "worker"):
            fleet.program(*arguments, log=f"worker-{number}.log")
        for arguments in (one for one in ours if one[0] != "worker"):
            ended = fleet.program(*arguments, log="submit.log", secrets=False).wait()
            assert ended == 0, fleet.log("submit")
        assert sum(fleet.starts.values()) == 4
        fleet.check_the_end()
    finally:
        fleet.close()


def test_the_rest_of_the_page_sets_up_what_the_tests_have():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    others = [command for command in COMMANDS if not OURS.match(command)]

    assert [command for command in others if not SET_UP.match(command)] == []
    assert re.search(rf"'{project['name']}\[(\w+)\]'", "\n".join(others))[1] in project["optional-dependencies"]
