"""How fast a recipe trains and labels: training images a second, CEM targets a second.

    python benchmarks/policy_training_speed.py --recipe cpu --threads 2

A target costs `cem_samples * cem_iterations` judged actions with each state; `--plain` also times
labelling without what makes it fast (folded normalisation, half precision, channels last).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch

from data.cells.calibration import projections_of
from data.cells.protocol import STATE_SIZE, RobotState
from data.cells.robots import SIMULATED_FLEET
from data.episodes.gripper import GripperReading
from policy.acting.behaviours import Observation
from policy.acting.policy import Policy
from policy.config import RECIPES, PolicyConfig, load_recipe
from policy.experience.sight import GROUND_STATE_SIZE
from policy.experience.trajectory import POLICY_CAMERA
from policy.experience.transitions import Transitions
from policy.learning.averaging import TargetCopies
from policy.learning.bellman_updater import state_value
from policy.learning.networks import Network, build_network
from policy.learning.training import Trainer

TASKS = tuple(f"task-{index}" for index in range(12))
CPU = torch.device("cpu")


def random_transitions(config: PolicyConfig) -> Callable[[int, np.random.Generator], Transitions]:
    """A sampler of random transitions, none of which ends its episode: the dearest case."""

    states = GROUND_STATE_SIZE if config.sight == "ground" else STATE_SIZE

    def sample(count: int, generator: np.random.Generator) -> Transitions:
        width, height = config.frame_size
        image = generator.integers(0, 256, (count, height, width, 3), dtype=np.uint8)
        return Transitions(
            image_BHWC=image,
            state_BS=np.zeros((count, states), dtype=np.float32),
            action_BA=generator.random((count, 8), dtype=np.float32),
            task_B=np.arange(count) % len(TASKS),
            reward_B=np.zeros(count, dtype=np.float32),
            done_B=np.zeros(count, dtype=np.bool_),
            success_B=np.zeros(count, dtype=np.bool_),
            steps_left_B=np.ones(count, dtype=np.int64),
            next_image_BHWC=image,
            next_state_BS=np.zeros((count, states), dtype=np.float32),
            source_B2=np.zeros((count, 2), dtype=np.int64),
        )

    return sample


def per_second(work: Callable[[], object], items: int, seconds: float) -> float:
    """Items a second of `work`, which does `items` of them, after one call to warm up."""
    work()
    started = time.perf_counter()
    calls = 0
    while time.perf_counter() - started < seconds:
        work()
        calls += 1
    return items * calls / (time.perf_counter() - started)


def main() -> None:
    """Measure and print one line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", choices=RECIPES, default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--plain", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    config = load_recipe(arguments.recipe)
    network = build_network(config, len(TASKS), seed=0)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    print(f"recipe {arguments.recipe}: {parameters:,} parameters, {arguments.threads} threads")

    sample = random_transitions(config)
    trainer = Trainer(network, TASKS, sample, config, seed=0, device=CPU)
    trainer.update()
    batch = trainer.buffer.sample(config.batch_size, np.random.default_rng(0))
    rate = per_second(lambda: trainer.step(batch), config.batch_size, arguments.seconds)
    print(f"training: {rate:,.0f} images/s, batches of {config.batch_size}")

    states = sample(config.label_batch_size, np.random.default_rng(0))
    copies = {"labelling": trainer.average.copies(0)}
    if arguments.plain:
        plain: Network = trainer.average.average
        copies["labelling, plain"] = TargetCopies(plain, plain, 0)
    task_BT = torch.eye(len(TASKS))[torch.from_numpy(states.task_B)]
    generator = torch.Generator().manual_seed(0)
    for name, targets in copies.items():
        rate = per_second(
            lambda targets=targets: state_value(
                targets, states.next_image_BHWC[:, : config.image_px, : config.image_px],
                states.next_state_BS, task_BT, config, generator, CPU,
            ),
            len(states),
            arguments.seconds,
        )  # fmt: skip
        judged = config.cem_samples * config.cem_iterations
        print(f"{name}: {rate:,.0f} CEM-{judged} targets/s, {len(states)} states at a time")

    rate = per_second(trainer.update, config.batch_size, arguments.seconds)
    print(f"both, {config.uses_per_label} uses a label: {rate:,.0f} transitions/s trained")

    policy = Policy("benchmark", trainer.average.average, TASKS, device=CPU)
    draws = np.random.default_rng(0)
    observation = Observation(
        image_HWC=draws.integers(0, 256, (*config.view_size[::-1], 3), dtype=np.uint8),
        state=RobotState(0.0, 0.2),
        gripper=GripperReading(0.0, 0.5, -0.2, 0.2, 0.0),
        projection_34=projections_of(SIMULATED_FLEET[0])[POLICY_CAMERA],
    )
    rate = per_second(lambda: policy.act(observation, TASKS[0], draws), 1, arguments.seconds)
    print(f"acting: {rate:,.1f} actions/s")


if __name__ == "__main__":
    main()
