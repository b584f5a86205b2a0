from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from data.errors import InvalidInput
from sd_model.config import load_recipe
from sd_model.examples.dataset import LabelledFrames
from sd_model.examples.manifest import StateEpisode
from sd_model.examples.state_frames import open_state_frames
from sd_model.learning.training import train

if TYPE_CHECKING:
    from conftest import Recorder, SquareWorld


@pytest.fixture
def world_with_robots(world: SquareWorld) -> SquareWorld:
    """Labelled clips of two robots, and unlabelled episodes that the robots lived through."""
    world.record(["robot-1", "robot-2"], scenes=6, steps=1)
    for robot in ("robot-1", "robot-2"):
        world.save(
            *(
                world.episode(
                    robot, shown, 20 + n, steps=5, kind="robot", cameras=("over_shoulder",)
                )
                for n in range(6)
                for shown in ("red", "none")
            )
        )
    return world


def test_unlabelled_steps_of_training_robots_are_taken(
    world_with_robots: SquareWorld, recorder: Recorder
) -> None:
    config = load_recipe("smoke", {"auxiliary_weight": 0.5, "auxiliary_frames": 20})
    manifest = world_with_robots.manifest("m", holdout=["robot-2"], config=config)
    frames = LabelledFrames.of(manifest)

    states = open_state_frames(
        manifest, frames, config, world_with_robots.workspace, recorder.progress
    )

    assert {each.robot for each in manifest.state_episodes} == {"robot-1"}
    assert len(manifest.state_episodes) == 4
    assert states is not None
    assert states.image_NHWC.shape == (20, config.kept_px, config.kept_px, 3)
    np.testing.assert_allclose(states.state_NS.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(states.state_NS[:, 1].std(), 1, atol=1e-5)


def test_they_are_off_unless_asked_for(world_with_robots: SquareWorld, recorder: Recorder) -> None:
    config = load_recipe("smoke")
    manifest = world_with_robots.manifest("m", config=config)

    assert manifest.state_episodes == ()
    frames = LabelledFrames.of(manifest)
    workspace = world_with_robots.workspace
    assert open_state_frames(manifest, frames, config, workspace, recorder.progress) is None


def test_states_of_the_holdout_are_refused(
    world_with_robots: SquareWorld, recorder: Recorder
) -> None:
    config = load_recipe("smoke", {"auxiliary_weight": 0.5})
    manifest = world_with_robots.manifest("m", holdout=["robot-2"], config=config)
    frames = LabelledFrames.of(manifest)
    group = str(frames.group_F[frames.split_F == "validation"][0])

    for leak in (StateEpisode("s", "e", "robot-2"), StateEpisode("s", group, "robot-1")):
        with pytest.raises(InvalidInput, match="judges the detector"):
            open_state_frames(
                replace(manifest, state_episodes=(leak,)),
                frames,
                config,
                world_with_robots.workspace,
                recorder.progress,
            )


def test_the_regression_teaches_the_trunk(
    world_with_robots: SquareWorld, recorder: Recorder, tiny: dict[str, Any]
) -> None:
    weights = []
    for weight in (0.0, 0.5):
        config = load_recipe("smoke", {**tiny, "auxiliary_weight": weight})
        name = f"weight-{weight}"
        folder = world_with_robots.workspace.detectors / name
        train(
            world_with_robots.manifest(name, config=config),
            config,
            folder,
            workspace=world_with_robots.workspace,
            report=recorder,
            seed=0,
            device="cpu",
        )
        weights.append(load_file(folder / "weights.safetensors"))

    assert not torch.equal(weights[0]["trunk.0.weight"], weights[1]["trunk.0.weight"])
    assert not torch.equal(weights[0]["auxiliary.weight"], weights[1]["auxiliary.weight"])
