"""What tests of the data layer share: a workspace, its catalog, and small real episodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.catalog.catalog import Catalog
from data.episodes.episodes import Episode, EpisodeInfo, Step, new_episode_id
from data.episodes.frames import CAMERAS, EncodedFrameSet, encode_jpeg
from data.episodes.gripper import GripperReading
from data.labels.labels import Label
from data.workspace import Workspace, open_workspace

NOON_NS = 1_790_000_000 * 1_000_000_000
"""2026-09-21, 13:33:20 UTC."""

MakeEpisode = Callable[..., Episode]
MakeLabel = Callable[..., Label]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return open_workspace(tmp_path / "workspace")


@pytest.fixture
def catalog(workspace: Workspace) -> Catalog:
    """Filled from nothing, so that what tests write later is news to it."""
    catalog = Catalog(workspace)
    with catalog.transaction():
        return catalog


@pytest.fixture
def make_episode() -> MakeEpisode:
    """Makes clips and robots' episodes whose frames all differ: pixels tell step and camera."""
    seconds = count()

    def make(
        kind: str = "clip",
        *,
        steps: int = 3,
        robot: str = "robot-1",
        size: tuple[int, int] = (8, 10),
        **known: Any,
    ) -> Episode:
        at_ns = known.pop("at_ns", NOON_NS + next(seconds) * 10**9)
        described: dict[str, Any] = {"kind": kind, "robot": robot, "step_count": steps}
        if kind == "clip":
            described |= {"behaviour": "person", "task": "lift-any", "outcome": "success"}
        else:
            described |= {"behaviour": "noisy", "task": "lift-any", "start": "pick"}
        info = EpisodeInfo(
            **{"episode_id": new_episode_id(at_ns), "recorded_at_ns": at_ns, **described, **known}
        )
        return Episode(
            info=info, steps=tuple(_step(kind, index, steps, at_ns, size) for index in range(steps))
        )

    return make


def _step(kind: str, index: int, steps: int, at_ns: int, size: tuple[int, int]) -> Step:
    last = index == steps - 1
    cameras = CAMERAS if kind == "clip" or last else CAMERAS[:1]
    frames = EncodedFrameSet(
        jpegs={
            camera: encode_jpeg(np.full((*size, 3), (10 * index + number) % 256, np.uint8))
            for number, camera in enumerate(cameras)
        },
        timestamps_ns={
            camera: at_ns + index * 200_000_000 + number for number, camera in enumerate(cameras)
        },
    )
    if kind == "clip":
        return Step(frames=frames)
    gripper = GripperReading(0.0, 0.5, -0.125, index / 8, 1.0)
    return Step(
        frames=replace(frames, gripper=gripper),
        state=gripper.state(),
        gripper_pose=gripper.pose(),
        action=None if last else np.full(8, index / 4, dtype=np.float32),
        done=index >= steps - 2,
    )


@pytest.fixture
def make_label() -> MakeLabel:
    numbers = count(1)

    def make(episode: Episode, outcome: str = "success", **known: Any) -> Label:
        number = next(numbers)
        return Label(
            **{
                "label_id": f"label-{number}",
                "episode_id": episode.info.episode_id,
                "frame_index": 0,
                "task": "lift-any",
                "outcome": outcome,
                "by": "ann",
                "source": "person",
                "at_ns": NOON_NS + number,
                **known,
            }
        )

    return make
