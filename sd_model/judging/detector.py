"""The only door of policies and of the app to a trained detector.

torch is imported when first a detector is loaded, so that listing detectors costs little.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from data.episodes.frames import ImageHWC
from data.errors import InvalidInput
from sd_model.artefact import (
    FINDER,
    ROBOTS,
    WEIGHTS,
    DetectorSummary,
    detector_folder,
    list_detectors,
    load_summary,
)
from sd_model.judging.calibration import too_close_to_call
from sd_model.judging.consistency import Consistency

if TYPE_CHECKING:
    import torch

    from sd_model.learning.acquaintance import Statistics
    from sd_model.learning.augmentation import Looks, Preprocessing
    from sd_model.learning.network import DetectorNetwork

__all__ = ["Detector", "DetectorSummary", "detector_folder", "list_detectors"]

_CHUNK = 256


class Detector:
    """A trained detector that judges frames. Get one with `Detector.load`."""

    def __init__(
        self,
        summary: DetectorSummary,
        network: DetectorNetwork,
        met: Mapping[str, Statistics],
        preprocessing: Preprocessing,
        device: torch.device,
    ) -> None:
        self.detector_id = summary.detector_id
        self.tasks: tuple[str, ...] = summary.tasks.names
        self.thresholds: dict[str, float] = {
            task: chosen.value for task, chosen in summary.thresholds.items()
        }
        self.folder: Path = summary.folder
        self._consistency = Consistency(summary.tasks)
        self._networks: dict[str | None, DetectorNetwork] = {None: network}
        """As it looks at robots in general, and at those it was asked about since."""
        self._met = met
        self._preprocessing = preprocessing
        self._device = device

    @classmethod
    def load(cls, folder: Path, *, device: str | torch.device | None = None) -> Detector:
        """Load the detector in `folder`.

        Args:
            device: Where it computes; see `sd_model.device`.

        Raises:
            ConfigurationError: This machine does not have the device.
            CorruptData: A file is missing or damaged, or a newer Goalpost wrote it.
        """
        from sd_model.device import chosen_device
        from sd_model.learning.acquaintance import load_acquaintances
        from sd_model.learning.augmentation import Preprocessing
        from sd_model.learning.network import build_network
        from sd_model.looking.finder import Finder
        from sd_model.tensors import load_weights

        summary = load_summary(folder)
        where = chosen_device(device)
        network = build_network(summary.config, len(summary.tasks), seed=0, device=where)
        load_weights(folder / WEIGHTS, network)
        finder = None
        if summary.config.cut_px:
            finder = Finder.load(folder / FINDER, marks=summary.config.marks, device=where)
        met = load_acquaintances(folder / ROBOTS) if summary.config.robot_frames else {}
        return cls(summary, network.eval(), met, Preprocessing(summary.config, finder), where)

    @property
    def robots(self) -> tuple[str, ...]:
        """The robots it has met: it looks at each as that one's pictures ask for."""
        return tuple(self._met)

    def score(
        self,
        frames: Sequence[Mapping[str, ImageHWC]],
        robots: Sequence[str | None] | None = None,
    ) -> NDArray[np.float32]:
        """Probability of success of every task on every frame.

        Args:
            frames: Per frame, RGB uint8 images (height, width, 3) of all cameras, of any size.
            robots: Per frame, whose cell it shows. Where that is not said, or the detector has not
                met the robot, it looks as at robots in general, and errs more often.

        Returns:
            (N, T) float32 in the order of `tasks`.

        Raises:
            InvalidInput: A camera is missing or an image is not RGB uint8.
        """
        whose = [None] * len(frames) if robots is None else list(robots)
        if len(whose) != len(frames):
            raise InvalidInput(
                f"There are {len(frames)} frames, and robots of {len(whose)}.",
                next_step="Name one for each frame, or None.",
            )
        scores = [np.empty((0, len(self.tasks)), dtype=np.float32)]
        for start in range(0, len(frames), _CHUNK):
            looks = self._preprocessing.keep(frames[start : start + _CHUNK])
            scores.append(self._score(looks, whose[start : start + _CHUNK]))
        return np.concatenate(scores)

    def _score(self, looks: Looks, whose: Sequence[str | None]) -> NDArray[np.float32]:
        from sd_model.judging.scoring import score_looks

        score_NT = np.empty((len(whose), len(self.tasks)), dtype=np.float32)
        for robot in dict.fromkeys(whose):
            rows = [row for row, each in enumerate(whose) if each == robot]
            own = type(looks)(*(each[rows] for each in looks))
            network = self._network_for(robot)
            score_NT[rows] = score_looks(network, self._preprocessing, own, self._device)
        return score_NT

    def _network_for(self, robot: str | None) -> DetectorNetwork:
        from sd_model.learning.acquaintance import with_statistics

        known = robot if robot in self._met else None
        if known is not None and known not in self._networks:
            self._networks[known] = with_statistics(self._networks[None], self._met[known])
        return self._networks[known]

    def decide(self, scores_NT: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Whether each score reaches its task's own threshold, (N, T), without contradictions.

        Where decisions would disobey the relations of the tasks, the surest stand; see
        `judging.consistency`.

        Raises:
            InvalidInput: The scores are not of this detector's tasks.
        """
        return self._consistency.settle(scores_NT, self._thresholds_of(scores_NT))

    def unsure(self, scores_NT: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Whether each score is too close to call, (N, T); see `judging.calibration`.

        Raises:
            InvalidInput: The scores are not of this detector's tasks.
        """
        return too_close_to_call(scores_NT, self._thresholds_of(scores_NT))

    def _thresholds_of(self, scores_NT: NDArray[np.float32]) -> NDArray[np.float64]:
        if scores_NT.ndim != 2 or scores_NT.shape[1] != len(self.tasks):
            raise InvalidInput(
                f"Scores of shape {scores_NT.shape} are not of this detector's tasks.",
                valid=[f"(N, {len(self.tasks)}), from Detector.score"],
            )
        return np.array([self.thresholds[task] for task in self.tasks])
