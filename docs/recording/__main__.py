"""`python -m docs.recording FILE.svg` records the demonstration with asciinema, and draws it with termtosvg.

Its faults come by a seed, so all recordings look alike.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
COLUMNS, ROWS = 100, 20
_LONGEST_MS: Final = 1500
"""A frame is not shown longer: the last one stays for as long as it takes to read a summary."""
_READ_MS: Final = 8000
_SHOWN: Final = "/home/ann/campaigns"
"""The folder that the recording shows, as the documentation's pages do."""


def record(folder: Path) -> Path:
    """Run the demonstration in the folder. Returns the recording in asciinema's format, version 2."""
    shutil.copy(ROOT / "configs" / "launch.yaml", folder)
    cast = folder / "run.cast"
    around = {name: os.environ[name] for name in ("HOME", "PYTHONPATH") if name in os.environ}
    environment = {
        **around,
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
    }
    command = ["--cols", str(COLUMNS), "--rows", str(ROWS), "--command", "orchestrator run launch.yaml", str(cast)]
    subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-m", "asciinema", "rec", "--quiet", *command],
        check=True,
        cwd=folder,
        env=environment,
        timeout=120,
    )
    cast.write_text(cast.read_text(encoding="utf-8").replace(str(folder), _SHOWN), encoding="utf-8")
    return cast


def draw(cast: Path, picture: Path) -> None:
    """Draw a recording."""
    command = [
        "render",
        str(cast),
        str(picture),
        "--max-frame-duration",
        str(_LONGEST_MS),
        "--loop-delay",
        str(_READ_MS),
    ]
    subprocess.run([sys.executable, "-m", "termtosvg", *command], check=True, stderr=subprocess.DEVNULL)  # noqa: S603


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        draw(record(Path(name).resolve()), Path(sys.argv[1]))
