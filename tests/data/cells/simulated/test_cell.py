from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image

from data.cameras.windows import Window
from data.cells.protocol import (
    ACTION_SIZE,
    MAX_ROTATION_RAD,
    MAX_TRANSLATION_M,
    ActionA,
    Cell,
    RobotCell,
    Start,
)
from data.cells.robots import SIMULATED_FLEET
from data.cells.simulated.arm import Pose
from data.cells.simulated.cell import SimulatedCell, make_cell
from data.cells.simulated.layout import REACH, RIGHT_BIN
from data.cells.simulated.scene import ObjectPose
from data.episodes.frames import CAMERAS, Size
from data.errors import CameraError, CellError, InvalidInput
from data.tasks.tasks import OBJECT_KINDS, SEED_TASKS


def action(
    *, move: tuple[float, float, float] = (0, 0, 0), turn: float = 0.0, **kind: bool
) -> ActionA:
    values = np.zeros(ACTION_SIZE, dtype=np.float32)
    values[:3] = move
    values[3:5] = math.sin(turn), math.cos(turn)
    values[5:] = kind.get("open_", 0), kind.get("close", 0), kind.get("terminate", 0)
    return values


def test_it_is_a_robot_cell(cell: SimulatedCell) -> None:
    assert isinstance(cell, Cell)
    assert isinstance(cell, RobotCell)
    assert cell.robot == "robot-1"


def test_native_sizes_and_one_capture_time_for_all_cameras(cell: SimulatedCell) -> None:
    frames = cell.read()
    assert {camera: image.shape for camera, image in frames.images.items()} == {
        "over_shoulder": (512, 640, 3),
        "left": (480, 640, 3),
        "right": (480, 640, 3),
    }
    assert all(image.dtype == np.uint8 for image in frames.images.values())
    assert len(set(frames.timestamps_ns.values())) == 1


@pytest.mark.parametrize("size", [Size(1, 1), Size(64, 64), Size(97, 33), Size(33, 97)])
def test_any_size_of_only_the_cameras_asked_for(cell: SimulatedCell, size: Size) -> None:
    frames = cell.read({"left": size})
    assert list(frames.images) == ["left"]
    assert frames.images["left"].shape == (size.height, size.width, 3)


def test_a_camera_it_lacks_and_an_image_without_pixels_are_refused(cell: SimulatedCell) -> None:
    with pytest.raises(CameraError, match=r"no camera 'wrist'.*over_shoulder, left, right"):
        cell.read({"wrist": Size(64, 64)})
    with pytest.raises(CameraError, match="0 x 64"):
        cell.read({"left": Size(0, 64)})


def test_crop_shows_the_middle_of_what_scale_squeezes() -> None:
    squeezed, cropped = (
        make_cell(SIMULATED_FLEET[0], fit="scale"),
        make_cell(SIMULATED_FLEET[0], fit="crop"),
    )
    whole = squeezed.read({"over_shoulder": Size(160, 128)}).images["over_shoulder"]
    square = cropped.read({"over_shoulder": Size(128, 128)}).images["over_shoulder"]
    difference = np.abs(whole[:, 16:144].astype(float) - square.astype(float)).mean()
    assert difference < 6
    squeezed.close()
    cropped.close()


def play(cell: SimulatedCell, *, seed: int, start: Start) -> tuple[list[object], np.ndarray]:
    """An episode of random moves, down among the objects and back: where all is after each."""
    cell.reset(seed=seed, start=start, task="lift-can")
    generator = np.random.default_rng(seed)
    seen: list[object] = []
    for number in range(8):
        move = tuple(generator.uniform((-1, -1, -1), (1, 1, 0.3)))
        cell.step(action(move=move, close=number % 4 == 1, open_=number % 4 == 3))
        seen.append([cell.scene.pose_of(kind) for kind in cell.scene.objects])
        seen.append(cell.scene.arm.pose())
    return seen, cell.read({"right": Size(64, 48)}).images["right"]


def scaled(image: np.ndarray, window: Window, size: Size) -> np.ndarray:
    """A window cut out of a whole image."""
    height, width = image.shape[:2]
    left, top = window.left * width, window.top * height
    box = (left, top, left + window.width * width, top + window.height * height)
    small = Image.fromarray(image).resize(size, Image.Resampling.BILINEAR, box=box)
    return np.asarray(small).astype(float)


