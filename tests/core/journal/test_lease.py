import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.journal.lease import (
    LEASE_SECONDS,
    SURE_SECONDS,
    AcquiredLease,
    Holder,
    Lease,
    LeasedBriefly,
    LeaseDoubted,
    Moment,
    acquired,
    check_release,
    is_doubtful,
    is_due,
    is_live,
    kept,
    lost,
    released,
    take,
)
from orchestrator.errors import LaneLeased, Refused
from orchestrator.model import Lane
from tests.core.builders import record

LANE, OTHER = Lane("https://host 67777c"), Lane("https://host 99999d")
ANN, BEN, NOBODY = Holder("r-1", "spring", "tower", 41), Holder("r-2", "autumn", "cabin", 77), Holder("", "", "", 0)
SECONDS = st.integers(-10_000, 10_000).map(float)


def lease(holder=ANN, *, fence=4, expires=130.0, recent_calls=(), moment=None):
    return Lease(holder, fence, 100.0, expires, recent_calls, moment)


def moment(now, boot="b-1", steady=0.0):
    return Moment(now, boot, steady)


def alive(*pids):
    return lambda pid: pid in pids


@pytest.mark.parametrize(
    ("held", "now", "machine", "pids", "live"),
    [
        (lease(), 129.9, "tower", (41,), True),
        (lease(), 129.9, "tower", (77,), False),  # its process is gone
        (lease(), 129.9, "cabin", (), True),  # a pid of another machine cannot be looked up
        (lease(), 130.0, "cabin", (), False),  # nor does it keep what has expired
        (lease(), 130.0, "tower", (41,), False),
        (lease(NOBODY), 129.9, "", (0,), False),
    ],
)
def test_a_lane_is_in_use_until_its_lease_or_its_process_ends(held, now, machine, pids, live):
    assert is_live(held, machine, moment(now), alive(*pids)) is live


@given(st.integers(100, 200).map(float), SECONDS, st.sampled_from(["tower", "cabin"]), st.booleans())
def test_setting_the_clock_takes_no_lane_from_a_healthy_run(now, step, machine, is_alive):
    """The steady clock decides, whatever the system clock was set to."""
    held, steady = lease(moment=moment(100.0, steady=5.0)), now - 95.0
    undisturbed = is_live(held, machine, moment(now, steady=steady), lambda _: is_alive)
    assert is_live(held, machine, moment(now + step, steady=steady), lambda _: is_alive) is undisturbed


@pytest.mark.parametrize("then", [None, moment(100.0, "", 5.0), moment(100.0, "b-0", 5.0)])
def test_a_step_of_the_clock_is_known_only_within_one_boot(then):
    held = lease(moment=then)
    assert is_live(held, "cabin", moment(129.0, steady=1.0), alive())
    assert not is_live(held, "cabin", moment(3700.0, steady=10.0), alive())
    assert not is_live(lease(moment=moment(100.0, "", 5.0)), "cabin", moment(3700.0, "", 10.0), alive())


def test_a_free_lane_is_taken_with_a_fence_above_the_last_one():
    assert take(LANE, None, ANN, moment(500.0), alive()) == Lease(ANN, 1, 500.0, 530.0, moment=moment(500.0))
    assert take(LANE, lease(), BEN, moment(500.0), alive()) == Lease(BEN, 5, 500.0, 530.0, moment=moment(500.0))
    assert LEASE_SECONDS == 30.0


@pytest.mark.parametrize(
    ("machine", "pids", "is_taken"), [("tower", (), True), ("tower", (41,), False), ("cabin", (), False)]
)
def test_a_dead_processs_lane_is_taken_before_its_lease_expires(machine, pids, is_taken):
    holder = Holder("r-2", "autumn", machine, 77)
    if is_taken:
        assert take(LANE, lease(), holder, moment(110.0), alive(*pids)).fence == 5
        return
    with pytest.raises(LaneLeased):
        take(LANE, lease(), holder, moment(110.0), alive(*pids))


def test_the_refusal_names_the_run_that_holds_the_lane():
    with pytest.raises(LaneLeased) as refused:
        take(LANE, lease(), BEN, moment(112.4), alive(41))
    assert refused.value.message == (
        "account 67777c is in use by run r-1 of launch spring (pid 41 on tower, since 12 s)"
    )
    assert refused.value.next_step == "wait for that run to end, then run again"


def test_a_lease_from_the_future_is_held_since_now():
    with pytest.raises(LaneLeased, match="since 0 s"):
        take(LANE, lease(), BEN, moment(60.0), alive(41))


HOURS = 8 * 3600.0
AHEAD = lease(expires=130.0 + HOURS)  # taken under a clock that was 8 h ahead


