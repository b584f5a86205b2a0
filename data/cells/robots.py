"""Robots: the cells a workspace knows, stored in its `robots.json`."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal, get_args

import numpy as np

from data.catalog.catalog import Catalog
from data.episodes.frames import CAMERAS
from data.errors import CorruptData, GoalpostError, InvalidInput, unknown_name
from data.storage import read_json, write_atomically
from data.workspace import Workspace

RobotKind = Literal["simulated", "hardware", "imported"]

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True, kw_only=True)
class Robot:
    """One robot and how to reach its cell."""

    name: str
    """Lower-case words joined by hyphens; names its folder of shards."""
    kind: RobotKind
    """`imported`: its episodes came from elsewhere, and neither cameras nor arm are to be had."""
    cameras: Mapping[str, str] = field(default_factory=dict)
    """Hardware only: an OpenCV source (index, device path, address, file) for every camera."""
    variation: int = 0
    """Simulated only: seed of lighting, background, table colour and camera pose."""
    projections: Mapping[str, Sequence[Sequence[float]]] = field(default_factory=dict)
    """Hardware only: per calibrated camera three rows of four numbers, see `calibration`."""

    @property
    def has_cell(self) -> bool:
        """Whether there are cameras to look through from here."""
        return self.kind != "imported"

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise InvalidInput(
                f"The robot name '{self.name}' cannot be used.",
                valid=["lower-case letters and digits, words joined by single hyphens"],
                next_step="Choose a name such as 'robot-8'.",
            )
        if self.kind not in get_args(RobotKind):
            raise InvalidInput(
                f"A robot cannot be of kind '{self.kind}'.",
                where=f"robot {self.name}",
                valid=get_args(RobotKind),
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


def with_sources(robots: Mapping[str, Robot], name: str, cameras: Mapping[str, str]) -> Robot:
    """The robot `name` with these real cameras, a new one or known already.

    A calibration stays with the camera whose source stays.

    Raises:
        InvalidInput: It is a simulated one; or a source is missing, or the name cannot be used.
    """
    before = robots.get(name)
    if before is not None and before.kind == "simulated":
        raise InvalidInput(
            f"'{name}' is a simulated robot, and its episodes show simulated cells.",
            where=f"robot {name}",
            next_step="Give the robot with real cameras another name.",
        )
    kept = {
        camera: rows
        for camera, rows in (before.projections if before else {}).items()
        if before and before.cameras.get(camera) == cameras.get(camera)
    }
    return Robot(name=name, kind="hardware", cameras=cameras, projections=kept)


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
        _save(catalog.workspace, {**load_robots(catalog.workspace), robot.name: robot})


def register_imported(catalog: Catalog, names: Collection[str]) -> None:
    """Add those of the robots that are not known, as ones that are somewhere else."""
    with catalog.transaction():
        robots = load_robots(catalog.workspace)
        new = {name: Robot(name=name, kind="imported") for name in names if name not in robots}
        if new:
            _save(catalog.workspace, robots | new)


def forget_imported(catalog: Catalog) -> None:
    """Remove the robots that are somewhere else and of which no episode is here any more."""
    with catalog.transaction() as transaction:
        rows = transaction.rows("SELECT DISTINCT robot FROM episodes")
        needed = {row["robot"] for row in rows}
        robots = load_robots(catalog.workspace)
        left = {
            name: robot
            for name, robot in robots.items()
            if robot.kind != "imported" or name in needed
        }
        if len(left) < len(robots):
            _save(catalog.workspace, left)


def _save(workspace: Workspace, robots: Mapping[str, Robot]) -> None:
    content = json.dumps({"robots": [asdict(robot) for robot in robots.values()]}, indent=1)
    write_atomically(workspace.robots_path, content.encode() + b"\n", mode=0o600)
