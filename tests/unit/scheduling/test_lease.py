from streams.scheduling.lease import Lease


def test_a_worker_that_is_never_paused_goes_on():
    lease = Lease(10, 0)
    assert all(lease.holds(now_s) for now_s in range(1, 100))


def test_a_worker_that_was_paused_past_its_session_waits_for_its_new_assignment():
    lease = Lease(10, 0)
    assert not lease.holds(11)
    assert not lease.holds(12)
    assert not lease.assigned(13), "what it had begun belongs to others"
    assert lease.holds(14)


def test_a_pause_within_the_session_changes_nothing():
    lease = Lease(10, 0)
    assert lease.holds(9)
    assert lease.assigned(10)


def test_a_worker_that_was_not_evicted_after_all_goes_on():
    lease = Lease(10, 0)
    assert not lease.holds(30)
    assert not lease.holds(40)
    assert lease.holds(40.5)
