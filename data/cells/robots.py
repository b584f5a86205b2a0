"""Robots: the cells a workspace knows, stored in its `robots.json`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal

import numpy as np

from data.catalog.catalog import Catalog
from data.episodes.frames import CAMERAS
from data.errors import CorruptData, GoalpostError, InvalidInput, unknown_name
from data.storage import read_json, write_atomically
from data.workspace import Workspace

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True, kw_only=True)
class Robot:
    """One robot and how to reach its cell."""

    name: str
    """Lower-case words joined by hyphens; names its folder of shards."""
    kind: Literal["simulated", "hardware"]
    cameras: Mapping[str, str] = field(default_factory=dict)
    """Hardware only: an OpenCV source (index, device path, address, file) for every camera."""
    variation: int = 0
    """Simulated only: seed of lighting, background, table colour and camera pose."""
    projections: Mapping[str, Sequence[Sequence[float]]] = field(default_factory=dict)
    """Hardware only: per calibrated camera three rows of four numbers, see `calibration`."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise InvalidInput(
                f"The robot name '{self.name}' cannot be used.",
                valid=["lower-case letters and digits, words joined by single hyphens"],
                next_step="Choose a name such as 'robot-8'.",
            )
        if self.kind not in ("simulated", "hardware"):
            raise InvalidInput(
                f"A robot cannot be of kind '{self.kind}'.",
                where=f"robot {self.name}",
                valid=["simulated", "hardware"],
            )
        for camera in (*self.cameras, *self.projections):
            if camera not in CAMERAS:
                raise unknown_name("camera", camera, CAMERAS, where=f"robot {self.name}")
        for camera, rows in self.projections.items():
            if np.shape(rows) != (3, 4):
                raise InvalidInput(
                    f"The projection of the camera '{camera}' has shape {np.shape(rows)}.",
                    where=f"robot {self.name}",
                    valid=["three rows of four numbers"],
                    next_step="Calibrate the camera again.",
                )
        missing = [camera for camera in CAMERAS if not self.cameras.get(camera)]
        if self.kind == "hardware" and missing:
            raise InvalidInput(
                f"The robot '{self.name}' has no source for: {', '.join(missing)}.",
                valid=["a camera's index, device path, RTSP or HTTP address, or a video file"],
                next_step="Name a source for each of its three cameras.",
            )


SIMULATED_FLEET = tuple(
    Robot(name=f"robot-{number}", kind="simulated", variation=number) for number in range(1, 8)
)
"""The robots every workspace begins with."""


def load_robots(workspace: Workspace) -> dict[str, Robot]:
    """The workspace's robots by name. Raises `CorruptData` where `robots.json` cannot be read."""
    try:
        stored = read_json(workspace.robots_path)["robots"]
        robots = [Robot(**values) for values in stored]
    except FileNotFoundError:
        robots = list(SIMULATED_FLEET)
    except (ValueError, KeyError, TypeError, GoalpostError) as error:
        raise CorruptData(
            f"The robot definitions cannot be read ({error}).",
            where=workspace.robots_path,
            next_step="Correct the file, or restore it from a backup; nothing else is affected.",
        ) from error
    return {robot.name: robot for robot in robots}


def register_robot(catalog: Catalog, robot: Robot) -> None:
    """Add a robot, or replace the one with its name."""
    with catalog.transaction():  # for its lock: two registrations at once must not lose one
        robots = load_robots(catalog.workspace)
        robots[robot.name] = robot
        content = json.dumps({"robots": [asdict(known) for known in robots.values()]}, indent=1)
        write_atomically(catalog.workspace.robots_path, content.encode() + b"\n", mode=0o600)
