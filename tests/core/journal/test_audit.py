"""Every single tampering with a journal is found, by the program and by the example that shares no code with it."""

import importlib.util
import json
import random

import pytest

from orchestrator.core.journal.audit import audit
from orchestrator.core.journal.chain import Head, Row, begins_part, chain_of, chained, hash_of, unsealed
from orchestrator.model import Record
from tests.paths import ROOT

_SPEC = importlib.util.spec_from_file_location("verify", ROOT / "docs/examples/verify.py")
verify = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(verify)

LAUNCH, AT = "spring", 1_800_000_000.25


class Journal:
    """A journal as the ledger writes it: `begin` and `end` look at all chains, other records do not."""

    def __init__(self):
        self.rows = []
        self._own = {}

    def add(self, run_id, kind, campaign, *, looks=False, is_start=False, **data):
        record = Record(LAUNCH, campaign, len(self.rows), kind, run_id, AT, "sandbox a1", data)
        name = chain_of(record)
        seen = self._heads(name if kind == "end" else "") if looks else None
        rows = chained([record], self._own.get(name, ""), seen, is_start=is_start)
        self._own[name] = unsealed(rows[0][-1])[1]
        self.rows += [Row(*row) for row in rows]

    def _heads(self, without):
        names = [chain_of(row) for row in self.rows]
        return {name: Head(names.count(name), head) for name, head in self._own.items() if name != without}

    def run(self, run_id, starts, *, ends=True, **header):
        is_part = "part_of" in header
        self.add(run_id, "run", f"@{run_id}", looks=not is_part, is_start=True, **header)
        for number in range(starts):
            self.add(run_id, "intent", f"st-1/{run_id}-{number}", deadline=AT, baseline=None)
            self.add(run_id, "verdict", f"st-1/{run_id}-{number}", event="accepted", message="Äctive", elapsed_ms=1.5)
        if ends:
            self.add(run_id, "end", f"@{run_id}", looks=not is_part, stop=None)


def journal():
    made = Journal()
    made.run("r-1", 2, ends=False)
    made.add("person:ann", "resolve", "st-1/r-1-1", looks=True, is_start=True, event="resolved_started")
    made.add("person:bob", "pause", "@launch", by="bob")
    made.add("person:ann", "unpause", "@launch")
    made.run("r-2", 1)
    made.add("r-2", "notice", "@r-2", event="finished")
    made.add("r-3", "run", "@r-3", looks=True, is_start=True, fleet={})
    made.run("r-4", 1, part_of="r-3")
    made.run("r-5", 1, part_of="r-3")
    made.add("r-3", "lane", "@r-3")
    made.add("r-3", "end", "@r-3", looks=True)
    return made.rows


ROWS = journal()
HEAD = unsealed(ROWS[-1].data)[1]


def findings(rows, head=None):
    return audit(LAUNCH, enumerate(rows, 1), head).findings


def wrong(rows, head=""):
    return verify.wrong_records([row._asdict() for row in rows], head)


def test_a_whole_journal_is_as_it_was_written():
    assert (findings(ROWS, HEAD), wrong(ROWS, HEAD)) == ((), [])


# One tampering each: a function of the rows and a source of random numbers, which changes the rows in place.


def change_a_field(rows, draw):
    at, column = draw.randrange(len(rows)), draw.choice(Row._fields)
    value = getattr(rows[at], column)
    new = value + draw.choice([1, -1, 1000]) if isinstance(value, int | float) else changed(value, draw)
    rows[at] = rows[at]._replace(**{column: new})


def changed(text, draw):
    """The text with one character replaced, dropped or added."""
    at, kind = draw.randrange(len(text) + 1), draw.randrange(3)
    new = draw.choice('a0"\\,:{} \0é')
    made = text[:at] + ("" if kind == 1 else new) + text[at + (kind != 2) :]
    return made if made != text else text + new


def change_a_byte(rows, draw):
    at = draw.randrange(len(rows))
    text = rows[at].data
    place = draw.randrange(len(text))
    rows[at] = rows[at]._replace(
        data=text[:place] + chr(ord(text[place]) ^ (1 << draw.randrange(7))) + text[place + 1 :]
    )


def change_a_value(rows, draw):
    """By a person with an editor: valid JSON, the hash left as it was."""
    at = draw.randrange(len(rows))
    data = json.loads(rows[at].data)
    data[draw.choice([*data, "more"])] = draw.choice(["x", 7.25, {"y": None}])
    rows[at] = rows[at]._replace(data=json.dumps(data, separators=(",", ":")))


