from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from data.catalog.catalog import Catalog
from data.cells.addresses import is_held
from data.cells.client import running_hosts, stop_host
from data.cells.robots import Robot, register_robot
from data.episodes.frames import CAMERAS
from data.workspace import Workspace, open_workspace

RATE_HZ = 30


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """A workspace whose hosts are stopped after the test."""
    workspace = open_workspace(tmp_path / "workspace")
    yield workspace
    for robot, host in running_hosts(workspace).items():
        if is_held(workspace, robot) and host.pid != os.getpid():
            stop_host(workspace, robot)


@pytest.fixture
def write_video(tmp_path: Path) -> Callable[[str, float], Path]:
    """Writes a small video of so many seconds that an OpenCV source can be."""

    def write(name: str, seconds: float) -> Path:
        path = tmp_path / f"{name}.avi"
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), RATE_HZ, (64, 48))
        for number in range(int(seconds * RATE_HZ)):
            writer.write(np.full((48, 64, 3), (number % 250, 80, 200), np.uint8))
        writer.release()
        return path

    return write


@pytest.fixture
def hardware(workspace: Workspace, write_video: Callable[[str, float], Path]) -> Robot:
    """A registered robot whose three cameras are videos of two minutes."""
    source = str(write_video("long", 120))
    robot = Robot(name="arm-1", kind="hardware", cameras=dict.fromkeys(CAMERAS, source))
    register_robot(Catalog(workspace), robot)
    return robot
