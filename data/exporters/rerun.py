"""An episode as a Rerun recording: frames, state, action and what programs made of it, in time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.episodes.episodes import Episode
from data.errors import GoalpostError, InvalidInput
from data.transfers import lerobot


class RerunMissing(GoalpostError):
    """The library that writes Rerun recordings is not installed."""


def export_rerun(
    episode: Episode, path: Path, curves: Mapping[str, NDArray[np.floating[Any]]]
) -> None:
    """Write the episode into a new .rrd file.

    Two timelines: `step`, and `captured_at`, the real time of the first camera. What people say of
    tasks is no curve: labels are exported as tables.

    Args:
        path: New.
        curves: Per name (such as `detector/lift-can` or `policy/value`), one number a step; NaN
            where there is none.

    Raises:
        RerunMissing: `rerun-sdk` is not installed.
        InvalidInput: The file is there already, or a curve has another length.
    """
    try:
        import rerun
    except ImportError as error:
        raise RerunMissing(
            "Rerun's library is not installed.", next_step="pip install 'goalpost[rerun]'"
        ) from error
    if path.exists():
        raise InvalidInput(
            "There is a file of this name already.", where=path, next_step="Name a new one."
        )
    for name, values_N in curves.items():
        if len(values_N) != len(episode.steps):
            raise InvalidInput(
                f"The curve '{name}' has {len(values_N)} values for {len(episode.steps)} steps."
            )
    recording = rerun.RecordingStream("goalpost", recording_id=episode.info.episode_id)
    recording.save(str(path))
    about = {name: str(value) for name, value in episode.info.as_json().items() if value}
    recording.log("episode", rerun.AnyValues(**about), static=True)
    for index, step in enumerate(episode.steps):
        at_ns = next(iter(step.frames.timestamps_ns.values()))
        recording.set_time("step", sequence=index)
        recording.set_time("captured_at", timestamp=np.datetime64(at_ns, "ns"))
        for camera, jpeg in step.frames.jpegs.items():
            image = rerun.EncodedImage(contents=jpeg, media_type="image/jpeg")
            recording.log(f"cameras/{camera}", image)
        for room, names, values in (
            ("state", lerobot.STATE_NAMES, step.state),
            ("gripper", lerobot.POSE_NAMES, step.gripper_pose),
            ("action", lerobot.ACTION_NAMES, step.action),
        ):
            for name, value in zip(names, () if values is None else values, strict=False):
                recording.log(f"{room}/{name}", rerun.Scalars(float(value)))
        for name, values_N in curves.items():
            if np.isfinite(values_N[index]):
                recording.log(name, rerun.Scalars(float(values_N[index])))
    recording.flush()
    recording.disconnect()
