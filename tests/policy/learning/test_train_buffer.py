import numpy as np
import pytest

from data.errors import InvalidInput
from policy.learning.train_buffer import Labelled, TrainBuffer


def _labelled(targets: list[float], version: int = 0) -> Labelled:
    count = len(targets)
    return Labelled(
        image_BHWC=np.zeros((count, 4, 4, 3), dtype=np.uint8),
        state_BS=np.zeros((count, 2), dtype=np.float32),
        action_BA=np.zeros((count, 8), dtype=np.float32),
        task_B=np.zeros(count, dtype=np.int64),
        success_B=np.zeros(count, dtype=np.bool_),
        target_B=np.asarray(targets, dtype=np.float32),
        version_B=np.full(count, version),
        source_B2=np.zeros((count, 2), dtype=np.int64),
    )


def _held(buffer: TrainBuffer) -> set[float]:
    return set(buffer.sample(500, np.random.default_rng(0)).target_B.tolist())


def test_what_is_held_is_told_from_the_oldest_on() -> None:
    buffer = TrainBuffer(3)
    assert buffer.held() is None
    buffer.add(_labelled([1, 2]))
    buffer.add(_labelled([3, 4]))
    held = buffer.held()
    assert held is not None
    assert held.target_B.tolist() == [2.0, 3.0, 4.0]


def test_newest_labels_push_out_the_oldest() -> None:
    buffer = TrainBuffer(3)
    buffer.add(_labelled([1, 2]))
    assert (len(buffer), _held(buffer)) == (2, {1.0, 2.0})
    buffer.add(_labelled([3, 4]))
    assert (len(buffer), _held(buffer)) == (3, {2.0, 3.0, 4.0})
    buffer.add(_labelled([5, 6, 7, 8]))
    assert (len(buffer), _held(buffer)) == (3, {6.0, 7.0, 8.0})


def test_stale_labels_are_dropped_and_counted() -> None:
    buffer = TrainBuffer(4)
    for version in range(6):
        buffer.add(_labelled([version], version))
    assert buffer.drop_stale(4) == 2
    assert (len(buffer), buffer.dropped, _held(buffer)) == (2, 2, {4.0, 5.0})
    assert buffer.drop_stale(4) == 0
    buffer.add(_labelled([6], 6))
    assert _held(buffer) == {4.0, 5.0, 6.0}


def test_every_label_is_equally_likely() -> None:
    buffer = TrainBuffer(4)
    buffer.add(_labelled([0, 1, 2, 3]))
    sample = buffer.sample(4000, np.random.default_rng(0)).target_B
    assert np.bincount(sample.astype(int)).tolist() == pytest.approx([1000] * 4, rel=0.1)


def test_sampling_from_nothing_is_refused() -> None:
    with pytest.raises(InvalidInput, match="empty"):
        TrainBuffer(3).sample(1, np.random.default_rng(0))
