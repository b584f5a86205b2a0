from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from data.cells.hardware import HardwareCell
from data.cells.protocol import Cell
from data.cells.robots import Robot
from data.clock import SteadyClock
from data.episodes.frames import CAMERAS, Size
from data.errors import CameraError


def hardware_cell(sources: dict[str, str], folder: Path) -> HardwareCell:
    robot = Robot(name="arm-1", kind="hardware", cameras=sources)
    return HardwareCell(robot, SteadyClock(), [folder])


@pytest.fixture
def cell(write_video: Callable[[str, float], Path], tmp_path: Path) -> Iterator[HardwareCell]:
    sources = {camera: str(write_video(camera, 20)) for camera in CAMERAS}
    cell = HardwareCell(
        Robot(name="arm-1", kind="hardware", cameras=sources), SteadyClock(), [tmp_path]
    )
    yield cell
    cell.close()


def test_three_sources_make_a_cell(cell: HardwareCell) -> None:
    assert isinstance(cell, Cell)
    frames = cell.read()
    assert tuple(frames.images) == CAMERAS
    assert {image.shape for image in frames.images.values()} == {(48, 64, 3)}
    newest, oldest = max(frames.timestamps_ns.values()), min(frames.timestamps_ns.values())
    assert newest - oldest < 1e9
    assert cell.problems() == {}


def test_sizes_choose_cameras_and_pixels(cell: HardwareCell) -> None:
    frames = cell.read({"right": Size(32, 24)})
    assert frames.images["right"].shape == (24, 32, 3)
    assert tuple(frames.timestamps_ns) == ("right",)


def test_a_missing_camera_is_named_and_the_others_go_on(
    write_video: Callable[[str, float], Path], tmp_path: Path
) -> None:
    sources = dict.fromkeys(CAMERAS, str(write_video("a", 20)))
    sources["left"] = str(tmp_path / "unplugged.avi")
    cell = HardwareCell(
        Robot(name="arm-1", kind="hardware", cameras=sources), SteadyClock(), [tmp_path]
    )
    with pytest.raises(CameraError, match=r"'left' cannot be opened.*unplugged"):
        cell.read()
    assert list(cell.problems()) == ["left"]
    assert cell.read({"right": Size(64, 48)}).images["right"].shape == (48, 64, 3)
    cell.close()
