"""Checks a pack of `audit export` by itself: it needs Python 3.11 or newer, and shares no code with the program.

python verify.py PACK.zip [HEAD]    HEAD: a hash that was noted elsewhere, such as `head` in a result.json

Exit code 0: every file has its sum, and every record of the journal is as it was written. 1: something is not, and a
line says what. docs/how-to/audit.md says what that proves, and what it cannot.
"""

import hashlib
import json
import sys
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

Row = dict[str, Any]
Chains = dict[str, list[str]]  # by name: the hashes of a chain's records, in their order


def main(*words: str) -> int:
    """Check a pack, and print what was found."""
    if len(words) not in {1, 2}:
        print(__doc__)
        return 2
    problems: list[str] = []
    proven: Counter[bool] = Counter()
    try:
        with zipfile.ZipFile(words[0]) as pack:
            problems += wrong_files(pack)
            problems += wrong_records(counted(pack, proven), *(head.lower() for head in words[1:]))
    except Exception as error:  # noqa: BLE001 - a pack may hold anything
        problems.append(f"the pack cannot be read: {error!r}")
    if problems:
        # In ASCII and on lines of their own: a name in a pack may have line ends, or control the terminal.
        print("\n".join(ascii(problem)[1:-1] for problem in problems))
        return 1
    if not proven[True]:
        print(f"{proven.total()} records: none has a hash, so nothing can be verified")
        return 1
    print(f"{proven.total()} records: {proven[True]} are as they were written")
    if proven[False]:
        print(f"{proven[False]} were written before journals had chains: nothing proves them")
    return 0


def wrong_files(pack: zipfile.ZipFile) -> Iterator[str]:
    """What is wrong with the files, by SHA256SUMS."""
    lines = pack.read("SHA256SUMS").decode().splitlines()
    sums = {name: found for found, name in (line.split("  ", 1) for line in lines)}
    if len(sums) < len(lines):
        yield "SHA256SUMS names a file twice"
    names = Counter(pack.namelist())
    for name in sorted({*sums, *names}):
        if name not in names:
            yield f"{name} is missing"
        elif names[name] > 1 or name not in {*sums, "SHA256SUMS"}:
            yield f"{name} was added"
        elif name.startswith("/") or "\\" in name or ":" in name or ".." in name.split("/"):
            yield f"{name} would be unpacked in another folder"
        elif name in sums and sum_of(pack, name) != sums[name]:
            yield f"{name} was changed"


def sum_of(pack: zipfile.ZipFile, name: str) -> str:
    """The sum of a file, read piece by piece: a small pack may hold a huge one."""
    found = hashlib.sha256()
    with pack.open(name) as file:
        while piece := file.read(2**20):
            found.update(piece)
    return found.hexdigest()


def counted(pack: zipfile.ZipFile, proven: "Counter[bool]") -> Iterator[Row]:
    """The journal's records; `proven` counts those with a hash and those without."""
    with pack.open("journal.jsonl") as lines:
        for line in lines:
            row = json.loads(line)
            proven[bool(taken_apart(row["data"])[1])] += 1
            yield row


def wrong_records(rows: Iterable[Row], head: str = "") -> list[str]:
    """What is wrong with the journal's records."""
    chains: Chains = {}
    problems, launch = [], None
    for number, row in enumerate(rows, 1):
        launch = launch or row["launch"]
        # What people record about a launch, or are told of it, is one chain; each run has its own.
        name = "people" if row["kind"] == "notice" or row["run_id"].startswith("person:") else row["run_id"]
        chain, (text, found) = chains.get(name, []), taken_apart(row["data"])
        what = f"line {number}, record {len(chain) + 1} of {name}:"
        if row["launch"] != launch or any("\0" in str(value) for value in row.values()):
            problems.append(f"{what} not a record of this launch")
        # A link: the SHA-256 over the hash before it, the columns, and the data without the hash itself.
        columns = row["launch"], row["campaign"], str(row["attempt"]), row["kind"], row["run_id"], row["at"].hex()
        line = "\0".join([chain[-1] if chain else "", *columns, row["lane"], text])
        if found and hashlib.sha256(line.encode()).hexdigest() != found:
            problems.append(f"{what} does not follow the one before it; one of the two was changed, or others are gone")
        elif found:
            problems += [f"{what} {wrong}" for wrong in wrong_view(name, json.loads(text), chains)]
        elif "chain_seen" in text or any(any(hashes) for hashes in chains.values()):
            problems.append(f"{what} has no hash, and records before it have")
        chains.setdefault(name, chain).append(found)
    if head and not any(head in chain for chain in chains.values()):
        problems.append(f"no record has the hash {head}: the journal was cut off, or written anew")
    return problems


def wrong_view(own: str, data: dict[str, Any], chains: Chains) -> Iterator[str]:
    """Where a record saw other chains than those that begin before it here. Not all records look."""
    if (whole := data.get("part_of")) is not None and whole not in chains:
        yield f"it is a part of {whole}, which is missing"
    seen = data.get("chain_seen", {})
    for name in sorted({*seen, *chains} - ({own} - {*seen})) if "chain_seen" in data else ():
        count, found = seen.get(name, (0, ""))
        chain = chains.get(name, [])
        if not count:
            yield f"it did not see {name}, which was added"
        elif len(chain) < count:
            yield f"it saw {count} records of {name}, and {len(chain)} are here"
        elif chain[count - 1] != found:
            yield f"it saw another record {count} of {name}"


def taken_apart(data: str) -> tuple[str, str]:
    """A record's data as it was hashed, and its hash, which is the last key; an empty hash where it has none."""
    before, _, found = data.rpartition('"chain":"')
    is_hash = len(found) == 66 and found.endswith('"}') and not set(found[:-2]) - set("0123456789abcdef")
    if not is_hash or not (before == "{" or (before.endswith(",") and len(before) > 2)):
        return data, ""
    return before.removesuffix(",") + "}", found[:-2]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
