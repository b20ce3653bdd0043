"""Runs the benchmarks and writes bench/RESULTS.md: python -m bench.results [NAME ...], about an hour and a half in all.

Without names, all of them; with names, only those sections are measured again, and the others stay.
"""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench import hour, lanes, loading, loop, paced, serve, size, starts, startup
from bench.harness import machine

_FILE: Final = Path(__file__).parent / "RESULTS.md"
_HEAD: Final = """# What was measured

Written by `make bench`; `python -m bench.results NAME` measures one section again. Medians; what is compared in a table
took turns. The machine was shared and noisy: ratios mean more than seconds. [NOTES.md](NOTES.md) explains what the
figures mean, and why some targets are not met.
"""
_SECTIONS: Final[dict[str, Callable[[], str]]] = {
    "startup": startup.measure,
    "loading": loading.measure,
    "starts": starts.measure,
    "size": size.measure,
    "paced": paced.measure,
    "hour": hour.measure,
    "lanes": lanes.measure,
    "serve": serve.measure,
    "loop": loop.measure,
}


def _kept() -> dict[str, str]:
    """The sections that the file has."""
    if not _FILE.exists():
        return {}
    parts = _FILE.read_text(encoding="utf-8").split("\n## ")[1:]
    return {name: text.strip() for name, _, text in (part.partition("\n") for part in parts)}


def _section(measure: Callable[[], str]) -> str:
    """A section as measured now: what it is, when and where, and its table."""
    said = " ".join((sys.modules[measure.__module__].__doc__ or "").split("\n\npython")[0].split())
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"{said}\n\n{now}; {machine()}; `python -m {measure.__module__}`\n\n{measure().strip()}"


def main(names: list[str]) -> None:
    """Measure, section by section; each is kept as soon as it is done."""
    seen = _kept()
    for name in names or _SECTIONS:
        print(name, file=sys.stderr)
        seen[name] = _section(_SECTIONS[name])
        parts = [f"## {name}\n\n{seen[name]}\n" for name in _SECTIONS if name in seen]
        _FILE.write_text("\n".join([_HEAD, *parts]), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
