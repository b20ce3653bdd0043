"""Loading manifests of 100,000 campaigns, side by side with PyYAML's own C loader on the same text."""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from orchestrator.inputs.load import load_manifest

_COUNT = 100_000
_ROUNDS = 3
_HEAD = """version: 1
launch: bench
host: sandbox
accounts: {acme: {account_id: "67777ce93e25326494e90001"}}
defaults: {account: acme}
"""


def _median(action: Callable[[], object]) -> float:
    times = []
    for _ in range(_ROUNDS):
        begun = time.perf_counter()
        action()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def _main(directory: Path) -> None:
    lines = [f"  - {{stream: st-{n % 50}, campaign: cd-{n}}}" for n in range(_COUNT)]
    whole = directory / "whole.yaml"
    whole.write_text(_HEAD + "campaigns:\n" + "\n".join(lines) + "\n", encoding="utf-8")
    rows = directory / "rows.csv"
    rows.write_text("stream,campaign\n" + "".join(f"st-{n % 50},cd-{n}\n" for n in range(_COUNT)), encoding="utf-8")
    split = directory / "split.yaml"
    split.write_text(_HEAD + "campaigns_from: [rows.csv]\n", encoding="utf-8")
    text = whole.read_text(encoding="utf-8")

    floor = _median(lambda: yaml.load(text, Loader=yaml.CSafeLoader))
    ours, csv = _median(lambda: load_manifest(whole)), _median(lambda: load_manifest(split))
    print(f"{_COUNT} campaigns, median of {_ROUNDS}: CSafeLoader alone {floor:.2f} s; load_manifest YAML {ours:.2f} s "
          f"({ours / floor:.2f} of it, validated); load_manifest CSV {csv:.2f} s")  # fmt: skip


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        _main(Path(name))
