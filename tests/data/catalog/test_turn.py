from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from data.catalog.turn import turn


def test_everybody_gets_one_turn_and_nobody_shares_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    inside: list[int] = []
    most: list[int] = []

    def take(number: int) -> int:
        with turn(path, wait_s=60):
            inside.append(number)
            most.append(len(inside))
            time.sleep(0.001)
            inside.remove(number)
        return number

    with ThreadPoolExecutor(8) as pool:
        with turn(path, wait_s=0):
            waiting = [pool.submit(take, number) for number in range(8)]
            time.sleep(0.05)
            assert most == []
        assert [each.result() for each in waiting] == list(range(8))
    assert most == [1] * 8


def test_whoever_gives_up_leaves_the_line(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with (
        turn(path, wait_s=0),
        pytest.raises(TimeoutError, match="lock"),
        turn(path, wait_s=0.05),
    ):
        pytest.fail("it is held")
    for thread in threading.enumerate():
        if thread.name == "turn":
            thread.join(30)
    with turn(path, wait_s=0):
        pass


def test_it_is_let_go_after_an_error_and_other_programs_respect_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"

    def fail() -> None:
        with turn(path, wait_s=0):
            with pytest.raises(Timeout):
                FileLock(path).acquire(timeout=0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with FileLock(path).acquire(timeout=0):
        pass
