import math

import pytest
import yaml

from orchestrator.errors import ManifestError
from orchestrator.loading import yaml_walker
from orchestrator.loading.yaml_reader import load


@pytest.fixture(params=["CSafeLoader", "SafeLoader"], autouse=True)
def _either_parser(request, monkeypatch):
    monkeypatch.setattr(yaml_walker, "_LOADER", getattr(yaml, request.param))


def faults(text):
    try:
        return [str(problem) for problem in load(text, "f").problems]
    except ManifestError as error:
        return [str(problem) for problem in error.problems]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("off", "off"), ("yes", "yes"), ("2026-03-01", "2026-03-01"), ("12:30", "12:30"), ("1_000", "1_000"),
        ("null", None), ("~", None), ("", None), ("true", True), ("FALSE", False), ("tRue", "tRue"),
        ("7", 7), ("-7", -7), ("0o17", 15), ("017", 17), ("0x1F", 31), ("0b1", "0b1"),
        ("1.5", 1.5), ("1e3", 1000.0), (".5", 0.5), ("-.inf", -math.inf), ("1e999", math.inf), ("9" * 500, math.inf),
        ('"7"', "7"), ("'null'", "null"), ("!!str 7", "7"), ("! 7", "7"), ("!!int 7", 7), ('!!int "7"', 7),
        ("67777ce93e25326494e90001", "67777ce93e25326494e90001"), ("50/60s", "50/60s"), ("|\n  a\n", "a\n"),
    ],
)  # fmt: skip
def test_scalars_follow_yaml_1_2(written, value):
    assert load(f"a: {written}\n", "f").value == {"a": value}


def test_not_a_number_is_a_number():
    assert math.isnan(load("a: .nan", "f").value["a"])


def test_anchors_aliases_and_merges():
    text = "a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3}\nc: {q: 4, <<: [*x, {r: 5, p: 6}]}\nd: [*x, '<<']\n"
    assert load(text, "f").value == {
        "a": {"p": 1, "q": 2}, "b": {"p": 1, "q": 3}, "c": {"q": 4, "p": 1, "r": 5}, "d": [{"p": 1, "q": 2}, "<<"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("a: 1\nb: 2\n\na: 3\na: 4\n", ["f:4:1: a: is written twice; first at f:1:1",
                                       "f:5:1: a: is written twice; first at f:1:1"]),
        ("l:\n  - {k: 1}\n  - {k: 1, k: 2}\n", ["f:3:12: l[1].k: is written twice; first at f:3:6"]),
        ("a: 1\n---\nb: 1\n", ["f:2:1: a second document begins here; write one document per file"]),
        ("a:\n  7: x\n", ["f:2:3: a: a key must be a string; quote it"]),
        ("a: {[b]: c}\n", ["f:1:5: a: a key must be a string; write key: value"]),
        ("a: &x b\n*x : c\n", ["f:2:1: a key must be a string; write key: value"]),
        ("a: *x\n", ["f:1:4: a: is an alias without a finished anchor before it; quote it if it is text"]),
        ("a: &x [*x]\n", ["f:1:8: a[0]: is an alias without a finished anchor before it; quote it if it is text"]),
        ("a: !!python/name:os.system x\n", ["f:1:4: a: has a tag that is not supported; take it out"]),
        ("a: !!set {b}\n", ["f:1:4: a: has a tag that is not supported; take it out"]),
        ("a: {<<: 7}\n", ["f:1:5: a: merges a value that is not a mapping; write <<: *name"]),
        ("a: {<<: {b: 1}, <<: {c: 1}}\n", ["f:1:17: a: merges twice; write <<: [*one, *two]"]),
        ("[" * 33, ["f:1:33: " + "[0]" * 32 + ": is nested more than 32 levels deep"]),
    ],
)  # fmt: skip
def test_faults_have_a_place(text, problems):
    assert faults(text) == problems


@pytest.mark.parametrize(
    ("text", "place"),
    [("a: b: c\n", "f:1:5: "), ("a: 1\n\tb: 2\n", "f:2:1: "), ("a: 'x\n", "f:1:4: "), ("a: @x", "f:1:4: ")],
)  # fmt: skip
def test_syntax_errors_have_a_place(text, place):
    [line] = faults(text)
    assert line.startswith(place + "is not YAML: ")


def test_what_was_found_before_a_syntax_error_is_kept():
    lines = faults("a: 1\na: 2\nb: c: d\n")
    assert lines[0] == "f:2:1: a: is written twice; first at f:1:1"
    assert len(lines) == 2


def test_aliases_are_bounded():
    [line] = faults("a: &a x\nl: [" + "*a, " * 101 + "]\n")
    assert line.endswith("there are more than 100 aliases")


def test_a_billion_laughs_are_refused():
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    [line] = faults("\n".join(rows))
    assert "aliases and merges stand for more than 100000 values" in line


def test_marks_fall_back_to_the_nearest_parent():
    loaded = load("a:\n  - b: 1\n    c: {d: 2}\n  - x\n", "f")
    paths = [(), ("a",), ("a", 0), ("a", 0, "c", "d"), ("a", 1), ("a", 0, "none", 3), ("b",)]
    assert list(loaded.marks(paths).values()) == [(1, 1), (1, 1), (2, 5), (3, 9), (4, 5), (2, 5), (1, 1)]
