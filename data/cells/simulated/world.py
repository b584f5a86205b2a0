"""One physics world of its own inside this process."""

from __future__ import annotations

from functools import partial
from typing import Any

import pybullet


class World:
    """PyBullet's functions, each bound to one world that runs without a window.

    Many worlds may live in one process; `disconnect` ends one.
    """

    def __init__(self) -> None:
        self.client: int = pybullet.connect(pybullet.DIRECT)

    def __getattr__(self, name: str) -> Any:
        function = partial(getattr(pybullet, name), physicsClientId=self.client)
        setattr(self, name, function)
        return function
