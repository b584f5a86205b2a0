from __future__ import annotations

import numpy as np
import pytest

from data.errors import UnknownName
from data.tasks.tasks import SEED_TASKS
from policy.config import Strategy
from policy.experience.impersonation import impersonate

# A carrot was lifted: 3 of the lifts are asked about, and 2 of the places.
REWARDS = {
    "lift-any": True,
    "lift-banana": False,
    "lift-carrot": True,
    "place-any": False,
    "place-bottom": False,
}


class Draws(np.random.Generator):
    """A generator whose `random` gives written-down numbers."""

    def __init__(self, *numbers: float) -> None:
        super().__init__(np.random.PCG64(0))
        self.numbers = list(numbers)

    def random(self) -> float:  # type: ignore[override]
        return self.numbers.pop(0)


def taught(
    commanded: str,
    strategy: Strategy,
    *draws: float,
    p_success: float = 1.0,
    p_failure: float = 1.0,
) -> list[tuple[str, bool]]:
    generator = Draws(*draws)
    result = impersonate(
        commanded,
        REWARDS,
        SEED_TASKS,
        strategy=strategy,
        p_success=p_success,
        p_failure=p_failure,
        generator=generator,
    )
    assert generator.numbers == []
    return [(task, success) for task, success in result]


def test_orig_keeps_the_commanded_task_alone() -> None:
    assert taught("lift-banana", "orig") == [("lift-banana", False)]


def test_skill_stays_within_the_skill() -> None:
    assert taught("lift-banana", "skill", 0.5, 0.5) == [
        ("lift-any", True),
        ("lift-banana", False),
        ("lift-carrot", True),
    ]
    assert taught("place-any", "skill", 0.5) == [("place-any", False), ("place-bottom", False)]


def test_all_shares_with_every_task() -> None:
    assert taught("lift-banana", "all", 0.5, 0.5, 0.5, 0.5) == list(REWARDS.items())


def test_success_is_routed_with_ps_and_failure_with_pf() -> None:
    # Candidates in order: lift-any (success, 0.69 < 0.7), lift-carrot (success, 0.7 is not).
    assert taught("lift-banana", "skill", 0.69, 0.7, p_success=0.7, p_failure=0.0) == [
        ("lift-any", True),
        ("lift-banana", False),
    ]
    # lift-banana (failure, 0.15 is not < 0.15), lift-carrot (success, always).
    assert taught("lift-any", "skill", 0.15, 0.99, p_failure=0.15) == [
        ("lift-any", True),
        ("lift-carrot", True),
    ]
    assert taught("lift-any", "skill", 0.149, 0.99, p_failure=0.15) == [
        ("lift-any", True),
        ("lift-banana", False),
        ("lift-carrot", True),
    ]


def test_the_commanded_task_is_kept_whatever_the_probabilities() -> None:
    assert taught("lift-banana", "all", *[0.0] * 4, p_success=0.0, p_failure=0.0) == [
        ("lift-banana", False)
    ]


def test_an_episode_of_a_task_that_is_not_taught_still_teaches_its_skill() -> None:
    assert taught("lift-milk", "skill", 0.5, 0.5, 0.5) == [
        ("lift-any", True),
        ("lift-banana", False),
        ("lift-carrot", True),
    ]
    assert taught("lift-milk", "orig") == []


def test_rates_of_routing_match_the_probabilities() -> None:
    generator = np.random.default_rng(7)
    kept = [
        impersonate(
            "lift-any",
            REWARDS,
            SEED_TASKS,
            strategy="skill",
            p_success=1.0,
            p_failure=0.15,
            generator=generator,
        )
        for _ in range(4000)
    ]
    bananas = sum(("lift-banana", False) in episode for episode in kept)
    assert all(("lift-carrot", True) in episode for episode in kept)
    assert bananas / 4000 == pytest.approx(0.15, abs=0.02)  # 3.5 standard deviations


def test_an_unknown_task_is_named() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'lift-carrot'"):
        taught("lift-carot", "skill")
