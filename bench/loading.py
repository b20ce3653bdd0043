"""`validate` of 100,000 campaigns as a whole process, beside what PyYAML's C loader alone needs for the same text."""

import sys
import tempfile
from pathlib import Path
from typing import Final

from bench.harness import in_turn, median, table, timed, wall

_COUNT: Final = 100_000
_HEAD: Final = """version: 1
launch: bench
host: sandbox
accounts: {acme: {account_id: "67777ce93e25326494e90001"}}
defaults: {account: acme}
"""
_LOAD: Final = "import sys, yaml; yaml.load(open(sys.argv[1], encoding='utf-8'), Loader=yaml.CSafeLoader)"


def _write(directory: Path) -> None:
    lines = [f"  - {{stream: st-{n % 50}, campaign: cd-{n}}}" for n in range(_COUNT)]
    (directory / "whole.yaml").write_text(_HEAD + "campaigns:\n" + "\n".join(lines) + "\n", encoding="utf-8")
    rows = "".join(f"st-{n % 50},cd-{n}\n" for n in range(_COUNT))
    (directory / "rows.csv").write_text("stream,campaign\n" + rows, encoding="utf-8")
    (directory / "split.yaml").write_text(_HEAD + "campaigns_from: [rows.csv]\n", encoding="utf-8")


def measure() -> str:
    """The table."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        _write(directory)
        validate = [sys.executable, "-m", "orchestrator", "validate"]
        seen = in_turn(
            {
                "PyYAML's C loader alone": lambda: timed([sys.executable, "-c", _LOAD, "whole.yaml"], directory),
                "`validate`, YAML": lambda: timed([*validate, "whole.yaml"], directory),
                "`validate`, CSV": lambda: timed([*validate, "split.yaml"], directory),
            }
        )
    base = wall(next(iter(seen.values())))
    return table(
        [f"{_COUNT:,} campaigns", "seconds", "x loader", "MB"],
        [
            [name, f"{wall(one):.2f}", f"{wall(one) / base:.2f}", f"{median(t.memory for t in one):.0f}"]
            for name, one in seen.items()
        ],
    )


if __name__ == "__main__":
    print(measure())