@pytest.mark.parametrize("camera", CAMERAS)
def test_a_cut_shows_what_the_same_part_of_the_image_shows(
    cell: SimulatedCell, camera: str
) -> None:
    cell.reset(seed=3, start=Start.PLACE, task="place-any")
    whole = cell.read().images[camera]
    window, size = Window(0.25, 0.125, 0.5, 0.5), Size(64, 48)
    cut = cell.read_cuts({camera: window}, size).images[camera]
    assert cut.shape == (48, 64, 3)
    off = np.abs(cut - scaled(whole, window, size)).mean()
    assert off < 6  # of 255: edges are hard where the scaled image is smooth
    for aside in (-0.5 / 64, 0.5 / 64):  # a pixel of the cut
        beside = scaled(whole, window._replace(left=window.left + aside), size)
        assert np.abs(cut - beside).mean() > 1.3 * off


def test_a_cut_of_the_whole_view_is_the_image(cell: SimulatedCell) -> None:
    cell.reset(seed=3, start=Start.PICK, task="lift-any")
    native = Size(640, 480)
    cut = cell.read_cuts({"left": Window(0, 0, 1, 1)}, native).images["left"]
    np.testing.assert_array_equal(cut, cell.read({"left": native}).images["left"])


def test_a_cut_of_no_part_of_the_view_is_refused(cell: SimulatedCell) -> None:
    with pytest.raises(InvalidInput, match="no part of a camera's view"):
        cell.read_cuts({"left": Window(0.8, 0.1, 0.5, 0.5)}, Size(48, 48))
    with pytest.raises(CameraError, match="no camera 'wrist'"):
        cell.read_cuts({"wrist": Window(0, 0, 1, 1)}, Size(48, 48))


def poses(cell: SimulatedCell) -> dict[str, tuple[float, ...]]:
    return {kind: cell.scene.pose_of(kind).position_m for kind in cell.scene.objects}


def test_the_next_try_may_keep_the_scene(cell: SimulatedCell) -> None:
    cell.reset(seed=1, start=Start.PICK, task="lift-any")
    before = poses(cell)
    cell.step(action(move=(0, 0, -1), close=True))
    cell.reset(seed=2, start=Start.PICK, task="lift-any", keep_scene=True)
    assert poses(cell) == before
    assert cell.state().gripper_closed == 0
    assert cell.scene.arm.opening_m() > 0.085
    cell.reset(seed=2, start=Start.PICK, task="lift-any")
    assert poses(cell) != before


def test_what_was_lifted_is_laid_back_for_the_next_pick(cell: SimulatedCell) -> None:
    cell.reset(seed=1, start=Start.PICK, task="lift-can")
    before = poses(cell)
    cell.scene.grasp("can", Pose(0.56, 0.2, 0.25, 0.3))
    assert cell.truth()["lift-can"]
    cell.reset(seed=2, start=Start.PICK, task="lift-can", keep_scene=True)
    after = poses(cell)
    (x, y, z) = after.pop("can")
    del before["can"]
    for kind, position in before.items():
        assert after[kind] == pytest.approx(position, abs=0.01)
    assert RIGHT_BIN.contains(x, y) and z < 0.05
    assert not any(cell.truth().values())


def test_a_place_begins_where_a_pick_ended(cell: SimulatedCell) -> None:
    for seed in range(4):
        cell.reset(seed=seed, start=Start.PICK, task="lift-can")
        cell.scene.grasp("can", Pose(0.52, -0.2, 0.25, 0.3))
        cell.reset(seed=seed, start=Start.PLACE, task="place-any", keep_scene=True)
        assert cell.truth()["lift-can"]
        assert cell.scene.arm.pose().y_m > 0
        assert not cell.truth()["place-any"]


def test_a_place_without_a_pick_before_it_begins_with_any_object(cell: SimulatedCell) -> None:
    cell.reset(seed=1, start=Start.PICK, task="lift-can")
    kinds = set(cell.scene.objects)
    cell.reset(seed=2, start=Start.PLACE, task="place-any", keep_scene=True)
    assert cell.truth()["lift-any"]
    assert set(cell.scene.objects) == kinds


def test_a_scene_is_given_up_when_an_object_left_it(cell: SimulatedCell) -> None:
    cell.reset(seed=1, start=Start.PICK, task="lift-can")
    cell.scene.put("can", ObjectPose((0.6, 0.2, 0.04), (0, 0, 0, 1)))
    cell.reset(seed=2, start=Start.PICK, task="lift-can", keep_scene=True)
    kept = poses(cell)
    cell.reset(seed=2, start=Start.PICK, task="lift-can")
    assert kept == poses(cell)


