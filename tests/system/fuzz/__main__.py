"""Coverage-guided fuzzing with atheris (`make fuzz`): `python -m tests.system.fuzz TARGET [libFuzzer's options]`.

TARGET is manifest, csv, jsonl or reply. What it finds is written as crash-… into the current directory: fix the code,
and put the file into `corpus/TARGET`, which `make test` runs every time.
"""

import sys
from pathlib import Path

import atheris

HERE = Path(__file__).parent


def main() -> None:
    target, *options = sys.argv[1:]
    with atheris.instrument_imports(include=["orchestrator", "yaml", "csv", "json"]):
        from tests.system.fuzz.targets import TARGETS
    fuzz_one = TARGETS[target]
    words = [f"-dict={HERE / 'words.dict'}", "-max_len=4096", "-timeout=5", "-rss_limit_mb=1024"]
    atheris.Setup([sys.argv[0], *words, *options], lambda data: fuzz_one(data) and None)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
