"""Episodes: sequences of steps that a person recorded or a robot lived through."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from data.episodes.frames import EncodedFrameSet
from data.errors import InvalidInput
from data.tasks.tasks import Outcome

EpisodeKind = Literal["clip", "robot"]

_FOLDER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, kw_only=True)
class EpisodeInfo:
    """What is known of an episode without reading its frames."""

    episode_id: str
    """Unique, sortable by time; see `new_episode_id`."""
    robot: str
    """The unit of every holdout."""
    kind: EpisodeKind
    behaviour: str
    """person, demonstrator, scripted-pick, scripted-place, noisy, expert, or policy:<id>."""
    task: str | None = None
    """The task shown (clip) or commanded (robot episode)."""
    outcome: Outcome | None = None
    """What every frame of a clip shows; None for a robot's episode."""
    pair_id: str | None = None
    """The two clips of one scene share it; None for a robot's episode."""
    start: str | None = None
    """Where a robot's episode began, a `Start` value; None for a clip."""
    recorded_at_ns: int
    """Time of the first frame [ns since the Unix epoch]."""
    step_count: int
    """Frames in the episode; a robot's N actions make N + 1."""
    truth: Mapping[str, bool] | None = None
    """The simulator's true outcome of every task at the terminal frame."""

    def __post_init__(self) -> None:
        for field, name in (("episode_id", self.episode_id), ("robot", self.robot)):
            if not _FOLDER_NAME.fullmatch(name):
                raise InvalidInput(
                    f"'{name}' cannot be the {field} of an episode.",
                    valid=["letters, digits, dots, hyphens and underscores, beginning with a "
                           "letter or digit"],
                )  # fmt: skip
        if self.kind not in get_args(EpisodeKind):
            raise InvalidInput(
                f"An episode cannot be of kind '{self.kind}'.",
                where=self.episode_id,
                valid=get_args(EpisodeKind),
            )
        if self.outcome is not None and self.outcome not in get_args(Outcome):
            raise InvalidInput(
                f"A clip cannot show the outcome '{self.outcome}'.",
                where=self.episode_id,
                valid=get_args(Outcome),
            )
        if self.step_count < 1:
            raise InvalidInput("An episode needs at least one frame.", where=self.episode_id)

    @property
    def group(self) -> str:
        """What may never straddle two splits: the pair of clips, or the one episode."""
        return self.pair_id or self.episode_id

    @property
    def day(self) -> str:
        """Date of recording in UTC, `YYYY-MM-DD`."""
        return _utc(self.recorded_at_ns).strftime("%Y-%m-%d")

    def as_json(self) -> dict[str, Any]:
        """Plain values, the inverse of `EpisodeInfo(**values)`."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        if self.truth is not None:
            values["truth"] = {task: bool(succeeded) for task, succeeded in self.truth.items()}
        return values


@dataclass(frozen=True, kw_only=True, eq=False)
class Step:
    """One moment of an episode."""

    frames: EncodedFrameSet
    """A clip has all three views in every step; a robot's episode at least in the last one."""
    state: NDArray[np.float32] | None = None
    """Shape (2,): gripper closed, height [m]; None where no robot reports them."""
    gripper_pose: NDArray[np.float32] | None = None
    """Shape (4,): fingertips x, y, z [m] and yaw [rad] in the robot's base frame; None where no
    robot reports them."""
    action: NDArray[np.float32] | None = None
    """Shape (8,), see `data.cells.protocol`; None in a clip and on the terminal frame."""
    done: bool = False
    """True on the step whose action ended the episode and on the terminal frame."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Episode:
    """An episode with its frames. Raises `InvalidInput` where `info` counts other steps."""

    info: EpisodeInfo
    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        if len(self.steps) != self.info.step_count:
            raise InvalidInput(
                f"The episode has {len(self.steps)} steps, its description says "
                f"{self.info.step_count}.",
                where=self.info.episode_id,
            )


def new_episode_id(now_ns: int) -> str:
    """An identifier that sorts by `now_ns` [ns since the Unix epoch] and is drawn only once."""
    return f"{_utc(now_ns):%Y%m%d-%H%M%S}-{now_ns % 1_000_000_000:09d}-{secrets.token_hex(3)}"


def _utc(at_ns: int) -> datetime:
    return datetime.fromtimestamp(at_ns // 1_000_000_000, UTC)
