from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from data.errors import InvalidInput
from policy.config import load_recipe
from policy.experience.balancing import choose_random, choose_rebalanced, sample_batch
from policy.experience.replay import ReplayBuffers
from policy.experience.trajectory import Trajectory

CONFIG = load_recipe("smoke")
SKEWED = np.array([[900, 30], [50, 1], [20, 9]])


def counts(choice: tuple[np.ndarray, np.ndarray], tasks: int) -> list[tuple[int, int]]:
    task_B, success_B = choice
    return [
        (int((~success_B[task_B == t]).sum()), int(success_B[task_B == t].sum()))
        for t in range(tasks)
    ]


def test_tasks_in_equal_parts_and_success_at_a_constant_share() -> None:
    choice = choose_rebalanced(SKEWED, 24, 0.5, np.random.default_rng(0))
    assert counts(choice, 3) == [(4, 4), (4, 4), (4, 4)]


def test_another_share() -> None:
    choice = choose_rebalanced(SKEWED, 30, 0.2, np.random.default_rng(0))
    assert counts(choice, 3) == [(8, 2), (8, 2), (8, 2)]


def test_what_does_not_divide_differs_by_one_and_is_right_on_average() -> None:
    generator = np.random.default_rng(0)
    total = np.zeros((3, 2))
    for _ in range(3000):
        found = np.array(counts(choose_rebalanced(SKEWED, 16, 0.5, generator), 3))
        assert sorted(found.sum(axis=1)) == [5, 5, 6]
        total += found
    # 16 / 3 a task, half of it successful: 8 / 3 for each of the six.
    assert total / 3000 == pytest.approx(np.full((3, 2), 8 / 3), abs=0.06)


def test_a_single_outcome_fills_its_task_and_an_empty_task_gives_its_part_away() -> None:
    count_TO = np.array([[10, 0], [0, 0], [0, 3], [5, 5]])
    choice = choose_rebalanced(count_TO, 12, 0.5, np.random.default_rng(1))
    assert counts(choice, 4) == [(4, 0), (0, 0), (0, 4), (2, 2)]


def test_order_within_a_batch_is_mixed() -> None:
    choice = choose_rebalanced(SKEWED, 48, 0.5, np.random.default_rng(2))
    assert (np.diff(choice.task_B) != 0).sum() > 10


def test_random_choice_follows_the_data() -> None:
    choice = choose_random(SKEWED, 101_000, np.random.default_rng(3))
    found = np.array(counts(choice, 3))
    assert found / 100 == pytest.approx(SKEWED, abs=12)  # SKEWED sums to 1010
    assert found.sum() == 101_000


def test_batches_hold_what_was_chosen(
    make_trajectory: Callable[..., Trajectory],
) -> None:
    buffers = ReplayBuffers(["lift-any", "lift-carrot"], capacity=100)
    won, lost = make_trajectory(steps=3, fill=10), make_trajectory(steps=2, fill=100)
    buffers.add(won, "lift-any", success=True)
    buffers.add(lost, "lift-any", success=False)
    buffers.add(won, "lift-carrot", success=False)
    batch = sample_batch(buffers, 80, CONFIG, np.random.default_rng(0))
    assert len(batch) == 80
    assert np.bincount(batch.task_B).tolist() == [40, 40]
    assert batch.success_B[batch.task_B == 0].sum() == 20
    assert not batch.success_B[batch.task_B == 1].any()
    # Frame t of a trajectory is filled with `fill + t`.
    first_B = batch.image_BHWC[:, 0, 0, 0].astype(int)
    of_won_B = first_B < 100
    assert set(first_B[of_won_B]) == {10, 11, 12}
    assert set(first_B[~of_won_B]) == {100, 101}
    assert (batch.next_image_BHWC[:, 0, 0, 0] == first_B + 1).all()
    assert (of_won_B == (batch.success_B | (batch.task_B == 1))).all()
    assert (batch.done_B == np.isin(first_B, [12, 101])).all()
    assert (batch.reward_B == (batch.success_B & batch.done_B)).all()


def test_transitions_of_a_buffer_are_equally_likely_whatever_the_length_of_episodes(
    make_trajectory: Callable[..., Trajectory],
) -> None:
    buffers = ReplayBuffers(["lift-any"], capacity=100)
    for fill, steps in ((10, 1), (50, 3)):
        buffers.add(make_trajectory(steps=steps, fill=fill), "lift-any", success=False)
    as_it_comes = replace(CONFIG, balancing="rand")
    batch = sample_batch(buffers, 8000, as_it_comes, np.random.default_rng(0))
    values, found = np.unique(batch.image_BHWC[:, 0, 0, 0], return_counts=True)
    assert values.tolist() == [10, 50, 51, 52]
    assert found == pytest.approx([2000] * 4, abs=150)


def test_empty_buffers_say_what_to_do() -> None:
    with pytest.raises(InvalidInput, match=r"no experience .* Next: Collect robot episodes"):
        sample_batch(ReplayBuffers(["lift-any"], 10), 4, CONFIG, np.random.default_rng(0))
