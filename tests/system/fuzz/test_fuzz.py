"""The fuzzer's corpus again, its targets on structured mutations, and a megabyte of anything within bounds."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.paths import ROOT
from tests.system.fuzz import big
from tests.system.fuzz.targets import HEAD, TARGETS, fuzz_csv, fuzz_jsonl, fuzz_manifest, fuzz_reply

HERE = Path(__file__).parent
CORPUS = sorted(HERE.glob("corpus/*/*"))
MANIFESTS = [f.read_bytes() for f in CORPUS if f.parent.name == "manifest"]
TABLES = [f.read_bytes() for f in CORPUS if f.parent.name == "csv"]
LINES = [f.read_bytes() for f in CORPUS if f.parent.name == "jsonl"]
REPLIES = [f.read_bytes() for f in CORPUS if f.parent.name == "reply"]
ODD = st.sampled_from(
    [b"",
     b"\0", b"\r", b"\xc2\x85", b"\xe2\x80\xa8", b"\xef\xbb\xbf", b"\xff", b"\t", b": ", b"- ", b"? ", b"&a ", b"*a",
     b"<<: *a",
     b"!x ", b"!!int ", b"[", b"]", b"{", b"}", b'"', b"'", b"|\n", b"---\n", b"%TAG ! x\n", b",", b";", b"~",
     b"1e999", b"0x" + b"f" * 90, b"9" * 5000, b".nan", b'"\\ud800"', b"NaN", b"campaigns:\n", b"waves: [{name: w}]\n"]
)  # fmt: skip
QUICK = settings(max_examples=150, derandomize=True, database=None)


@pytest.mark.parametrize("file", CORPUS, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_the_corpus(file):
    TARGETS[file.parent.name](file.read_bytes())


@st.composite
def mutated(draw, seeds):
    """A seed with pieces cut out, doubled, swapped for those of another seed, or made odd."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(1, 4))):
        first, last = sorted((draw(st.integers(0, len(data))), draw(st.integers(0, len(data)))))
        other = draw(st.sampled_from(seeds))
        piece = draw(st.one_of(ODD, st.just(data[first:last] * 2), st.just(other[first:last]), st.binary(max_size=8)))
        data = data[:first] + piece + data[last:]
    return data


@QUICK
@given(mutated(MANIFESTS))
def test_a_mutated_manifest(data):
    fuzz_manifest(data)


@QUICK
@given(mutated(TABLES))
def test_a_mutated_table(data):
    fuzz_csv(data)


@QUICK
@given(mutated(LINES))
def test_mutated_lines(data):
    fuzz_jsonl(data)


@QUICK
@given(mutated(REPLIES))
def test_a_mutated_reply(data):
    fuzz_reply(data)


VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.just("1s..60s"), st.just({})
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(big.KEYS), inner, max_size=5)),
    max_leaves=12,
)


@QUICK
@given(st.dictionaries(st.sampled_from(big.KEYS), VALUES, max_size=6))
def test_known_keys_with_any_value(values):
    fuzz_manifest(HEAD + json.dumps(values).encode()[1:-1] + b"\n")
    fuzz_manifest(json.dumps(values).encode())


def measured(directory, names):
    """Each input in a process of its own: seconds of CPU, the most memory, and what came out."""
    command = [sys.executable, "-m", "tests.system.fuzz.big", str(directory), *names]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, text=True, timeout=300,
                          capture_output=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is measured by Linux's /proc")
def test_a_megabyte_of_anything_is_read_within_bounds(tmp_path):
    seen = measured(tmp_path, big.NAMES)

    assert [one["name"] for one in seen] == list(big.NAMES)
    assert [one for one in seen if one["end"] not in {"valid", "faults"}] == []
    assert [one for one in seen if one["mib"] > 256] == []
    # One second is the promise, of a quiet machine: where others share its cores, and coverage is measured, the same
    # work takes up to four. What grows with the square of the input takes minutes.
    assert [one for one in seen if one["seconds"] > 5] == []
