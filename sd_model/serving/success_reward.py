"""Success as the reward of any Gymnasium environment with three cameras."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, SupportsFloat

import gymnasium
import numpy as np

from data.episodes.frames import CAMERAS, ImageHWC
from data.errors import InvalidInput, unknown_name
from sd_model.judging.detector import Detector


class SuccessReward(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Rewards an episode's end by what a detector makes of its last frame: 1 or 0.

    `info` has `success` and `success_probability` whenever the detector judged, and always
    `environment_reward`, what the environment itself said.

    Differs: MT-Opt judges terminal frames only (Sec. V), which is the default; with `every_step`
    each step is judged, and success ends the episode.

    Args:
        environment: Its observations hold three RGB uint8 images (height, width, 3).
        detector: Judges.
        task: One of the detector's.
        cameras: Per camera of ours, where in the observation its image is, with slashes between
            the keys of nested dictionaries; by default the camera's own name.
        every_step: Judge each step.
        robot: Whose cell it is, where the detector has met it (`Detector.robots`).

    Raises:
        UnknownName: The detector does not judge the task, or a camera is not one of ours.
    """

    def __init__(
        self,
        environment: gymnasium.Env[Any, Any],
        detector: Detector,
        task: str,
        *,
        cameras: Mapping[str, str] | None = None,
        every_step: bool = False,
        robot: str | None = None,
    ) -> None:
        super().__init__(environment)
        if task not in detector.tasks:
            raise unknown_name("task of the detector", task, detector.tasks)
        for camera in cameras or ():
            if camera not in CAMERAS:
                raise unknown_name("camera", camera, CAMERAS)
        self._detector = detector
        self._column = detector.tasks.index(task)
        self._paths = {camera: (cameras or {}).get(camera, camera) for camera in CAMERAS}
        self._every_step = every_step
        self._robot = robot

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """As the environment's, with the detector's reward. Raises `InvalidInput`."""
        observation, theirs, terminated, truncated, info = self.env.step(action)
        info = {**info, "environment_reward": theirs}
        if not (terminated or truncated or self._every_step):
            return observation, 0.0, terminated, truncated, info
        scores_1T = self._detector.score([self._views(observation)], [self._robot])
        success = bool(self._detector.decide(scores_1T)[0, self._column])
        info |= {"success": success, "success_probability": float(scores_1T[0, self._column])}
        terminated = terminated or (self._every_step and success)
        return observation, float(success), terminated, truncated, info

    def _views(self, observation: Any) -> dict[str, ImageHWC]:
        return {camera: self._view(observation, camera) for camera in CAMERAS}

    def _view(self, observation: Any, camera: str) -> ImageHWC:
        found = observation
        for key in self._paths[camera].split("/"):
            if not isinstance(found, Mapping) or key not in found:
                raise InvalidInput(
                    f"The observation has no image at '{self._paths[camera]}' for the camera "
                    f"'{camera}'.",
                    valid=sorted(map(str, found)) if isinstance(found, Mapping) else None,
                    next_step="Say where it is with cameras={'" + camera + "': 'KEY'}.",
                )
            found = found[key]
        return np.asarray(found)
