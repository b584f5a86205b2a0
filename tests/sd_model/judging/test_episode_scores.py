from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.special import logit

from data.errors import UnknownName
from sd_model.judging.episode_scores import score_episodes

if TYPE_CHECKING:
    from conftest import Trained


def test_terminal_frames_are_judged_in_the_order_asked_for(trained: Trained) -> None:
    names = ["robot-4-red-001", "robot-1-none-000", "robot-4-green-002"]

    scores_NT = score_episodes(trained.detector, trained.world.catalog, names)

    last = trained.world.episode("robot-4", "red", 1).steps[-1].frames.decode().images
    met, unmet = (trained.detector.score([last], [robot]) for robot in ("robot-4", None))
    # In logits of the surest score, where it shows which robot was looked at.
    np.testing.assert_allclose(logit(scores_NT[0, 1]), logit(met[0, 1]), atol=1e-3)
    assert abs(logit(met[0, 1]) - logit(unmet[0, 1])) > 0.01
    assert (scores_NT[:, 2] > 0.5).tolist() == [True, False, False]


def test_an_unknown_episode_is_named(trained: Trained) -> None:
    with pytest.raises(UnknownName, match="robot-4-red-999"):
        score_episodes(trained.detector, trained.world.catalog, ["robot-4-red-999"])