def test_a_scene_without_the_tasks_object_is_given_up(cell: SimulatedCell) -> None:
    seed = next(seed for seed in range(50) if "milk" not in reset_kinds(cell, seed=seed))
    cell.reset(seed=seed, start=Start.PICK, task="lift-any")
    cell.reset(seed=seed, start=Start.PICK, task="lift-milk", keep_scene=True)
    assert "milk" in cell.scene.objects


def reset_kinds(cell: SimulatedCell, *, seed: int) -> set[str]:
    cell.reset(seed=seed, start=Start.PICK, task="lift-any")
    return set(cell.scene.objects)


@pytest.mark.parametrize("start", list(Start))
def test_a_seed_gives_the_same_episode_whatever_came_before(
    cell: SimulatedCell, start: Start
) -> None:
    play(cell, seed=12, start=Start.PICK)
    cell.new_scene(3)
    cell.demonstrate("place-any", "success", seed=3)
    cell.advance(0.4)
    fresh = make_cell(SIMULATED_FLEET[0])
    for seed in (11, 15):
        first, image = play(cell, seed=seed, start=start)
        again, image_again = play(fresh, seed=seed, start=start)
        assert first == again
        np.testing.assert_array_equal(image, image_again)
    fresh.close()


def test_objects_at_rest_sleep_until_they_are_touched(cell: SimulatedCell) -> None:
    cell.reset(seed=2, start=Start.PICK, task="lift-can")
    scene = cell.scene
    before = {kind: scene.pose_of(kind) for kind in scene.objects}
    cell.step(action(move=(0, 0, 0.5)))
    assert {kind: scene.pose_of(kind) for kind in scene.objects} == before
    (x, y, _), _ = scene.pose_of("can")
    scene.arm.teleport(Pose(x - 0.1, y, 0.02, 0.0), opening_m=0.0)
    for _ in range(2):
        cell.step(action(move=(1, 0, 0)))
    assert scene.pose_of("can").position_m[0] > x + 0.01


def test_seeds_give_different_scenes(cell: SimulatedCell) -> None:
    images = []
    for seed in range(3):
        cell.reset(seed=seed, start=Start.PICK, task="lift-any")
        images.append(cell.read({"right": Size(64, 48)}).images["right"].astype(int))
    assert np.abs(images[0] - images[1]).mean() > 2
    assert np.abs(images[1] - images[2]).mean() > 2


def test_a_pick_begins_empty_and_open_above_the_right_bin(cell: SimulatedCell) -> None:
    for kind in OBJECT_KINDS:
        cell.reset(seed=5, start=Start.PICK, task=f"lift-{kind}")
        assert kind in cell.scene.objects
        assert cell.state().gripper_closed == 0
        assert cell.state().height_m > 0.15
        assert cell.scene.arm.pose().y_m < 0
        assert not any(cell.truth().values())


def test_a_place_begins_with_an_object_in_the_closed_gripper(cell: SimulatedCell) -> None:
    for seed in range(8):
        cell.reset(seed=seed, start=Start.PLACE, task="place-any")
        assert cell.state().gripper_closed == 1
        assert cell.scene.arm.pose().y_m > 0
        assert cell.truth()["lift-any"]
        assert not cell.truth()["place-any"]


def test_objects_lie_in_the_right_bin(cell: SimulatedCell) -> None:
    for seed in range(5):
        cell.reset(seed=seed, start=Start.PICK, task="lift-any")
        assert 3 <= len(cell.scene.objects) <= 7
        for kind in cell.scene.objects:
            (x, y, z), _ = cell.scene.pose_of(kind)
            assert 0.36 < x < 0.76
            assert -0.385 < y < -0.025
            assert -0.002 < cell.scene.lowest_m(kind) < 0.06
            assert z < 0.1


def test_a_step_moves_by_its_share_of_the_largest_motion(cell: SimulatedCell) -> None:
    cell.reset(seed=0, start=Start.PICK, task="lift-any")
    cell.step(action(move=(-1, 0, 0)))
    before = cell.scene.arm.pose()
    cell.step(action(move=(0.5, 0.25, -0.25), turn=0.3))
    after = cell.scene.arm.pose()
    assert after.x_m - before.x_m == pytest.approx(0.5 * MAX_TRANSLATION_M, abs=0.003)
    assert after.y_m - before.y_m == pytest.approx(0.25 * MAX_TRANSLATION_M, abs=0.003)
    assert after.z_m - before.z_m == pytest.approx(-0.25 * MAX_TRANSLATION_M, abs=0.003)
    assert after.yaw_rad - before.yaw_rad == pytest.approx(0.3, abs=0.02)


