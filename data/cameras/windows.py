"""Windows: parts of a camera's whole view, whatever the size at which it is stored.

Positions and sizes are shares of the view's width and height, (0, 0) at the top left corner (see
`data.cells.calibration`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from data.errors import InvalidInput

ASPECT = 1.25
"""Width over height of a whole view: a window round a position is about square in the scene."""


class Window(NamedTuple):
    """A rectangle of a whole view, in shares of the view's width and height."""

    left: float
    top: float
    width: float
    height: float

    def check(self) -> None:
        """Raises `InvalidInput` where a part of it lies outside of the view, or it is empty."""
        inside = self.left > -1e-6 and self.top > -1e-6
        inside &= self.left + self.width < 1 + 1e-6 and self.top + self.height < 1 + 1e-6
        if not (inside and self.width > 0 and self.height > 0):
            raise InvalidInput(
                f"The window {tuple(self)} is no part of a camera's view.",
                valid=["left, top, width and height as shares, all of it within 0 to 1"],
                next_step="data.cameras.windows.window_round gives one that lies inside.",
            )


def window_round(position_2: ArrayLike, *, share: float) -> Window:
    """The window round a position, moved inside where it would leave the view.

    Args:
        position_2: Share of the width, share of the height.
        share: Width of the window, as a share of the view's width, above 0 to 0.8.
    """
    size_2 = np.array([share, share * ASPECT])
    left, top = np.clip(np.asarray(position_2), size_2 / 2, 1 - size_2 / 2) - size_2 / 2
    return Window(float(left), float(top), float(size_2[0]), float(size_2[1]))
