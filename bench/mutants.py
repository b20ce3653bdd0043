"""What the tests made of the mutants that `mutmut run` left in mutants/: killed of all, by module.

Run by `make mutate`. Names every survivor, for docs/promises.md to explain. Ends with 1 where less than 95 % are dead
in all of core/, or less than 90 % in one of its modules.
"""

import json
import sys
from pathlib import Path

_LEAST_OF_ALL = 0.95
_LEAST_OF_EACH = 0.90
_MODULES = Path("mutants/orchestrator/core")
_DEAD = {1, 3, -24, 24, 36, 152, 255, -9}  # mutmut's marks: a test failed, or the time or the memory was used up


def _fates() -> dict[str, dict[str, int | None]]:
    """By module, what ended each mutant's test run; None where it was not run."""
    found = {}
    for file in sorted(_MODULES.rglob("*.py.meta")):
        marks = json.loads(file.read_text(encoding="utf-8"))["exit_code_by_key"]
        if marks:
            found[file.relative_to(_MODULES).as_posix().removesuffix(".py.meta")] = marks
    return found


def _say(module: str, marks: dict[str, int | None]) -> float:
    killed = sum(mark in _DEAD for mark in marks.values())
    print(f"| {module} | {killed} | {len(marks)} | {killed / len(marks):.1%} |")
    return killed / len(marks)


def _main() -> int:
    fates = _fates()
    if not fates or any(mark is None for marks in fates.values() for mark in marks.values()):
        print("the mutants have not all been tried: make mutate")
        return 1
    print("| module | killed | mutants | share |\n|---|---|---|---|")
    shares = {module: _say(module, marks) for module, marks in fates.items()}
    everything = {name: mark for marks in fates.values() for name, mark in marks.items()}
    total = _say("all", everything)
    for name, mark in everything.items():
        if mark not in _DEAD:
            print(f"alive: {name}")
    return 0 if total >= _LEAST_OF_ALL and min(shares.values()) >= _LEAST_OF_EACH else 1


if __name__ == "__main__":
    sys.exit(_main())
