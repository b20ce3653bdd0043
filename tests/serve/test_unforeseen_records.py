"""Records that this version does not know, as a later one may write them."""

from dataclasses import replace

import pytest

from orchestrator.core.delivery.readings import Reading, Round, record_of
from orchestrator.model import Record
from orchestrator.serve.pages import Pages
from orchestrator.serve.watch import LedgerWatch
from tests.serve.conftest import write
from tests.system.browser import runs

LATER = runs.BEGAN + 3600.0


def watched(url, *more):
    """A ledger that is watched from before these records came."""
    write(url, runs.records(runs.Script(size=6)))
    watch = LedgerWatch(url)
    watch.look()
    before = [line.result.totals for line in watch.lines()]
    write(url, more)
    watch.look()
    return watch, before


def test_a_launch_that_was_not_read_yet_is_said_to_be_read(url):
    write(url, [replace(one, launch="older") for one in runs.records(runs.Script(size=6))], "older")
    write(url, runs.records(runs.Script(size=6)))
    watch = LedgerWatch(url)
    try:
        pages = [(watch.look(), Pages().index(watch.lines(), "", ""))[1] for _ in range(2)]
    finally:
        watch.close()

    assert [page.count("It is being read.") for page in pages] == [1, 0]
    assert not [page for page in pages if "has a plan yet" in page]


@pytest.mark.parametrize("campaign", ["@launch", "@r-later", "@tomorrow", "st-1/cd-1"])
def test_a_record_of_an_unknown_kind_changes_nothing(url, campaign):
    watch, before = watched(url, Record(runs.LAUNCH, campaign, 1, "tomorrow", "r-later", LATER, "", {"x": 1}))
    try:
        assert [line.result.totals for line in watch.lines()] == before
        assert watch.trouble_of(runs.LAUNCH) == ""
    finally:
        watch.close()


def test_what_a_follower_reads_changes_no_outcome(url):
    done = Round("account-01", LATER, readings=[Reading("st-1/cd-1", LATER, "Active", 5, "i1")])
    watch, before = watched(url, record_of(done, runs.LAUNCH, "f-1", 1, LATER))
    try:
        assert [line.result.totals for line in watch.lines()] == before
    finally:
        watch.close()


STOPPED = {"stop": {"reason": "tomorrow", "detail": "x"}, "budget": {}, "waves": []}


@pytest.mark.parametrize(
    ("kind", "data", "fault"),
    [
        ("end", STOPPED, "stop.reason is 'tomorrow', which this version does not know"),
        ("plan", {"rows": "AAAA"}, "rows cannot be unpacked"),
    ],
)
@pytest.mark.parametrize("is_later", [False, True])
def test_a_record_that_cannot_be_read_troubles_its_launch_alone(url, kind, data, fault, is_later):
    damaged = Record(runs.LAUNCH, f"@{runs.RUN}", 9, kind, runs.RUN, LATER, "", data)
    write(url, [replace(one, launch="older") for one in runs.records(runs.Script(size=6))], "older")
    write(url, runs.records(runs.Script(size=6, is_crashed=True)))
    if not is_later:
        write(url, [damaged])
    watch = LedgerWatch(url)
    try:
        watch.look()
        if is_later:
            write(url, [damaged])
        for _ in range(3):
            watch.look()
        says = f"holds a record that this version cannot read ({kind} 9 of @{runs.RUN} (launch {runs.LAUNCH}, "
        assert says in watch.trouble_of(runs.LAUNCH)
        assert watch.trouble_of(runs.LAUNCH).endswith(f": {fault})")
        assert "holds a record that this version cannot read" in Pages().index(watch.lines(), "", "")
        assert (watch.trouble, watch.trouble_of("older")) == ("", "")
    finally:
        watch.close()