def drop(rows, draw):
    del rows[draw.randrange(len(rows))]


def drop_a_chain(rows, draw):
    name = draw.choice(sorted({chain_of(row) for row in rows}))
    rows[:] = [row for row in rows if chain_of(row) != name]


def swap(rows, draw):
    """Two records of one chain."""
    name = draw.choice(sorted({chain_of(row) for row in rows}))
    one, other = draw.sample([at for at, row in enumerate(rows) if chain_of(row) == name], 2)
    rows[one], rows[other] = rows[other], rows[one]


def add_a_copy(rows, draw):
    copy = draw.choice(rows)
    rows.insert(draw.randrange(len(rows) + 1), copy._replace(attempt=copy.attempt + draw.randrange(2)))


def add_without_a_hash(rows, draw):
    copy = draw.choice(rows)
    run_id = draw.choice([copy.run_id, "r-9", "person:eve"])
    rows.insert(draw.randrange(len(rows) + 1), copy._replace(run_id=run_id, data=unsealed(copy.data)[0]))


def add_a_chain(rows, draw):
    """A run of its own, with hashes that are right, before the last record."""
    record = Record(LAUNCH, "st-1/x", 99, "intent", "r-9", AT, "", {"deadline": AT})
    rows.insert(draw.randrange(len(rows)), Row(*chained([record], "", None, is_start=False)[0]))


def move(rows, draw):
    """To another run, with or without its place."""
    at = draw.randrange(len(rows))
    others = sorted({row.run_id for row in rows} - {rows[at].run_id})
    row = rows.pop(at)
    rows.insert(draw.choice([at, draw.randrange(len(rows) + 1)]), row._replace(run_id=draw.choice(others)))


def cut_off(rows, draw):
    del rows[draw.randrange(len(rows)) :]


def take_a_hash_out(rows, draw):
    at = draw.randrange(len(rows))
    rows[at] = rows[at]._replace(data=unsealed(rows[at].data)[0])


KINDS = [
    change_a_field, change_a_byte, change_a_value, drop, drop_a_chain, swap, add_a_copy, add_without_a_hash,
    add_a_chain, move, cut_off, take_a_hash_out,
]  # fmt: skip


def missed(rows, is_cut):
    """Which verifier finds nothing. What a journal lost at its very end is known by the head that was noted."""
    head = HEAD if is_cut else None
    found = {"the program": findings(rows, head), "the example": wrong(rows, head or "")}
    return [name for name, said in found.items() if not said]


def test_10_000_single_tamperings_are_all_found():
    tamper(10_000, random.Random(22))


@pytest.mark.soak
def test_100_000_single_tamperings_are_all_found():
    tamper(100_000, random.Random(23))


def tamper(times, draw):
    for number in range(times):
        kind, rows = KINDS[number % len(KINDS)], list(ROWS)
        kind(rows, draw)
        # The last chain's end: nothing after it saw it.
        is_cut = rows == ROWS[: len(rows)]
        assert rows != ROWS, (number, kind)
        assert missed(rows, is_cut) == [], (number, kind)


@pytest.mark.parametrize("at", range(len(ROWS)))
def test_a_record_that_is_dropped_is_told_by_its_place(at):
    rows = ROWS[:at] + ROWS[at + 1 :]
    head = HEAD if at == len(ROWS) - 1 else None

    assert chain_of(ROWS[at]) in findings(rows, head)[0].message or head


def test_a_lane_whose_whole_run_is_gone_is_found():
    """Even where nothing else is left of the journal."""
    rows = [row for row in ROWS if row.run_id == "r-4"]

    assert findings(rows)[0].message == "r-3 is missing, of which record 1 of r-4 (run of @r-4) is a part"
    assert wrong(rows) == ["line 1, record 1 of r-4: it is a part of r-3, which is missing"]


def test_a_crashed_run_that_was_cut_off_is_found_by_the_next():
    rows = [row for row in ROWS if (row.run_id, row.campaign) != ("r-1", "st-1/r-1-1")]

    assert [one.message for one in findings(rows)] == [
        "r-1 has only 3 of the 5 records that record 1 of people (resolve of st-1/r-1-1) saw"
    ]


