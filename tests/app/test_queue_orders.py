from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from app.policy_watch import remembered_scores
from app.queue_orders import claimed_successes, disagreement, judged_episodes, least_sure


@pytest.fixture
def judged(world: Any) -> Any:
    """Remembers scores (N, T) of episodes a, b, ... and gives what the detector says."""

    def judge(name: str, tasks: list[str], *score_NT: list[float]) -> Any:
        detector = world.add_detector(name, tasks)
        scores = dict(zip("abcdef", np.array(score_NT, np.float32), strict=False))
        remembered_scores(world.workspace, detector).add(scores)
        return judged_episodes(world.workspace, detector)

    return judge


def _pairs(ranking: Any) -> list[tuple[str, str]]:
    rows = sorted(zip(ranking.ranks, ranking.episode_ids, ranking.tasks, strict=True))
    return [(episode, task) for _, episode, task in rows]


def test_the_least_sure_lies_nearest_to_the_threshold(judged: Any) -> None:
    found = least_sure(judged("d", ["lift-any"], [0.9], [0.4], [0.55]))
    assert _pairs(found) == [("c", "lift-any"), ("b", "lift-any"), ("a", "lift-any")]


def test_claimed_successes_come_surest_first_and_without_contradiction(judged: Any) -> None:
    found = claimed_successes(judged("d", ["lift-any", "lift-carrot"], [0.7, 0.1], [0.01, 0.6],
                                     [0.9, 0.8]))  # fmt: skip
    # b: that nothing was lifted is surer than that a carrot was.
    assert _pairs(found) == [("c", "lift-any"), ("c", "lift-carrot"), ("a", "lift-any")]


def test_detectors_disagree_on_what_both_have_judged(judged: Any) -> None:
    before = judged("old", ["place-any", "lift-any"], [0.9, 0.9], [0.1, 0.2])
    now = judged("new", ["lift-any", "lift-can"], [0.1, 0.9], [0.6, 0.1], [0.9, 0.9])
    assert _pairs(disagreement(now, before)) == [("a", "lift-any"), ("b", "lift-any")]


def test_nothing_judged_ranks_nothing(judged: Any, world: Any) -> None:
    nothing = judged_episodes(world.workspace, world.add_detector("d", ["lift-any"]))
    assert least_sure(nothing).ranks == []
    assert disagreement(nothing, nothing).ranks == []
