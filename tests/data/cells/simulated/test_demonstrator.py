from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from data.cells.arrangement import Arrangement, HeldAt, Place
from data.cells.simulated.arm_model import MAX_OPENING_M
from data.cells.simulated.cell import SimulatedCell
from data.episodes.frames import CAMERAS, Size
from data.errors import InvalidInput, UnknownName
from data.tasks.tasks import PLATE_SECTIONS, SEED_TASKS, Outcome

SMALL = {camera: Size(80, 60) for camera in CAMERAS}
SHOWN: list[tuple[Outcome, bool]] = [("success", False), ("failure", False), ("failure", True)]


@pytest.mark.parametrize(("outcome", "near_miss"), SHOWN)
@pytest.mark.parametrize("task", SEED_TASKS.names)
def test_every_frame_shows_the_outcome(
    cell: SimulatedCell, task: str, outcome: Outcome, near_miss: bool
) -> None:
    cell.new_scene(len(task))
    for seed in range(3):
        cell.demonstrate(task, outcome, near_miss=near_miss, seed=seed)
        for _ in range(30):
            assert cell.truth()[task] == (outcome == "success")
            cell.advance(0.2)


@pytest.mark.parametrize("task", ["lift-banana", "place-top-right"])
def test_frames_of_a_demonstration_differ(cell: SimulatedCell, task: str) -> None:
    cell.new_scene(1)
    cell.demonstrate(task, "success", seed=1)
    before, version = cell.read(SMALL).images, cell.scene_version
    cell.advance(0.4)
    after = cell.read(SMALL).images
    assert cell.scene_version > version
    for camera in CAMERAS:
        assert (before[camera] != after[camera]).any()


def test_the_outcome_can_be_seen_by_two_cameras_at_least(cell: SimulatedCell) -> None:
    # The lifted object painted in a colour of its own must show up in the images.
    for seed in range(4):
        cell.new_scene(seed)
        cell.demonstrate("lift-can", "success", seed=seed)
        plain = cell.read(SMALL).images
        cell.scene.bullet.changeVisualShape(
            cell.scene.objects["can"], -1, rgbaColor=[0.0, 1.0, 0.0, 1.0]
        )
        painted = cell.read(SMALL).images
        seen = [camera for camera in CAMERAS if (plain[camera] != painted[camera]).any(2).sum() > 8]
        assert len(seen) >= 2


def test_the_gripper_stands_over_some_of_the_placed_objects(cell: SimulatedCell) -> None:
    # As after a robot's own placing: an open gripper over the plate is no failure.
    cell.new_scene(2)
    over_plate = []
    for seed in range(8):
        cell.demonstrate("place-any", "success", seed=seed)
        over_plate.append(cell.scene.arm.goal.y_m > 0)
        assert cell.scene.arm.opening_m() > 0.05
    assert set(over_plate) == {True, False}


def test_empty_grippers_are_shown_at_every_width(cell: SimulatedCell) -> None:
    cell.new_scene(2)
    widths = []
    for seed in range(12):
        cell.demonstrate("lift-any", "failure", seed=seed)
        widths.append(cell.scene.arm.opening_m() / MAX_OPENING_M)
    assert min(widths) < 0.1
    assert max(widths) > 0.9
    assert any(0.15 < width < 0.85 for width in widths)


def test_a_pair_shares_its_scene(cell: SimulatedCell) -> None:
    cell.new_scene(3)
    models = dict(cell.scene.object_models)
    cell.demonstrate("place-any", "success", seed=1)
    cell.demonstrate("place-any", "failure", seed=2)
    assert cell.scene.object_models == models
    assert not cell.truth()["place-any"]


def test_the_same_seed_shows_the_same(cell: SimulatedCell) -> None:
    images = []
    for _ in range(2):
        cell.new_scene(2)
        cell.demonstrate("lift-any", "failure", near_miss=True, seed=7)
        cell.advance(0.6)
        images.append(cell.read(SMALL).images)
    for camera in CAMERAS:
        np.testing.assert_array_equal(images[0][camera], images[1][camera])


