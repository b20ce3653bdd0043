import pytest

from tests.loading.mistakes import manifests, tables
from tests.loading.mistakes.case import FOLDER, printed, table

MODULES = {"manifests": manifests, "tables": tables}
CASES = [(name, case) for module in MODULES.values() for name, case in module.CASES.items()]


@pytest.mark.parametrize("name", MODULES)
def test_each_mistake_gets_the_message_of_the_golden_file(name):
    """After a change: `python -m tests.loading.mistakes`, and read the difference."""
    assert table(MODULES[name].CASES) == (FOLDER / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "case"), CASES, ids=[name for name, _ in CASES])
def test_the_faulty_value_is_shown(name, case):
    assert case.sees in printed(case), name


def test_no_message_repeats_a_secret():
    texts = [printed(case) for name, case in CASES if "canary" in str(case.files) and "wave" not in name]
    assert len(texts) == 4
    assert "canary" not in "".join(texts)
