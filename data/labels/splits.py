"""Splits: which examples train, which choose, and which are only judged at the end.

Robots are held out whole (a detector must work on a robot it has never seen); inside the other
robots, the pair of clips of one scene, or one robot's episode, goes to one split as a whole.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from hashlib import blake2b
from typing import Literal

from data.errors import InvalidInput

Split = Literal["train", "validation", "holdout"]


def assign_split(
    robot: str, group: str, *, holdout: Collection[str], validation_share: float, seed: int
) -> Split:
    """The split of one group of frames; depends on nothing but the arguments.

    Args:
        robot: The robot that the frames show.
        group: `EpisodeInfo.group`.
        holdout: Robots kept out of training as a whole.
        validation_share: Share of the other groups that goes to validation, in [0, 1).
        seed: Another seed, another draw.

    Raises:
        InvalidInput: The share is outside its range.
    """
    if not 0 <= validation_share < 1:
        raise InvalidInput(
            f"A validation share of {validation_share} is not possible.",
            valid=["0 up to, but not including, 1"],
        )
    if robot in holdout:
        return "holdout"
    digest = blake2b(f"{seed}/{group}".encode(), digest_size=8).digest()
    draw = int.from_bytes(digest, "big") / 2**64
    return "validation" if draw < validation_share else "train"


def check_splits(rows: Iterable[tuple[str, str, str]]) -> None:
    """Refuse a division that leaks, given (robot, group, split) of every example.

    Raises:
        InvalidInput: A group lies in two splits, or a held-out robot also lies outside `holdout`.
    """
    split_of_group: dict[str, str] = {}
    splits_of_robot: dict[str, set[str]] = {}
    for robot, group, split in rows:
        first = split_of_group.setdefault(group, split)
        if first != split:
            raise InvalidInput(
                f"The frames of one scene lie both in '{first}' and in '{split}', so the "
                "figures would be too good.",
                where=f"group {group} of {robot}",
                next_step="Assign every group of frames with `assign_split`.",
            )
        splits_of_robot.setdefault(robot, set()).add(split)
    for robot, splits in splits_of_robot.items():
        if "holdout" in splits and len(splits) > 1:
            others = ", ".join(sorted(splits - {"holdout"}))
            raise InvalidInput(
                f"The held-out robot '{robot}' also has frames in: {others}.",
                where=f"robot {robot}",
                next_step="Hold the robot out with all of its frames.",
            )
