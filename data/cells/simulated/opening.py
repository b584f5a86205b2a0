"""Opening a simulated cell where PyBullet is installed: it has no wheel for every Python."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.util import find_spec
from platform import python_version
from typing import TYPE_CHECKING

from data.cells.robots import Robot
from data.errors import CellError

if TYPE_CHECKING:
    from data.cells.simulated.cell import SimulatedCell


def has_simulator() -> bool:
    """Whether simulated cells can be opened with this Python."""
    return find_spec("pybullet") is not None


def check_simulator() -> None:
    """Raises `CellError` where simulated cells cannot be opened."""
    if not has_simulator():
        raise CellError(
            "The simulated robots need PyBullet, which is not installed for this Python "
            f"({python_version()}).",
            next_step="Install Goalpost with Python 3.11 to use them. Robots with cameras of their "
            "own work without it: add one on the Robots page.",
        )


def open_cell(robot: Robot, *, clock: Callable[[], int] = time.time_ns) -> SimulatedCell:
    """The cell of a simulated `robot`; `clock` gives its times of capture [ns, Unix epoch].

    Raises:
        CellError: PyBullet is not installed.
    """
    check_simulator()
    from data.cells.simulated.cell import make_cell  # loads pybullet

    return make_cell(robot, clock=clock)
