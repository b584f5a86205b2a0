from __future__ import annotations

import pytest

from data.cells.protocol import Start
from data.cells.simulated.cell import SimulatedCell
from data.cells.simulated.expert import expert_action
from data.errors import UnknownName
from data.tasks.tasks import SEED_TASKS


@pytest.mark.parametrize("task", SEED_TASKS.names)
def test_the_gripper_really_grips_and_lets_go(cell: SimulatedCell, task: str) -> None:
    # The rates over 100 episodes are measured by benchmarks/expert_success.py.
    start = Start.PLACE if SEED_TASKS[task].skill == "place" else Start.PICK
    successes = 0
    for seed in range(3):
        cell.reset(seed=seed, start=start, task=task)
        for _ in range(20):
            action = expert_action(cell, task)
            cell.step(action)
            if action[7] > 0.5:
                break
        successes += cell.truth()[task]
    assert successes >= 2


def test_a_held_object_stays_in_the_jaws_through_fast_motions(cell: SimulatedCell) -> None:
    cell.reset(seed=3, start=Start.PLACE, task="place-any")
    for turn in (0.6, -0.6, 0.6, -0.6):
        cell.step([turn, turn, 0.5, turn, 0.8, 0, 0, 0])
        assert cell.truth()["lift-any"]


def test_an_unknown_task_has_no_expert(cell: SimulatedCell) -> None:
    with pytest.raises(UnknownName, match="'fold-towel'"):
        expert_action(cell, "fold-towel")
