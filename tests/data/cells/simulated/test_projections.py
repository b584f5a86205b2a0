import numpy as np
import pytest

from data.cells.calibration import project
from data.cells.simulated.cell import SimulatedCell
from data.cells.simulated.projections import robot_projections
from data.episodes.frames import CAMERAS, Size

MOVED_M = 0.04


@pytest.mark.parametrize("camera", CAMERAS)
def test_the_fingertips_move_where_the_projection_says(camera: str) -> None:
    """What changes in the image when the arm moves sideways surrounds both projected tips."""
    cell = SimulatedCell("robot-3", variation=3)
    size = Size(320, 256)
    seen, tips = [], []
    for side in (-MOVED_M, MOVED_M):
        arm = cell.scene.arm
        arm.teleport(arm.pose()._replace(x_m=0.55, y_m=side, z_m=0.12), opening_m=0.0)
        frames = cell.read({camera: size})
        assert frames.gripper is not None
        seen.append(frames.images[camera].astype(int))
        tips.append(project(robot_projections(3)[camera], frames.gripper.pose()[None, :3])[0])
    cell.close()
    changed_HW = np.abs(seen[0] - seen[1]).sum(axis=2) > 30
    for tip in tips:
        x, y = (tip * size).astype(int)
        assert changed_HW[y - 8 : y + 8, x - 8 : x + 8].mean() > 0.2
