"""Every report of one small result, byte for byte. After a wanted change: python -m tests.report.test_golden."""

from pathlib import Path

import pytest

from orchestrator.report import files, github
from tests.report.samples import records_of, small

GOLDEN = Path(__file__).parent / "golden"


def written():
    texts = {name: "".join(render(small(), records_of(small()))) for name, render in files._WRITERS.values()}
    return {**texts, "annotations.txt": "".join(f"{line}\n" for line in github.annotations(small()))}


@pytest.mark.parametrize("name", written())
def test_a_report_is_what_it_was(name):
    assert (GOLDEN / name).read_bytes().decode() == written()[name]


def test_no_golden_file_is_forgotten():
    assert {file.name for file in GOLDEN.iterdir()} == set(written())


if __name__ == "__main__":
    for name, text in written().items():
        (GOLDEN / name).write_bytes(text.encode())
