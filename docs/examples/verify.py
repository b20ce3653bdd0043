"""Checks a pack of `audit export` by itself: it needs Python 3.11 or newer, and shares no code with the program.

python verify.py PACK.zip [HEAD]    HEAD: a hash that was noted elsewhere, such as `head` in a result.json

Exit code 0: every file has its sum, and every record of the journal is as it was written. 1: something is not, and a
line says what. docs/how-to/audit.md says what that proves, and what it cannot.
"""

import hashlib
import json
import sys
import zipfile
from collections.abc import Iterator
from typing import Any

Row = dict[str, Any]
Chains = dict[str, list[str]]  # by name: the hashes of a chain's records, in their order


def main(path: str, head: str = "") -> int:
    """Check a pack, and print what was found."""
    problems: list[str] = []
    rows: list[Row] = []
    try:
        with zipfile.ZipFile(path) as pack:
            problems += wrong_files(pack)
            rows = [json.loads(line) for line in pack.read("journal.jsonl").splitlines()]
        problems += wrong_records(rows, head)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        problems.append(f"the pack cannot be read: {error!r}")
    if problems:
        print("\n".join(problems))
        return 1
    unproven = sum(not taken_apart(row["data"])[1] for row in rows)
    print(f"{len(rows)} records: {len(rows) - unproven} are as they were written")
    if unproven:
        print(f"{unproven} were written before journals had chains: nothing proves them")
    return 0


def wrong_files(pack: zipfile.ZipFile) -> Iterator[str]:
    """What is wrong with the files, by SHA256SUMS."""
    lines = pack.read("SHA256SUMS").decode().splitlines()
    sums = {name: found for found, name in (line.split("  ", 1) for line in lines)}
    names = [name for name in pack.namelist() if name != "SHA256SUMS"]
    for name in sorted({*sums, *names}):
        if name not in names:
            yield f"{name} is missing"
        elif name not in sums or names.count(name) > 1:
            yield f"{name} was added"
        elif hashlib.sha256(pack.read(name)).hexdigest() != sums[name]:
            yield f"{name} was changed"


def wrong_records(rows: list[Row], head: str = "") -> list[str]:
    """What is wrong with the journal's records."""
    chains: Chains = {}
    problems = []
    for number, row in enumerate(rows, 1):
        # What people record about a launch, or are told of it, is one chain; each run has its own.
        name = "people" if row["kind"] == "notice" or row["run_id"].startswith("person:") else row["run_id"]
        chain, (text, found) = chains.get(name, []), taken_apart(row["data"])
        what = f"line {number}, record {len(chain) + 1} of {name}:"
        if row["launch"] != rows[0]["launch"] or any("\0" in str(value) for value in row.values()):
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
    if data.get("part_of", next(iter(chains), "")) not in chains and chains:
        yield f"it is a part of {data['part_of']}, which is missing"
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
