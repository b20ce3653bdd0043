"""The chain of a simulated day: linked as the ledger links it, and verified when the day is over."""

from orchestrator.core.journal.audit import audit
from orchestrator.core.journal.chain import Head, Row, chain_of, unsealed
from orchestrator.ledger.chains import Chains
from tests.system.simulation.checkers import require


class LinkedJournal:
    """The rows of a journal in memory. `linking` is asked for before a commit, and kept after it."""

    def __init__(self):
        self.chains = Chains()
        self.rows = []

    def append(self, linking, records):
        for rows in linking.rows(self, records):
            self.rows += [Row(*row) for row in rows]

    def last_hash(self, launch, chain):
        return next((self._hash(row) for row in reversed(self._of(launch)) if chain_of(row) == chain), "")

    def heads(self, launch, *, without):
        found = {}
        for row in self._of(launch):
            name = chain_of(row)
            if name != without:
                found[name] = Head(found[name].records + 1 if name in found else 1, self._hash(row))
        return found

    def _of(self, launch):
        return [row for row in self.rows if row.launch == launch]

    def _hash(self, row):
        return unsealed(row.data)[1]

    def check(self, launch, records):
        found = audit(launch, enumerate(self._of(launch), 1))
        require(not found.findings, "chain", [one.message for one in found.findings[:3]])
        require((found.records, found.unchained) == (len(records), 0), "chain", "a record has no link")