@pytest.mark.parametrize(
    ("held", "at", "doubtful"),
    [
        (lease(), moment(100.0), False),
        (lease(), moment(95.0), False),  # clocks may differ by a little
        (lease(), moment(94.0), True),
        (AHEAD, moment(100.0), True),
        (AHEAD, moment(100.0 + HOURS), False),
        (lease(expires=130.0 + HOURS, moment=moment(100.0 + HOURS, steady=5.0)), moment(101.0, steady=6.0), False),
        (lease(expires=130.0 + HOURS, moment=moment(100.0 + HOURS, steady=5.0)), moment(101.0, "b-2", 6.0), True),
    ],
)
def test_a_lease_that_ends_later_than_any_can_is_doubted(held, at, doubtful):
    """Within one boot the step of the clock is known, so the lease's end is too."""
    assert is_doubtful(held, at) is doubtful


def test_a_doubted_lane_is_refused_until_it_was_watched():
    with pytest.raises(LeaseDoubted) as refused:
        take(LANE, AHEAD, BEN, moment(100.0), alive())
    assert "its lease ends in 8 h 30 s, and a lease lasts 30 s: a clock was ahead" in refused.value.message
    assert refused.value.exit_code == 6
    assert refused.value.next_step == (
        "wait for that run to end; if its process is known to be dead, release the account: "
        "python -m orchestrator release spring --reason"
    )

    taken = take(LANE, AHEAD, BEN, moment(131.0), alive(), unrenewed={(LANE, 4, 130.0 + HOURS)})
    assert (taken.holder, taken.fence, taken.expires) == (BEN, 5, 161.0)


def test_a_doubted_lease_ends_by_the_clock_of_now():
    ahead = lease(expires=130.0 + HOURS, moment=moment(100.0, steady=5.0))
    with pytest.raises(LeaseDoubted, match="its lease ends in 8 h 30 s,"):
        take(LANE, ahead, BEN, moment(160.0, steady=5.0), alive())  # set forward by a minute since


def test_an_account_that_a_follower_reads_is_free_again_soon():
    with pytest.raises(LeasedBriefly) as refused:
        take(LANE, lease(Holder("f-1", "spring", "tower", 41)), BEN, moment(112.4), alive(41))
    assert refused.value.message == (
        "account 67777c is in use by run f-1 of launch spring (pid 41 on tower, since 12 s)"
    )
    assert refused.value.next_step == "run again"


@pytest.mark.parametrize("seen", [(LANE, 4, 120.0 + HOURS), (LANE, 3, 130.0 + HOURS), (OTHER, 4, 130.0 + HOURS)])
def test_a_lane_whose_lease_was_renewed_meanwhile_is_not_taken(seen):
    with pytest.raises(LeaseDoubted):
        take(LANE, AHEAD, BEN, moment(131.0), alive(), unrenewed={seen})


def test_a_moment_that_was_read_late_frees_no_slot_early():
    left = lease(NOBODY, recent_calls=(95.0, 99.5), moment=moment(100.0, steady=5.0))
    late = moment(101.0, steady=6.04)  # of 101.0 and not of 101.04: the ledger was busy meanwhile
    new = take(LANE, left, BEN, late, alive())
    assert acquired(LANE, left, new, late).recent_calls == (95.0, 99.5)


def test_calls_under_a_clock_ahead_hold_no_slot_for_hours():
    left = lease(NOBODY, recent_calls=(95.0 + HOURS, 102.0 + HOURS), moment=moment(100.0 + HOURS, "b-1", 5.0))
    now = moment(110.0, "b-2", 1.0)
    new = take(LANE, left, BEN, now, alive())
    assert acquired(LANE, left, new, now).recent_calls == (110.0, 112.0)


def test_a_lane_released_cleanly_comes_with_its_last_calls():
    left = lease(NOBODY, recent_calls=(95.0, 99.5), moment=moment(100.0, steady=5.0))
    new = take(LANE, left, BEN, moment(102.0, steady=7.0), alive())
    assert acquired(LANE, left, new, moment(102.0, steady=7.0)) == AcquiredLease(
        LANE, 5, released_cleanly=True, recent_calls=(95.0, 99.5)
    )
    assert acquired(LANE, left, new, moment(162.0, steady=7.0)).recent_calls == (
        155.0,
        159.5,
    )  # a minute was put in between
    assert acquired(LANE, left, new, moment(162.0, "b-2", 7.0)).recent_calls == (95.0, 99.5)


def test_a_new_lane_counts_as_released_but_a_dead_runs_does_not():
    new = take(LANE, None, BEN, moment(500.0), alive())
    assert acquired(LANE, None, new, moment(500.0)) == AcquiredLease(LANE, 1, released_cleanly=True)
    dead = lease(recent_calls=(99.0,))
    assert acquired(LANE, dead, new, moment(500.0)) == AcquiredLease(LANE, 1, released_cleanly=False)


