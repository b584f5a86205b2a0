"""The hardware cell: three real cameras and, beside them, whatever the person does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from data.cameras.cameras import Camera
from data.cells.robots import Robot
from data.clock import SteadyClock
from data.episodes.frames import CAMERAS, FrameSet, Size, resize


class HardwareCell:
    """A `Cell` whose cameras are OpenCV sources.

    The sources open in the background; `read` says which of them gives no frames.

    Args:
        robot: Whose cameras.
        clock: Turns the monotonic times of capture into wall time.
        folders: Where videos may lie that stand in for cameras.
    """

    def __init__(self, robot: Robot, clock: SteadyClock, folders: Sequence[Path]) -> None:
        self._robot = robot.name
        self._clock = clock
        self._cameras = {
            camera: Camera(camera, robot.cameras[camera], folders=folders) for camera in CAMERAS
        }

    @property
    def robot(self) -> str:
        """Name of the robot."""
        return self._robot

    def read(self, sizes: Mapping[str, Size] | None = None) -> FrameSet:
        """The newest frame of each camera, with the time at which each was really captured.

        Raises:
            CameraError: A camera is missing or died; names it and its source.
        """
        images = {}
        timestamps_ns = {}
        for name in self._cameras if sizes is None else sizes:
            image, captured_ns = self._cameras[name].newest()
            timestamps_ns[name] = self._clock.at(captured_ns)
            images[name] = image if sizes is None else resize(image, sizes[name])
        return FrameSet(images=images, timestamps_ns=timestamps_ns)

    def problems(self) -> dict[str, str]:
        """Per camera without frames, the message for the person; empty when all is well."""
        return {
            name: str(camera.error(camera.problem))
            for name, camera in self._cameras.items()
            if camera.problem is not None
        }

    def close(self) -> None:
        """Let go of the cameras; calling it again does nothing."""
        for camera in self._cameras.values():
            camera.close()