def test_a_new_scene_changes_light_background_and_objects(cell: SimulatedCell) -> None:
    cell.new_scene(1)
    before = cell.read(SMALL).images["left"].astype(float)
    cell.new_scene(2)
    assert np.abs(before - cell.read(SMALL).images["left"]).mean() > 4


def test_idle_puts_everything_back(cell: SimulatedCell) -> None:
    cell.new_scene(4)
    cell.idle()
    before = cell.read(SMALL).images
    cell.demonstrate("place-bottom", "success", seed=1)
    cell.advance(1.0)
    cell.idle()
    version = cell.scene_version
    cell.advance(1.0)
    assert cell.scene_version == version
    after = cell.read(SMALL).images
    for camera in CAMERAS:
        np.testing.assert_array_equal(before[camera], after[camera])


def test_a_task_of_the_users_own_cannot_be_shown(cell: SimulatedCell) -> None:
    with pytest.raises(UnknownName, match=r"'fold-towel'.*lift-any.*real cameras"):
        cell.demonstrate("fold-towel", "success", seed=0)


def test_a_near_miss_is_no_success(cell: SimulatedCell) -> None:
    with pytest.raises(InvalidInput, match="near miss is a failure"):
        cell.demonstrate("lift-any", "success", near_miss=True, seed=0)


@pytest.mark.parametrize("place", get_args(Place))
@pytest.mark.parametrize("held_at", [None, "high in the air", "gripped, not lifted"])
def test_a_chosen_scene_is_what_it_says_and_stays_so(
    cell: SimulatedCell, place: Place, held_at: HeldAt | None
) -> None:
    cell.new_scene(3)
    chosen = Arrangement(
        held="banana" if held_at else None,
        held_at=held_at or "high in the air",
        placed="can",
        place=place,
        light="dim",
        background="wood",
    )
    cell.arrange(chosen, seed=4)
    for _ in range(10):
        assert {task: cell.truth()[task] for task in chosen.truth} == chosen.truth
        cell.advance(0.2)
    assert chosen.truth["lift-banana"] == (held_at == "high in the air")
    assert chosen.truth["place-any"] == (place in ("bottom", "top-left", "top-right"))


@pytest.mark.parametrize(
    ("spot_m", "section"),
    [((0.53, 0.2), "bottom"), ((0.65, 0.27), "top-left"), ((0.41, 0.2), None), ((0.5, -0.2), None)],
)
def test_an_object_lies_where_it_was_pointed(
    cell: SimulatedCell, spot_m: tuple[float, float], section: str | None
) -> None:
    cell.new_scene(3)
    chosen = Arrangement(placed="can", spot_m=spot_m)
    cell.arrange(chosen, seed=4)
    x_m, y_m, _ = cell.scene.pose_of("can").position_m
    assert (x_m, y_m) == pytest.approx(spot_m, abs=0.04)
    assert [name for name in PLATE_SECTIONS if cell.truth()[f"place-{name}"]] == (
        [section] if section else []
    )
    assert chosen.truth["place-any"] == cell.truth()["place-any"] == (section is not None)


def test_light_and_surfaces_are_seen_at_once(cell: SimulatedCell) -> None:
    cell.new_scene(5)
    cell.arrange(Arrangement(light="bright", table="plain"), seed=1)
    bright = cell.read(SMALL).images["left"].mean()
    cell.arrange(Arrangement(light="dim", table="plain"), seed=1)
    assert cell.read(SMALL).images["left"].mean() < bright - 10


def test_a_scene_that_cannot_be_is_refused(cell: SimulatedCell) -> None:
    with pytest.raises(InvalidInput, match="in the gripper and at the plate"):
        cell.arrange(Arrangement(held="can", placed="can"), seed=1)
    with pytest.raises(InvalidInput, match="in one of the bins"):
        cell.arrange(Arrangement(placed="can", spot_m=(0.5, 0.0)), seed=1)
    with pytest.raises(InvalidInput, match="no object 'spoon'"):
        cell.arrange(Arrangement(held="spoon"), seed=1)
