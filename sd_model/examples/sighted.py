"""What people pointed at, as the finder learns from it beside the readings of robots.

Shapes: N frames, M marks (gripper, place), V views, H and W pixels, C channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.episodes.frames import CAMERAS
from data.episodes.shards import FrameRef, read_frames
from data.labels.sightings import MARKS, Sighting
from data.workspace import Workspace
from sd_model.config import DetectorConfig
from sd_model.examples.manifest import Manifest
from sd_model.learning.augmentation import keep_whole


class Sighted(NamedTuple):
    """Frames in which somebody pointed at something."""

    whole_NVHWC: NDArray[np.uint8]
    """Whole views as they are kept."""
    position_NMV2: NDArray[np.float32]
    """Shares of the image; NaN where nobody pointed, or the mark is not to be seen."""
    robot_N: NDArray[np.str_]


def sighted_frames(
    sightings: Sequence[Sighting], manifest: Manifest, config: DetectorConfig, workspace: Workspace
) -> Sighted:
    """The frames of training episodes in which somebody pointed at something.

    Episodes that judge, and robots that are held out, teach nothing here either. The place stands
    still: where it was pointed at last in a camera's view of a robot, in whichever of its episodes,
    it is in all of them.

    Raises:
        CorruptData: A frame cannot be read.
    """
    shard_of = {row.episode_id: row.shard for row in manifest.examples if row.split == "train"}
    used = [each for each in sightings if each.episode_id in shard_of]
    frame_of: dict[FrameRef, int] = {}
    robots: list[str] = []
    for each in used:
        ref = FrameRef(shard_of[each.episode_id], each.episode_id, each.frame_index)
        if ref not in frame_of:
            frame_of[ref] = len(frame_of)
            robots.append(each.robot)
    position_NMV2 = np.full((len(frame_of), len(MARKS), len(CAMERAS), 2), np.nan, np.float32)
    robot_N = np.array(robots, dtype=np.str_)
    for each in sightings:
        view = CAMERAS.index(each.camera)
        position = (np.nan, np.nan) if each.position is None else each.position
        if each.mark == "place":
            position_NMV2[robot_N == each.robot, MARKS.index("place"), view] = position
        elif each.episode_id in shard_of:
            ref = FrameRef(shard_of[each.episode_id], each.episode_id, each.frame_index)
            position_NMV2[frame_of[ref], MARKS.index("gripper"), view] = position
    frames = read_frames(workspace, list(frame_of))
    side = config.kept_px
    whole_NVHWC = np.empty((len(frames), len(CAMERAS), side, side, 3), np.uint8)
    for index, encoded in enumerate(frames):
        whole_NVHWC[index] = keep_whole(encoded.decode().images, config)
    return Sighted(whole_NVHWC, position_NMV2, robot_N)