def test_a_step_is_limited_and_stays_within_reach(cell: SimulatedCell) -> None:
    cell.reset(seed=0, start=Start.PICK, task="lift-any")
    before = cell.scene.arm.pose()
    cell.step(action(move=(0, 9, 0), turn=2.5))
    after = cell.scene.arm.pose()
    assert after.y_m - before.y_m == pytest.approx(MAX_TRANSLATION_M, abs=0.003)
    assert after.yaw_rad - before.yaw_rad <= MAX_ROTATION_RAD + 0.02
    for _ in range(12):
        cell.step(action(move=(1, 1, 1)))
    corner = cell.scene.arm.pose()
    assert corner.x_m == pytest.approx(REACH.x_m + REACH.half_x_m, abs=0.003)
    assert corner.y_m == pytest.approx(REACH.y_m + REACH.half_y_m, abs=0.003)
    assert cell.state().height_m == pytest.approx(0.30, abs=0.003)


def test_the_gripper_closes_and_opens(cell: SimulatedCell) -> None:
    cell.reset(seed=0, start=Start.PICK, task="lift-any")
    cell.step(action(close=True))
    assert cell.state().gripper_closed == 1
    assert cell.scene.arm.opening_m() < 0.004
    cell.step(action(open_=True))
    assert cell.state().gripper_closed == 0
    assert cell.scene.arm.opening_m() > 0.085


def test_terminate_moves_nothing(cell: SimulatedCell) -> None:
    cell.reset(seed=0, start=Start.PICK, task="lift-any")
    before, version = cell.scene.arm.pose(), cell.scene_version
    cell.step(action(move=(1, 1, 1), terminate=True))
    assert cell.scene.arm.pose() == before
    assert cell.scene_version == version


@pytest.mark.parametrize(
    "bad", [np.zeros(7), np.full(8, np.nan), np.array([0, 0, 0, 0, 1, 1, 1, 0], dtype=float)]
)
def test_an_action_that_makes_no_sense_is_refused(cell: SimulatedCell, bad: np.ndarray) -> None:
    cell.reset(seed=0, start=Start.PICK, task="lift-any")
    with pytest.raises(InvalidInput, match="action"):
        cell.step(bad)


def test_truth_knows_the_seed_tasks_only(cell: SimulatedCell) -> None:
    cell.reset(seed=0, start=Start.PICK, task="fold-towel")
    assert set(cell.truth()) == set(SEED_TASKS.names)


def test_the_robots_look_different_from_each_other() -> None:
    images = []
    for robot in SIMULATED_FLEET:
        other = make_cell(robot)
        other.reset(seed=1, start=Start.PICK, task="lift-any")
        images.append(other.read({"right": Size(64, 48)}).images["right"].astype(float))
        other.close()
    for i, image in enumerate(images):
        for other_image in images[:i]:
            assert np.abs(image - other_image).mean() > 12


def test_equal_seeds_give_every_robot_scenes_of_its_own() -> None:
    lying, objects, shown = [], [], []
    for robot in SIMULATED_FLEET[:3]:
        other = make_cell(robot)
        other.reset(seed=1, start=Start.PICK, task="lift-can")
        lying.append(other.scene.pose_of("can").position_m[:2])
        other.new_scene(1)
        objects.append(other.scene.object_models["can"].length_m)
        other.demonstrate("lift-can", "success", seed=1)
        shown.append(other.scene.pose_of("can").position_m[:2])
        other.close()
    for found in (lying, objects, shown):
        assert len(set(found)) == 3


def test_an_episode_always_wears_the_robots_own_look(cell: SimulatedCell) -> None:
    cell.new_scene(8)
    cell.reset(seed=1, start=Start.PICK, task="lift-any")
    before = cell.read({"left": Size(64, 48)}).images["left"]
    cell.new_scene(9)
    cell.reset(seed=1, start=Start.PICK, task="lift-any")
    np.testing.assert_array_equal(before, cell.read({"left": Size(64, 48)}).images["left"])


def test_a_closed_cell_says_so() -> None:
    closed = make_cell(SIMULATED_FLEET[0])
    closed.close()
    closed.close()
    with pytest.raises(CellError, match=r"'robot-1' is closed.*make_cell"):
        closed.read({camera: Size(8, 8) for camera in CAMERAS})
