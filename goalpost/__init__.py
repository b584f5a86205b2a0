"""Goalpost for programs: load a detector or a policy, score frames, reward environments.

What is here stays, and changes only with a major version; everything else is Goalpost's own
business. Nothing here needs the app: Streamlit is not imported, and torch not before something is
loaded.

    import goalpost

    detector = goalpost.load_detector("20260921-133320-train-detector-1f2e", workspace="workspace")
    scores = detector.score([{"over_shoulder": image, "left": image, "right": image}])
    environment = goalpost.SuccessReward(environment, detector, "lift-carrot")
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from data.episodes.frames import CAMERAS
from data.errors import GoalpostError
from data.workspace import Workspace, default_root, open_workspace
from sd_model.judging.detector import Detector, detector_folder
from sd_model.serving.success_reward import SuccessReward

if TYPE_CHECKING:
    from policy.acting.policy import Policy
    from sd_model.serving.reward_classifier import RewardClassifier

__all__ = [
    "CAMERAS", "Detector", "GoalpostError", "SuccessReward",
    "load_detector", "load_policy", "reward_classifier",
]  # fmt: skip


def load_detector(
    detector: str | Path, *, workspace: str | Path | None = None, device: str | None = None
) -> Detector:
    """A detector, ready to `score` and `decide`.

    Args:
        detector: Its identifier in the workspace, or its folder.
        workspace: By default `$GOALPOST_WORKSPACE`, or `workspace/` here.
        device: Where it computes, such as "cpu" or "cuda"; by default `$GOALPOST_DEVICE`, else
            the CPU.

    Raises:
        UnknownName: The workspace has no such detector.
        WorkspaceError: There is no workspace.
        ConfigurationError: This machine does not have the device.
        CorruptData: A file is missing or damaged, or a newer Goalpost wrote it.
    """
    folder = _as_folder(detector)
    return Detector.load(
        folder or detector_folder(_workspace(workspace), str(detector)), device=device
    )


def load_policy(
    policy: str | Path, *, workspace: str | Path | None = None, device: str | None = None
) -> Policy:
    """A policy, ready to `act`; arguments and errors as for `load_detector`."""
    from policy.acting.policy import Policy
    from policy.artefact import policy_folder

    folder = _as_folder(policy)
    return Policy.load(folder or policy_folder(_workspace(workspace), str(policy)), device=device)


def reward_classifier(
    detector: Detector, task: str, *, robot: str | None = None
) -> RewardClassifier:
    """The detector in the place of LeRobot's reward classifier.

    Args:
        robot: Whose cell it is, where the detector has met it (`Detector.robots`).

    Raises:
        UnknownName: The detector does not judge the task.
    """
    from sd_model.serving.reward_classifier import RewardClassifier

    return RewardClassifier(detector, task, robot=robot)


def _as_folder(name: str | Path) -> Path | None:
    path = Path(name)
    return path if (path / "config.json").is_file() else None


def _workspace(root: str | Path | None) -> Workspace:
    return open_workspace(default_root() if root is None else Path(root), create=False)