@pytest.mark.parametrize(
    ("leases", "gone"),
    [
        ([(LANE, 4, 130.0)], False),
        ([(LANE, 4, 120.1)], False),
        ([(LANE, 4, 120.0)], True),  # not renewed in time
        ([(LANE, 5, 130.0)], True),  # the same run took it again, elsewhere
        ([(LANE, 3, 130.0)], True),
        ([(OTHER, 4, 130.0)], True),
        ([], True),  # another run has it
    ],
)
def test_a_lane_is_lost_unless_fence_and_time_prove_it_held(leases, gone):
    assert lost({LANE: 4}, leases, 120.0) == ({LANE} if gone else set())


def test_each_lane_is_lost_on_its_own():
    assert lost({LANE: 4, OTHER: 1}, [(LANE, 4, 130.0), (OTHER, 2, 130.0)], 120.0) == {OTHER}
    assert lost({LANE: 4, OTHER: 1}, [(LANE, 4, 130.0), (OTHER, 1, 120.0)], 120.0) == {OTHER}
    assert lost({LANE: 4, OTHER: 1}, [(LANE, 1, 130.0), (OTHER, 4, 130.0)], 120.0) == {LANE, OTHER}  # not by their sum


def test_a_run_without_lanes_loses_none():
    assert lost({}, [(LANE, 4, 130.0)], 120.0) == set()


@given(st.lists(st.tuples(st.sampled_from((ANN, BEN)), st.integers(3, 5), SECONDS), min_size=1, max_size=3), SECONDS)
def test_no_lane_that_changed_hands_is_overlooked(found, now):
    """The ledger's leases are those of ANN; whatever BEN took, or has ended, is lost."""
    lanes = {Lane(f"h {n}"): one for n, one in enumerate(found)}
    held = [(lane, fence, expires) for lane, (holder, fence, expires) in lanes.items() if holder == ANN]
    expected = {lane for lane, (holder, fence, at) in lanes.items() if holder != ANN or fence != 4 or at <= now}
    assert lost(dict.fromkeys(lanes, 4), held, now) == expected


def test_a_released_lease_is_old_for_its_holder_and_over_for_all():
    held = lease()
    free = released(held)
    assert lost({LANE: 4}, [(LANE, free.fence, free.expires)], 101.0) == {LANE}
    assert not is_live(free, "cabin", moment(101.0), alive())
    new = take(LANE, free, BEN, moment(101.0), alive())
    assert acquired(LANE, free, new, moment(101.0)) == AcquiredLease(LANE, 6, released_cleanly=False)


@pytest.mark.parametrize(("machine", "pids", "is_refused"), [("tower", (41,), True), ("tower", (), False),
                                                             ("cabin", (41,), False)])  # fmt: skip
def test_nobody_releases_a_run_that_is_alive_on_this_machine(machine, pids, is_refused):
    if not is_refused:
        check_release(LANE, lease(), machine, alive(*pids))
        return
    with pytest.raises(
        Refused, match="run r-1, which holds account 67777c, is alive: pid 41 on this machine"
    ) as refused:
        check_release(LANE, lease(), machine, alive(*pids))
    assert refused.value.next_step == "end it cleanly with: kill 41"


def test_leases_are_renewed_every_second_until_they_have_ended():
    end = 100.0 + LEASE_SECONDS
    due = [is_due(end, at) for at in (end - SURE_SECONDS, end - SURE_SECONDS + 0.01, end - 0.01, end)]
    assert due == [False, True, True, False]


@pytest.mark.parametrize("kind", ["intent", "verdict", "evidence"])
def test_facts_learned_after_a_lost_lane_are_kept_separately(kind):
    line = record(kind)
    late = kept(line, {Lane(line.lane)})
    assert kept(line, {OTHER}) is line
    assert late is None if kind == "intent" else late is not None
    if late is not None:
        assert (late.kind, late.campaign, late.data) == (f"late_{kind}", line.campaign, line.data)


@pytest.mark.parametrize("step", [0.01, 0.5, 1.0, 30.0])
def test_a_small_step_of_the_clock_frees_no_slot_either(step):
    left = lease(NOBODY, recent_calls=(95.0,), moment=moment(100.0, steady=5.0))
    now = moment(102.0 + step, steady=7.0)
    assert acquired(LANE, left, take(LANE, left, BEN, now, alive()), now).recent_calls == (95.0 + step,)


def test_calls_of_a_lease_without_a_moment_are_taken_as_they_are():
    left, now = lease(NOBODY, recent_calls=(95.0, 250.0)), moment(200.0)
    assert acquired(LANE, left, take(LANE, left, BEN, now, alive()), now).recent_calls == (95.0, 250.0)
