"""A detector's word as the reward of an environment, and of LeRobot's batches."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
import torch

import goalpost
from data.errors import InvalidInput, UnknownName
from data.tasks.tasks import SEED_TASKS
from sd_model.judging.consistency import Consistency
from sd_model.serving.reward_classifier import RewardClassifier
from sd_model.serving.success_reward import SuccessReward


class Squares(gymnasium.Env[Any, Any]):
    """Three steps; the last one shows a red square or none."""

    def __init__(self, world: Any, shown: str, *, nested: bool = False) -> None:
        self.action_space = gymnasium.spaces.Discrete(2)
        self.observation_space = gymnasium.spaces.Dict({})
        self._frames = [world.images("robot-1", each, np.random.default_rng(5))
                        for each in ("none", "none", shown)]  # fmt: skip
        self._nested = nested

    def reset(self, **given: Any) -> tuple[Any, dict[str, Any]]:
        self._index = -1
        return {}, {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self._index += 1
        views = self._frames[self._index]
        observation = {"cameras": views} if self._nested else views
        return observation, 7.0, False, self._index == 2, {"mine": 1}


@pytest.mark.parametrize(("shown", "reward"), [("red", 1.0), ("none", 0.0)])
def test_the_end_is_rewarded(trained: Any, shown: str, reward: float) -> None:
    environment = SuccessReward(Squares(trained.world, shown), trained.detector, "show-red")
    environment.reset()
    steps = [environment.step(0) for _ in range(3)]
    assert [step[1] for step in steps] == [0.0, 0.0, reward]
    assert [step[3] for step in steps] == [False, False, True]
    assert "success" not in steps[0][4]
    info = steps[2][4]
    assert (info["mine"], info["environment_reward"], info["success"]) == (1, 7.0, reward == 1)
    threshold = trained.detector.thresholds["show-red"]
    assert (info["success_probability"] >= threshold) == (reward == 1)


def test_every_step_may_be_judged_and_success_ends(trained: Any) -> None:
    environment = SuccessReward(
        Squares(trained.world, "red", nested=True), trained.detector, "show-red", every_step=True,
        cameras={c: f"cameras/{c}" for c in ("over_shoulder", "left", "right")},
    )  # fmt: skip
    environment.reset()
    steps = [environment.step(0) for _ in range(3)]
    assert [step[4]["success"] for step in steps] == [False, False, True]
    assert [step[2] for step in steps] == [False, False, True]


def test_what_is_missing_is_told(trained: Any) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'show-red'"):
        SuccessReward(Squares(trained.world, "red"), trained.detector, "show-read")
    environment = SuccessReward(
        Squares(trained.world, "red", nested=True), trained.detector, "show-red", every_step=True
    )
    environment.reset()
    with pytest.raises(InvalidInput, match=r"no image at 'over_shoulder'.*Valid: cameras"):
        environment.step(0)


def test_lerobot_batches_are_rewarded(trained: Any) -> None:
    frames = [trained.world.images("robot-1", shown, np.random.default_rng(5))
              for shown in ("red", "none")]  # fmt: skip
    batch = {
        f"observation.images.{camera}": torch.stack(
            [torch.from_numpy(each[camera]).permute(2, 0, 1) for each in frames]
        ).float() / 255
        for camera in frames[0]
    }  # fmt: skip
    classifier = RewardClassifier(trained.detector, "show-red")
    assert classifier.predict_reward(batch).tolist() == [1.0, 0.0]
    assert classifier(batch).dtype == torch.float32
    expected = trained.detector.score(frames)[:, 2]
    assert classifier.probability(batch).numpy() == pytest.approx(expected, abs=1e-6)
    assert classifier.predict_reward(batch, threshold=0.0).tolist() == [1.0, 1.0]
    with pytest.raises(InvalidInput, match=r"no 'observation\.images\.left'"):
        classifier.predict_reward({"observation.images.over_shoulder": torch.zeros(1, 3, 8, 8)})


def test_lerobot_batches_are_rewarded_as_the_detector_decides() -> None:
    """A lifted can of which nothing is lifted is no success: the surer score has its say."""

    asked: list[str | None] = []

    class Torn:
        tasks = ("lift-any", "lift-can")

        def score(self, frames: list[Any], robots: list[Any]) -> np.ndarray:
            asked.extend(robots)
            return np.array([[0.01, 0.6]] * len(frames), dtype=np.float32)

        def decide(self, score_NT: np.ndarray) -> np.ndarray:
            return Consistency(SEED_TASKS.only(self.tasks)).settle(score_NT, np.full(2, 0.5))

    batch = {
        f"observation.images.{camera}": torch.zeros(1, 3, 8, 8)
        for camera in ("over_shoulder", "left", "right")
    }
    classifier = goalpost.reward_classifier(Torn(), "lift-can", robot="robot-3")
    assert classifier.predict_reward(batch).tolist() == [0.0]
    assert classifier.predict_reward(batch, threshold=0.5).tolist() == [1.0]
    assert asked == ["robot-3", "robot-3"]
