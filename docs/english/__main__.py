"""`python -m docs.english [FILE...]` lists the words of rules.toml in what people read, and exits with 1 if any."""

import sys
from pathlib import Path

from docs.english.check import files, report

if __name__ == "__main__":
    chosen = [Path(name).resolve() for name in sys.argv[1:]] or files()
    hits = [hit for file in chosen for hit in report(file)]
    sys.stdout.writelines(f"{hit}\n" for hit in hits)
    sys.exit(1 if hits else 0)
