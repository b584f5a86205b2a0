from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from data.labels.sightings import Sighting
from sd_model.config import load_recipe
from sd_model.examples.sighted import sighted_frames

if TYPE_CHECKING:
    from conftest import SquareWorld


def seen(episode_id: str, frame_index: int, camera: str, mark: Any, position: Any) -> Sighting:
    robot = episode_id.rsplit("-", 2)[0]
    return Sighting(
        robot=robot, episode_id=episode_id, frame_index=frame_index, camera=camera, mark=mark,
        position=position, by="ana", at_ns=1,
    )  # fmt: skip


def test_what_people_pointed_at_in_training_clips(world: SquareWorld) -> None:
    world.record(["robot-1", "robot-2", "robot-3"], scenes=4, steps=2)
    config = load_recipe("smoke")
    manifest = world.manifest("pointed", holdout=["robot-3"], config=config)
    rows = {row.episode_id: row for row in manifest.examples}
    first, second = [
        name for name, row in rows.items() if (row.robot, row.split) == ("robot-1", "train")
    ][:2]
    judging = next(name for name, row in rows.items() if row.split == "validation")
    sightings = [
        seen(first, 1, "left", "gripper", (0.25, 0.5)),
        seen(first, 1, "right", "gripper", None),
        seen(first, 1, "left", "place", (0.1, 0.2)),
        seen(second, 0, "left", "place", (0.3, 0.4)),
        seen(judging, 0, "left", "gripper", (0.5, 0.5)),
        seen("robot-1-gone-000", 0, "right", "place", (0.6, 0.7)),
        seen("robot-3-red-000", 0, "left", "gripper", (0.5, 0.5)),
        seen("gone-red-000", 0, "left", "gripper", (0.5, 0.5)),
    ]

    sighted = sighted_frames(sightings, manifest, config, world.workspace)

    assert sighted.robot_N.tolist() == ["robot-1", "robot-1"]
    assert sighted.whole_NVHWC.shape == (2, 3, config.kept_px, config.kept_px, 3)
    expected = np.full((2, 2, 3, 2), np.nan, np.float32)
    expected[0, 0, 1] = 0.25, 0.5  # the gripper, in the left view
    expected[:, 1, 1] = 0.3, 0.4  # the place stands where it was pointed at last
    expected[:, 1, 2] = 0.6, 0.7  # in an episode that teaches nothing else, too
    np.testing.assert_array_equal(sighted.position_NMV2, expected)


def test_nobody_pointed_at_anything(world: SquareWorld) -> None:
    world.record(["robot-1"], scenes=4, steps=1)
    config = load_recipe("smoke")

    sighted = sighted_frames([], world.manifest("none", config=config), config, world.workspace)

    assert sighted.whole_NVHWC.shape[0] == sighted.position_NMV2.shape[0] == 0
