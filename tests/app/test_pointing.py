from __future__ import annotations

from app.pointing import ENOUGH, Question, open_questions, pictures, still_to_show
from data.cells.robots import Robot
from data.episodes.episodes import EpisodeInfo
from data.episodes.frames import CAMERAS
from data.episodes.index import IndexedEpisode
from data.episodes.shards import FrameRef
from data.labels.sightings import Mark, Sighting


def clip(name: str, task: str, steps: int = 5) -> IndexedEpisode:
    info = EpisodeInfo(
        episode_id=name, robot="cell-a", kind="clip", behaviour="person", task=task,
        outcome="success", recorded_at_ns=1, step_count=steps,
    )  # fmt: skip
    return IndexedEpisode(shard="a.parquet", info=info)


def seen(ref: FrameRef, mark: Mark, cameras: tuple[str, ...] = CAMERAS) -> list[Sighting]:
    return [
        Sighting(
            robot="cell-a", episode_id=ref.episode_id, frame_index=ref.frame_index, camera=camera,
            mark=mark, position=None, by="ana", at_ns=1,
        )
        for camera in cameras
    ]  # fmt: skip


def test_every_task_has_its_turn() -> None:
    lifts = [clip(f"lift-{number}", "lift-any") for number in range(40)]
    refs = pictures([*lifts, clip("place-0", "place-any", steps=3)])

    assert [ref.episode_id for ref in refs[:3]] == ["lift-0", "place-0", "lift-1"]
    assert [ref.frame_index for ref in refs[:2]] == [2, 1]  # of five frames, and of three
    assert len(refs) == ENOUGH


def test_the_place_is_asked_once_and_the_gripper_in_every_picture() -> None:
    first, second = pictures([clip("a", "lift-any"), clip("b", "lift-any")])
    place, gripper = Question(ref=first, mark="place"), Question(ref=first, mark="gripper")
    last = Question(ref=second, mark="gripper")

    assert open_questions([], []) == []
    assert open_questions([first, second], []) == [place, gripper, last]
    assert open_questions([first, second], seen(second, "place")) == [gripper, last]
    some = [*seen(first, "place"), *seen(first, "gripper"), *seen(second, "gripper", CAMERAS[:2])]
    assert open_questions([first, second], some) == [last]


def test_which_robots_are_still_to_be_shown() -> None:
    cameras = dict.fromkeys(CAMERAS, "0")
    told = Robot(name="robot-1", kind="simulated", variation=1)
    calibrated = Robot(name="cell-b", kind="hardware", cameras=cameras,
                       projections={"left": [[1.0, 0, 0, 0]] * 3})  # fmt: skip
    asked = Robot(name="cell-a", kind="hardware", cameras=cameras)
    refs = pictures([clip(f"clip-{number}", "lift-any") for number in range(ENOUGH)])
    shown = [each for ref in refs for each in seen(ref, "gripper")]

    assert still_to_show([told, calibrated, asked], []) == ["cell-a"]
    assert still_to_show([asked], shown[:-3]) == ["cell-a"]
    assert still_to_show([asked], shown) == []