def test_one_change_is_told_once():
    rows = list(ROWS)
    rows[3] = rows[3]._replace(at=AT + 1)

    assert [(one.number, one.message.partition(":")[0]) for one in findings(rows)] == [
        (4, "record 4 of r-1 (intent of st-1/r-1-1) does not follow the one before it")
    ]


@pytest.mark.parametrize("text", [
    '{"part_of":' + "[" * 100 + "]" * 100 + "}",
    '{"part_of"}', '{"chain_seen":[]}', '{"chain_seen":0}', '{"chain_seen":{"r-1":1}}',
    '{"chain_seen":{"r-1":[1e999,""]}}', '{"chain_seen":{"r-1":[1,"x"]}}',
])  # fmt: skip
def test_a_record_with_a_right_hash_may_be_unreadable(text):
    forged = ROWS[-1]._replace(data="")
    hash_ = hash_of(unsealed(ROWS[-2].data)[1], forged[:-1], text)
    rows = [*ROWS[:-1], forged._replace(data=f'{text[:-1]},"chain":"{hash_}"}}')]

    assert [(one.number, one.message) for one in findings(rows)] == [
        (
            len(ROWS),
            "record 3 of r-3 (end of @r-3) cannot be read: it was added or changed, although its hash is right",
        )
    ]


def test_a_journal_without_chains_is_named_as_such():
    rows = [row._replace(data="{}") for row in ROWS]
    seen = audit(LAUNCH, enumerate(rows, 1))

    assert (seen.findings, seen.unchained, wrong(rows)) == ((), len(ROWS), [])
    assert not seen.is_verified
    assert findings(rows, HEAD) != ()


@pytest.mark.parametrize(
    "data", ["{}", '{"a":1}', '{"chain":"x"}', '{"a":"\\"chain\\":\\"é"}', '{"é":{"b":[1.5,null]}}']
)
def test_a_hash_is_taken_out_as_it_was_put_in(data):
    record = Record(LAUNCH, "s/c", 1, "intent", "r-1", AT, "", json.loads(data))
    ((*_, stored),) = chained([record], "", None, is_start=True)

    assert unsealed(stored)[0] == json.dumps(json.loads(data), separators=(",", ":"))
    assert verify.taken_apart(stored) == unsealed(stored)


@pytest.mark.parametrize("data", ["", "{}", "x", '{,"chain":"' + "a" * 64 + '"}', ',"chain":"' + "a" * 64 + '"}',
                                  '{"a":1"chain":"' + "a" * 64 + '"}', '{"chain":"' + "A" * 64 + '"}',
                                  '{"chain":"' + "a" * 64 + '"}\n'])  # fmt: skip
def test_what_is_no_hash_is_taken_for_none(data):
    assert unsealed(data) == (data, "")
    assert verify.taken_apart(data) == (data, "")


def test_a_journal_is_linked_as_it_always_was():
    """With another hash, or another place for what was seen, journals that are there could not be verified."""
    rows = journal()

    assert (findings(rows, HEAD), wrong(rows, HEAD)) == ((), [])
    assert unsealed(rows[-1].data)[1] == "3b99eef452c777c0ae653af9a101c521a749bc8e3ad59ff26a9a1d1aad389dda"
    assert [number for number, row in enumerate(rows) if "chain_seen" in row.data] == [0, 5, 8, 11, 13, 23]


@pytest.mark.parametrize(
    ("kind", "data", "is_part"),
    [("run", {"part_of": "r-1"}, True), ("run", {}, False), ("intent", {"part_of": "r-1"}, False), ("end", {}, False)],
)
def test_a_subruns_header_begins_a_part_of_its_fleets_run(kind, data, is_part):
    assert begins_part(Record(LAUNCH, "@r-2", 0, kind, "r-2", AT, "", data)) is is_part


def test_what_was_seen_is_kept_at_a_beginning_and_an_end():
    records = [Record(LAUNCH, "s/c", n, kind, "r-1", AT, "", {}) for n, kind in enumerate(["run", "intent", "end"])]
    seen = {"people": Head(1, "a" * 64)}

    for is_start, told in ((True, [True, False, True]), (False, [False, False, True])):
        rows = chained(records, "", seen, is_start=is_start)
        assert ["chain_seen" in row[-1] for row in rows] == told
    assert not any("chain_seen" in row[-1] for row in chained(records, "", None, is_start=True))
