"""Which pictures of a robot a person is asked to point in, and how far that is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest

from data.cells.calibration import projections_of
from data.cells.robots import Robot
from data.episodes.frames import CAMERAS
from data.episodes.index import IndexedEpisode
from data.episodes.shards import FrameRef
from data.labels.sightings import Mark, Sighting

ENOUGH = 30
"""Pictures in which the gripper was pointed at, from which a detector finds it."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """One picture, and what is to be pointed at in its three views."""

    ref: FrameRef
    mark: Mark


def pictures(clips: Sequence[IndexedEpisode]) -> list[FrameRef]:
    """The middle frames of at most `ENOUGH` clips, in turn of every task, the newest first.

    Args:
        clips: Newest first.
    """
    of_task: dict[str | None, list[FrameRef]] = {}
    for clip in clips:
        ref = FrameRef(clip.shard, clip.info.episode_id, clip.info.step_count // 2)
        of_task.setdefault(clip.info.task, []).append(ref)
    in_turn = (ref for each in zip_longest(*of_task.values()) for ref in each if ref is not None)
    return list(islice(in_turn, ENOUGH))


def given(sightings: Sequence[Sighting], question: Question) -> dict[str, Sighting]:
    """What was said to the question so far, by camera."""
    about = (question.ref.episode_id, question.ref.frame_index, question.mark)
    return {
        each.camera: each
        for each in sightings
        if (each.episode_id, each.frame_index, each.mark) == about
    }


def open_questions(refs: Sequence[FrameRef], sightings: Sequence[Sighting]) -> list[Question]:
    """The place in the first picture, since it stands still; then the gripper in each.

    Answered is what was said of all cameras; the place may have been in any of the pictures.
    """
    asked = [Question(ref=ref, mark="gripper") for ref in refs]
    shown = any(
        len(given(sightings, Question(ref=ref, mark="place"))) == len(CAMERAS) for ref in refs
    )
    if refs and not shown:
        asked.insert(0, Question(ref=refs[0], mark="place"))
    return [each for each in asked if len(given(sightings, each)) < len(CAMERAS)]


def still_to_show(robots: Iterable[Robot], sightings: Sequence[Sighting]) -> list[str]:
    """Names of the robots that do not say where their gripper is, and of which fewer than `ENOUGH`
    pictures show it."""
    shown = {(each.robot, each.episode_id) for each in sightings if each.mark == "gripper"}
    return [
        robot.name
        for robot in robots
        if not projections_of(robot) and sum(name == robot.name for name, _ in shown) < ENOUGH
    ]
