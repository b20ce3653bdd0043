"""What an audit found, as text and as JSON."""

from collections.abc import Iterator
from typing import Any, Final

from orchestrator.console.terminal import plain
from orchestrator.core.journal.audit import Audit
from orchestrator.core.text import plural

_MAX_SHOWN: Final = 20


def audit_text(found: Audit) -> str:
    """What is wrong with a launch's journal, the first twenty findings, and its chains."""
    # A journal that was changed may hold anything, such as a line of its own that finds nothing wrong.
    return "".join(
        f"{plain(line)}\n" for line in [_verdict(found), *_findings(found), *_chains(found), *_remarks(found)]
    )


def _verdict(found: Audit) -> str:
    what = f"launch {found.launch}: {plural(found.records, 'record')} in {plural(len(found.chains), 'chain')}"
    if found.findings:
        return f"{what}; {plural(len(found.findings), 'finding')}: the journal is not as it was written"
    if not found.is_verified:
        return f"{what}: none has a hash, so nothing can be verified"
    return f"{what}, {'those with a hash' if found.unchained else 'all'} as they were written"


def _findings(found: Audit) -> Iterator[str]:
    for finding in found.findings[:_MAX_SHOWN]:
        yield f"  {f'row {finding.number}: ' if finding.number is not None else ''}{finding.message}"
    if len(found.findings) > _MAX_SHOWN:
        yield f"  and {len(found.findings) - _MAX_SHOWN} more"


def _chains(found: Audit) -> Iterator[str]:
    for chain in found.chains:
        state = "ended" if chain.is_ended else "open"
        yield f"  {chain.name}: {plural(chain.count, 'record')}, {state}, head {chain.head or 'none'}"


def _remarks(found: Audit) -> Iterator[str]:
    if found.unchained:
        yield f"written before journals had chains, so that nothing proves them: {plural(found.unchained, 'record')}"
    for chain in found.chains:
        if not (chain.is_ended or chain.is_seen):
            yield f"{chain.name} is open, and no later record has seen its end: to be sure of it later, note its head"


def audit_json(found: Audit) -> dict[str, Any]:
    """The same, with every finding."""
    return {
        "launch": found.launch,
        "verified": found.is_verified,
        "records": found.records,
        "unchained": found.unchained,
        "chains": [
            {"name": one.name, "records": one.count, "unchained": one.unchained, "ended": one.is_ended,
             "head": one.head or None} for one in found.chains
        ],
        "findings": [{"chain": one.chain, "row": one.number, "message": one.message} for one in found.findings],
    }  # fmt: skip
