"""Dynamic batching: what waits meanwhile is judged together."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from sd_model.serving.batching import Batcher, Overloaded


def test_what_waits_becomes_one_batch() -> None:
    begun, go_on = threading.Event(), threading.Event()
    batches: list[list[int]] = []

    def judge(items: Sequence[int]) -> list[int]:
        batches.append(list(items))
        begun.set()
        assert go_on.wait(10)
        return [10 * item for item in items]

    batcher = Batcher(judge, largest=3, waiting=4)
    first = batcher.submit(1)
    assert begun.wait(10)
    rest = [batcher.submit(item) for item in (2, 3, 4, 5)]
    with pytest.raises(Overloaded, match="4 frame sets are waiting"):
        batcher.submit(6)
    go_on.set()
    assert [each.result(10) for each in (first, *rest)] == [10, 20, 30, 40, 50]
    assert batches == [[1], [2, 3, 4], [5]]
    batcher.close()
    batcher.close()


def test_workers_judge_side_by_side_until_all_are_told_to_stop() -> None:
    together = threading.Barrier(2)

    def judge(items: Sequence[int]) -> list[int]:
        together.wait(10)  # alone, a worker would wait in vain
        return [10 * item for item in items]

    batcher = Batcher(judge, largest=1, workers=2)
    verdicts = [batcher.submit(item) for item in (1, 2)]
    assert [each.result(10) for each in verdicts] == [10, 20]
    batcher.close()
    batcher.close()


def test_an_error_reaches_those_who_wait_and_the_next_are_judged() -> None:
    def judge(items: Sequence[int]) -> list[int]:
        if 0 in items:
            raise ZeroDivisionError
        return list(items)

    batcher = Batcher(judge)
    with pytest.raises(ZeroDivisionError):
        batcher.submit(0).result(10)
    assert batcher.submit(1).result(10) == 1
    batcher.close()


def test_who_no_longer_wants_an_answer_stops_nobody() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def judge(items: Sequence[int]) -> list[int]:
        begun.set()
        assert go_on.wait(10)
        return list(items)

    batcher = Batcher(judge, largest=1)
    first = batcher.submit(1)
    assert begun.wait(10)
    left, stayed = batcher.submit(2), batcher.submit(3)
    assert left.cancel()
    assert not first.cancel()  # it is being judged
    go_on.set()
    assert [each.result(10) for each in (first, stayed)] == [1, 3]
    batcher.close()
