from data.clock import SteadyClock


def test_a_step_of_the_wall_clock_shows_only_once_it_is_set() -> None:
    wall_ns, monotonic_ns = 1_000, 10
    clock = SteadyClock(wall_ns=lambda: wall_ns, monotonic_ns=lambda: monotonic_ns)
    assert clock() == 1_000
    wall_ns, monotonic_ns = 400, 17  # stepped back by 607
    assert clock() == 1_007
    assert clock.at(12) == 1_002
    clock.set()
    assert clock() == 400
