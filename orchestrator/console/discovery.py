"""What `discover` prints: the campaigns as CSV, or what became of a file; JSON; and remarks."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from orchestrator.console.terminal import plain
from orchestrator.core.discovery import Discovery, Written, columns_of, csv_text, shortened
from orchestrator.core.manifest.models import Defaults
from orchestrator.core.text import command_line, plural


def as_json(discovery: Discovery, written: Written | None) -> dict[str, Any]:
    """The campaigns that are wanted, and what became of the file, where there is one."""
    file = {"file": written.file, "added": len(written.added), "gone": list(written.gone)} if written else {}
    return {
        "account": discovery.account,
        "type": str(discovery.type),
        "streams": list(discovery.streams),
        "calls": discovery.calls,
        "campaigns": [asdict(one) for one in discovery.wanted],
        "notes": [*discovery.notes, *(written.notes if written else ())],
        **file,
    }


def text(discovery: Discovery, written: Written | None, defaults: Defaults) -> str:
    """The campaigns as CSV; of a file, what became of it."""
    if written is None:
        rows = [one.cells(defaults) for one in discovery.wanted]
        columns = columns_of(rows)
        return ",".join(columns) + "\n" + csv_text(rows, columns)
    lines = [f"{plain(written.file)}: {plural(len(written.added), 'campaign')} added"]
    if written.gone:
        how = "marked" if written.marked else "not marked: the file has no place for it"
        lines.append(f"no longer on the platform ({how}): {shortened(written.gone)}")
    return "".join(f"{line}\n" for line in lines)


def messages(discovery: Discovery, written: Written | None, manifest: Sequence[str]) -> tuple[str, ...]:
    """How it went, what is left out, and the next command."""
    found, streams = plural(len(discovery.wanted), "campaign"), plural(len(discovery.streams), "stream")
    notes = (*discovery.notes, *(written.notes if written else ()))
    said = [f"{found} in {streams}, listed in {plural(discovery.calls, 'call')}", *map(plain, notes)]
    if written is not None:
        said.append(_next(written, manifest))
    return tuple(said)


def _next(written: Written, manifest: Sequence[str]) -> str:
    name, *rest = manifest
    if not written.is_read:
        return f"next: name the file in {name}, under campaigns_from"
    return f"next: {command_line('plan', name if written.file.endswith('.csv') else written.file, *rest)}"
