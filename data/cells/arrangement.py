"""How a person would set up the scene of a simulated cell, in plain choices."""

from __future__ import annotations

from typing import Literal

import msgspec

from data.cells.simulated.layout import LEFT_BIN, RIGHT_BIN, SECTIONS
from data.errors import InvalidInput
from data.tasks.tasks import OBJECT_KINDS, PLATE_SECTIONS

HeldAt = Literal["high in the air", "gripped, not lifted", "over the plate"]
Place = Literal["bottom", "top-left", "top-right", "beside the plate", "on its rim"]
Light = Literal["from the left", "from the right", "from behind", "dim", "bright"]
Surface = Literal["plain", "wood", "tiles", "cloth", "speckle"]

_FROM_THE_WALL_M = 0.03


class Arrangement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is held, what is placed where, and how the cell looks; None leaves it as it is."""

    held: str | None = None
    """The object in the gripper; None: it is empty."""
    held_at: HeldAt = "high in the air"
    placed: str | None = None
    """The object that was laid down at the plate; None: all others lie in the right bin."""
    place: Place = "bottom"
    spot_m: tuple[float, float] | None = None
    """Where exactly it was laid down instead: x and y on the floor, in the base frame [m]."""
    light: Light | None = None
    table: Surface | None = None
    background: Surface | None = None

    def check(self) -> None:
        """Raises `InvalidInput` where no scene can look like this."""
        for kind in (self.held, self.placed):
            if kind is not None and kind not in OBJECT_KINDS:
                raise InvalidInput(
                    f"The simulated cell has no object '{kind}'.",
                    valid=OBJECT_KINDS,
                    next_step="Choose one of these.",
                )
        if self.held is not None and self.held == self.placed:
            raise InvalidInput(
                f"The {self.held} cannot be in the gripper and at the plate.",
                next_step="Choose another object for one of the two.",
            )
        if self.spot_m is not None and not any(
            bin_.contains(*self.spot_m, margin_m=_FROM_THE_WALL_M) for bin_ in (LEFT_BIN, RIGHT_BIN)
        ):
            raise InvalidInput(
                "An object would not lie in one of the bins there.",
                next_step="Choose a spot on the floor of a bin, not close to its walls.",
            )

    @property
    def truth(self) -> dict[str, bool]:
        """The outcome of every task that the simulation knows."""
        lifted = self.held if self.held_at == "high in the air" else None
        section = self._section
        return {
            "lift-any": lifted is not None,
            **{f"lift-{kind}": kind == lifted for kind in OBJECT_KINDS},
            "place-any": section is not None,
            **{f"place-{name}": name == section for name in PLATE_SECTIONS},
        }

    @property
    def _section(self) -> str | None:
        """The section of the plate in which the placed object lies, if it does in one."""
        if self.placed is None:
            return None
        if self.spot_m is not None:
            return next(
                (name for name, area in SECTIONS.items() if area.contains(*self.spot_m)), None
            )
        return self.place if self.place in PLATE_SECTIONS else None

    @property
    def words(self) -> str:
        """The scene as people tell it."""
        held = "an empty gripper" if self.held is None else f"the {self.held} {self.held_at}"
        if self.placed is None:
            return held
        section = self._section
        if section is not None:
            where = f"{section} on the plate"
        else:
            where = self.place if self.spot_m is None else "at a chosen spot"
        return f"{held}, the {self.placed} {where}"
