"""Campaigns in a file: the same as in memory, for every reader."""

import gc
from itertools import islice

import pytest

from orchestrator.app import spool
from orchestrator.app.spool import Spool
from tests.report.samples import hostile

CAMPAIGNS = hostile(2500).campaigns


@pytest.fixture(params=["in memory", "on disk"], autouse=True)
def _where(request, monkeypatch):
    if request.param == "on disk":
        monkeypatch.setattr(spool, "_IN_MEMORY", 1)


def test_what_comes_out_is_what_went_in():
    spooled = Spool(iter(CAMPAIGNS))

    assert len(spooled) == 2500
    assert list(spooled) == list(spooled) == list(CAMPAIGNS)
    assert spooled == CAMPAIGNS
    assert spooled != CAMPAIGNS[:-1]
    assert not Spool(())
    assert list(Spool(())) == []


@pytest.mark.parametrize("place", [0, 999, 1000, 2499, -1, -2500])
def test_a_place_is_found(place):
    assert Spool(CAMPAIGNS)[place] == CAMPAIGNS[place]


@pytest.mark.parametrize("place", [2500, -2501])
def test_beyond_the_end_is_nothing(place):
    with pytest.raises(IndexError):
        Spool(CAMPAIGNS)[place]


def test_a_slice_is_one_of_the_whole():
    assert Spool(CAMPAIGNS)[998:1003] == list(CAMPAIGNS[998:1003])
    assert Spool(CAMPAIGNS)[::-900] == list(CAMPAIGNS[::-900])


def test_two_readers_do_not_disturb_each_other():
    spooled = Spool(CAMPAIGNS)
    pairs = list(zip(spooled, islice(spooled, 700, None), strict=False))

    assert pairs == list(zip(CAMPAIGNS, CAMPAIGNS[700:], strict=False))


def test_the_file_goes_with_its_object():
    spooled = Spool(CAMPAIGNS)
    file = spooled._file
    del spooled
    gc.collect()

    assert file.closed
