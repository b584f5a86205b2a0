from __future__ import annotations

from collections.abc import Iterator

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from data.cells.environment import ENVIRONMENT, CellEnvironment, one_command
from data.cells.simulated.expert import expert_action
from data.errors import UnknownName


@pytest.fixture(scope="module")
def environment() -> Iterator[CellEnvironment]:
    environment = CellEnvironment(task="lift-can", render_mode="rgb_array")
    yield environment
    environment.close()


def act(*, down: float = 0.0, terminate: float = 0.0) -> np.ndarray:
    return np.array([0, 0, -down, 0, 1, 0, 0, terminate], dtype=np.float32)


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # it leaves environments of its own open
def test_gymnasiums_own_checker_finds_no_fault() -> None:
    made = gymnasium.make(
        f"data.cells.environment:{ENVIRONMENT}", image_size=(32, 24), render_mode="rgb_array"
    )
    check_env(made.unwrapped)


def test_it_is_made_by_its_name() -> None:
    made = gymnasium.make(
        f"data.cells.environment:{ENVIRONMENT}", robot="robot-2", task="place-any"
    )
    observation, _ = made.reset(seed=1)
    assert observation["state"][0] == 1  # a place begins with the gripper closed
    made.close()


def test_the_expert_is_rewarded_once_at_the_end(environment: CellEnvironment) -> None:
    environment.reset(seed=4)
    rewards, terminated = [], False
    while not terminated:
        action = expert_action(environment.cell, "lift-can")
        _, reward, terminated, truncated, info = environment.step(action)
        rewards.append(reward)
        assert not truncated
    assert rewards[-1] == 1.0
    assert sum(rewards) == 1.0
    assert info["truth"]["lift-can"]


def test_to_end_without_a_lift_earns_nothing(environment: CellEnvironment) -> None:
    environment.reset(seed=4)
    _, reward, terminated, truncated, info = environment.step(act(terminate=1.0))
    assert (reward, terminated, truncated) == (0.0, True, False)
    assert not info["truth"]["lift-can"]


def test_an_episode_is_truncated_at_its_length() -> None:
    short = CellEnvironment(max_steps=2)
    short.reset(seed=0)
    assert short.step(act(down=0.1))[2:4] == (False, False)
    assert short.step(act(down=0.1))[2:4] == (False, True)
    short.close()


def test_the_next_episode_may_keep_the_scene(environment: CellEnvironment) -> None:
    environment.reset(seed=4)
    scene = environment.cell.scene
    before = scene.pose_of("can").position_m
    environment.reset(options={"keep_scene": True})
    assert scene.pose_of("can").position_m == before
    environment.reset()
    assert scene.pose_of("can").position_m != before


def test_it_renders_what_the_policys_camera_sees(environment: CellEnvironment) -> None:
    environment.reset(seed=4)
    image = environment.render()
    assert image is not None
    assert image.shape == (256, 320, 3)


def test_many_run_side_by_side() -> None:
    many = gymnasium.make_vec(
        f"data.cells.environment:{ENVIRONMENT}", num_envs=2, vectorization_mode="sync"
    )
    observation, _ = many.reset(seed=[1, 2])
    assert observation["image"].shape == (2, 96, 96, 3)
    assert (observation["image"][0] != observation["image"][1]).any()
    rewards = many.step(np.stack([act(terminate=1.0), act()]))[1]
    assert rewards.tolist() == [0.0, 0.0]
    many.close()


@pytest.mark.parametrize(
    ("flags", "left"),
    [
        ((0.6, 0.9, 0.2), (0, 1, 0)),
        ((0.4, 0.5, 0.3), (0, 0, 0)),
        ((0.0, 0.0, 1.0), (0, 0, 1)),
    ],
)
def test_only_the_greatest_command_counts(flags: tuple[float, ...], left: tuple[int, ...]) -> None:
    action = np.array([0.1, 0.2, 0.3, 0, 1, *flags], dtype=np.float32)
    clear = one_command(action)
    np.testing.assert_array_equal(clear[:5], action[:5])
    assert tuple(clear[5:]) == left
    assert tuple(action[5:]) == pytest.approx(flags)


def test_a_task_or_robot_it_does_not_know_is_refused() -> None:
    with pytest.raises(UnknownName, match="fold-towel"):
        CellEnvironment(task="fold-towel")
    with pytest.raises(UnknownName, match="robot-99"):
        CellEnvironment(robot="robot-99")
