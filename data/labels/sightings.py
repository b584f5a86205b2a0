"""Sightings: where a person sees gripper and place in a picture; one JSON object a line, only
appended.

A robot that says where its fingertips are and whose cameras are calibrated needs none. Of any other
robot some thirty pictures teach a detector where to look closely.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal, get_args

from data.catalog.catalog import Catalog
from data.episodes.frames import CAMERAS
from data.errors import GoalpostError, InvalidInput, unknown_name
from data.storage import append
from data.workspace import Workspace

Mark = Literal["gripper", "place"]
"""The fingertips, or the middle of the place where objects are put down."""
MARKS: tuple[Mark, ...] = get_args(Mark)


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """What somebody pointed at; of several about the same the newest stands.

    Raises:
        UnknownName: There is no such camera or mark.
        InvalidInput: The position is outside the picture.
    """

    robot: str
    episode_id: str
    frame_index: int
    camera: str
    mark: Mark
    position: tuple[float, float] | None
    """Shares of the picture's width and height; None: it is not to be seen there."""
    by: str
    at_ns: int
    """When it was said [ns since the Unix epoch]."""

    def __post_init__(self) -> None:
        where = f"frame {self.frame_index} of episode {self.episode_id}"
        if self.camera not in CAMERAS:
            raise unknown_name("camera", self.camera, CAMERAS, where=where)
        if self.mark not in MARKS:
            raise unknown_name("mark", self.mark, MARKS, where=where)
        if self.position is None:
            return
        object.__setattr__(self, "position", tuple(map(float, self.position)))
        if len(self.position) != 2 or not all(0 <= share <= 1 for share in self.position):
            raise InvalidInput(
                f"The {self.mark} cannot be at {self.position}.",
                where=where,
                valid=["two shares of the picture's width and height, 0 to 1"],
            )


def write_sightings(catalog: Catalog, sightings: Sequence[Sighting]) -> None:
    """Append sightings, all or none. Raises `StorageFull` where the disk is full."""
    # Lines begin with their line break, so that one which a kill tore spoils no other.
    lines = b"".join(b"\n" + json.dumps(asdict(each)).encode() for each in sightings)
    with catalog.transaction():  # for its lock: two writers must not mix their lines
        append(catalog.workspace.sightings_path, lines)


def read_sightings(workspace: Workspace) -> list[Sighting]:
    """Those that stand, oldest first; lines that are none are passed over."""
    try:
        lines = workspace.sightings_path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return []
    return _standing(_readable(lines))


def _standing(sightings: Iterable[Sighting]) -> list[Sighting]:
    standing: dict[tuple[str, int, str, str], Sighting] = {}
    for each in sightings:
        about = (each.episode_id, each.frame_index, each.camera, each.mark)
        standing.pop(about, None)
        standing[about] = each
    return list(standing.values())


def _readable(lines: Sequence[str]) -> Iterable[Sighting]:
    for line in lines:
        try:
            yield Sighting(**json.loads(line))
        except (ValueError, TypeError, GoalpostError):
            continue
