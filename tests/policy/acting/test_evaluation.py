from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from data.cells.robots import SIMULATED_FLEET
from data.cells.simulated.cell import SimulatedCell, make_cell
from data.episodes.frames import ImageHWC, Size
from data.errors import InvalidInput
from data.tasks.tasks import SEED_TASKS, Task
from policy.acting.collector import CollectionConfig
from policy.acting.evaluation import Attempt, evaluate_behaviour, summarise
from policy.acting.scripted import Scripted

CONFIG = CollectionConfig(step_size=Size(16, 16), terminal_size=Size(32, 32))


class Silent:
    """Hears of the progress."""

    def __init__(self) -> None:
        self.fractions: list[float] = []

    def progress(self, fraction: float, message: str) -> None:
        self.fractions.append(fraction)


class Optimist:
    """A detector that sees success everywhere."""

    detector_id = "optimist"
    tasks = ("lift-any",)

    def score(
        self, frames: Sequence[Mapping[str, ImageHWC]], robots: Sequence[str | None] | None = None
    ) -> NDArray[np.float32]:
        return np.ones((len(frames), 1), dtype=np.float32)

    def decide(self, scores_NT: NDArray[np.float32]) -> NDArray[np.bool_]:
        return scores_NT > 0.5


@pytest.fixture(scope="module")
def cells() -> Iterator[list[SimulatedCell]]:
    cells = [make_cell(robot) for robot in SIMULATED_FLEET[:2]]
    yield cells
    for cell in cells:
        cell.close()


def attempt(success: bool, detected: bool | None = None, steps: int = 8) -> Attempt:
    return Attempt(
        robot="robot-1", task="lift-any", success=success, detected=detected, steps=steps
    )


def test_a_rate_has_its_wilson_interval() -> None:
    rate = summarise([attempt(True)] * 3 + [attempt(False, steps=18)] * 7)
    assert (rate.attempts, rate.successes, rate.rate) == (10, 3, 0.3)
    assert rate.mean_steps == 15.0
    # Wilson, z = 1.96: (0.3 + 0.19207 +- 1.96 sqrt(0.021 + 0.009604)) / 1.38415
    assert (rate.low, rate.high) == (
        pytest.approx(0.1078, abs=1e-4),
        pytest.approx(0.6032, abs=1e-4),
    )
    assert (rate.judged, rate.false_negatives, rate.false_positives) == (0, 0, 0)


def test_what_the_detector_said_is_held_against_the_truth() -> None:
    rate = summarise(
        [
            attempt(True, True),
            attempt(True, False),
            attempt(False, True),
            attempt(False, True),
            attempt(False, False),
            attempt(True, None),
        ]
    )
    assert (rate.judged, rate.false_negatives, rate.false_positives) == (5, 1, 2)


def test_every_robot_tries_every_task(cells: list[SimulatedCell]) -> None:
    report = Silent()
    tasks = [SEED_TASKS["lift-any"], SEED_TASKS["place-any"]]
    evaluation = evaluate_behaviour(
        Scripted(), cells, tasks, 2, seed=0, report=report, config=CONFIG, detector=Optimist()
    )
    assert evaluation.behaviour == "scripted"
    assert {task: rate.attempts for task, rate in evaluation.by_task.items()} == {
        "lift-any": 4,
        "place-any": 4,
    }
    assert {
        robot: {task: rate.attempts for task, rate in rates.items()}
        for robot, rates in evaluation.by_robot.items()
    } == {name: {"lift-any": 2, "place-any": 2} for name in ("robot-1", "robot-2")}
    lifts, places = evaluation.by_task["lift-any"], evaluation.by_task["place-any"]
    assert lifts.successes == sum(
        rates["lift-any"].successes for rates in evaluation.by_robot.values()
    )
    # The optimist judges lift-any alone, and is wrong wherever it failed.
    assert (lifts.judged, lifts.false_negatives) == (4, 0)
    assert lifts.false_positives == 4 - lifts.successes
    assert places.judged == 0
    assert (report.fractions[0], report.fractions[-1]) == (0.0, 1.0)
    assert json.loads(json.dumps(evaluation.to_dict()))["detector"] == "optimist"


def test_the_same_seed_gives_the_same_result(cells: list[SimulatedCell]) -> None:
    results = [
        evaluate_behaviour(
            Scripted(),
            cells[:1],
            [SEED_TASKS["place-any"]],
            3,
            seed=4,
            report=Silent(),
            config=CONFIG,
        )
        for _ in range(2)
    ]
    assert results[0] == results[1]


def test_nothing_to_try_is_refused(cells: list[SimulatedCell]) -> None:
    with pytest.raises(InvalidInput, match="at least one"):
        evaluate_behaviour(Scripted(), cells, [], 3, seed=0, report=Silent(), config=CONFIG)


def test_tasks_that_the_cells_do_not_know_are_left_out_and_named(
    cells: list[SimulatedCell],
) -> None:
    defined = Task(name="wipe-table", skill="wipe")
    report = Silent()
    evaluation = evaluate_behaviour(
        Scripted(),
        cells[:1],
        [defined, SEED_TASKS["lift-any"]],
        1,
        seed=0,
        report=report,
        config=CONFIG,
    )
    assert evaluation.unknown_tasks == ("wipe-table",)
    assert list(evaluation.by_task) == ["lift-any"]
    alone = evaluate_behaviour(
        Scripted(), cells[:1], [defined], 1, seed=0, report=report, config=CONFIG
    )
    assert (alone.unknown_tasks, alone.by_task) == (("wipe-table",), {})
    assert report.fractions[-1] == 1.0
