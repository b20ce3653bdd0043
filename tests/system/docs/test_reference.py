import ast
import re
from itertools import chain, combinations

import pytest

from docs.generator.commands import command_sections
from docs.generator.environment import GIVEN, PASSED_ON, READ
from docs.generator.exits import codes, exit_code_sections
from docs.generator.pages import FOLDER, pages
from docs.generator.schemas import schema_sections
from orchestrator.app import command_checks as command
from orchestrator.app.schema import manifest_schema, result_schema
from orchestrator.cli import main
from orchestrator.core.result.build import exit_code
from orchestrator.core.result.conclude import code_of
from orchestrator.model import Outcome, Reason, Stop, StopReason
from tests.paths import ROOT

VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
ENVIRONMENT = re.compile(r"\benviron\b|envvar|\benvironment: Mapping\b")
NO_VARIABLES = {
    "ADDRESS",
    "IP",
    "MANIFEST",
    "N",
    "URL",
    "VARIABLE",  # words of options of serve
    "HASH",
    "FILE",
    "FRX",
    "NAME",
    "TERMS",
    "TEXT",
    "TIME",
    "LAUNCH",
    "WAVE",
    "RUN",
    "GET",
    "JWT",
    "POST",
    "TCP_USER_TIMEOUT",
    "HS256",
    "HS512",
    "RS256",
    "RS512",
}


@pytest.mark.parametrize("name", pages())
def test_the_committed_page_is_what_the_code_says(name):
    assert (FOLDER / name).read_text(encoding="utf-8") == pages()[name], "run `make docs`, and commit"


def test_nothing_else_lies_beside_them():
    assert {file.name for file in FOLDER.iterdir()} == {*pages(), "glossary.md"}  # the one that is written by hand


@pytest.mark.parametrize("schema", [manifest_schema(), result_schema()], ids=["manifest", "result"])
def test_every_key_says_what_it_means(schema):
    rows = [row for section in schema_sections(schema, "Top") for row in re.findall(r"^\| `.*$", section, re.MULTILINE)]
    keys = [key for part in (schema, *schema["$defs"].values()) for key in part.get("properties", ())]

    assert len(rows) == len(keys) > 40
    assert [row for row in rows if not row.rstrip(" |") or row.endswith("|  |")] == []


def test_every_command_has_its_section():
    text = "\n".join(command_sections())

    assert [name for name in main.list_commands(None) if f"\n## {name}\n" not in text] == []
    assert "`--no-wait`" in text


def test_the_codes_are_those_that_a_run_can_end_with():
    stops = [None, *(Stop(reason, "") for reason in StopReason)]
    ended = {exit_code([], stop) for stop in stops}

    assert ended < codes().keys()
    assert {number for number, (_, sending) in codes().items() if "no start" in sending} >= set(range(2, 9))


ENDINGS = {Outcome.UNKNOWN: 11, Outcome.HELD: 12, Outcome.FAILED: 10, Outcome.STARTED: 0}
STOPS = {"JOURNAL": 13, "SIGHUP": 129, "SIGINT": 130, "SIGTERM": 143, "RULE": 12}


def test_of_several_codes_the_page_names_the_one_that_counts():
    sentence = next(part for part in exit_code_sections() if part.startswith("\nWhere several apply"))
    order = [int(number) for number in re.findall(r"\d+", sentence)]
    subsets = chain.from_iterable(combinations(ENDINGS, size) for size in range(len(ENDINGS) + 1))

    assert order == [13, 11, 129, 130, 143, 12, 10, 14, 0]
    for outcomes in subsets:
        for name, stopped in {None: 0, **STOPS}.items():
            applies = {stopped, *(ENDINGS[outcome] for outcome in outcomes)}
            stop = Stop(StopReason[name], "") if name else None
            assert code_of([(one, Reason.ACCEPTED) for one in outcomes], stop) == min(applies, key=order.index)


def variables_read():
    """Words that look like a variable, in the modules that read the environment."""
    for file in (ROOT / "orchestrator").rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        if not ENVIRONMENT.search(text) or "sandbox" in file.parts:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and VARIABLE.fullmatch(node.value):
                yield node.value


def test_the_list_of_variables_is_what_the_code_reads():
    known = {*READ, *PASSED_ON, *NO_VARIABLES}

    assert set(variables_read()) - known == set()
    assert READ.keys() - set(variables_read()) == set()


def test_a_waves_command_sees_what_the_page_says():
    facts = re.search(r"_facts = (\{.*\})", (ROOT / "orchestrator/engine/wave_gate.py").read_text(encoding="utf-8"))

    assert PASSED_ON == command._PASSED_ON
    assert GIVEN.keys() == {f"ORCHESTRATOR_{name}" for name in re.findall(r'"([A-Z]+)":', facts[1])}
