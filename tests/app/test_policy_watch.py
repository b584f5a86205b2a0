from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from app.policy_watch import (
    policy_sample,
    remembered_scores,
    score_sample,
    watch,
    watch_policy,
)
from data.episodes.episodes import EpisodeInfo
from data.episodes.index import IndexedEpisode


def _episode(name: str, robot: str = "robot-1") -> IndexedEpisode:
    info = EpisodeInfo(
        episode_id=name,
        robot=robot,
        kind="robot",
        behaviour="policy:p1",
        task="lift-any",
        recorded_at_ns=1,
        step_count=3,
    )
    return IndexedEpisode(info=info, shard="s")


def test_precision_counts_what_was_claimed_and_judged() -> None:
    sample = [_episode(name) for name in "abcde"]
    answers = {(name, "lift-any"): name != "b" for name in "abcd"}
    decisions = {"a": True, "b": True, "c": False, "e": True}

    [row] = watch("p1", sample, answers, decisions)

    # `d` was not scored and `e` not judged; `a` is a true success, `b` a false one.
    assert (row.sampled, row.judged, row.claimed, row.true) == (5, 3, 2, 1)
    assert row.precision == 0.5
    assert row.interval == pytest.approx((0.0945, 0.9055), abs=1e-4)
    assert row.harms


def test_nothing_claimed_is_no_alarm() -> None:
    [row] = watch("p1", [_episode("a")], {}, {"a": True})
    assert row.precision is None and not row.harms


def test_it_is_read_from_labels_and_remembered_scores(world: Any) -> None:
    detector = world.add_detector("first", ["lift-any"])
    for number in range(2):
        world.act("robot-1", "lift-any", number=number, behaviour="policy:p1")
    sample = policy_sample(world.catalog, "p1", detector)
    assert len(sample) == 2
    names = [each.info.episode_id for each in sample]
    remembered_scores(world.workspace, detector).add(
        {name: np.array([score], np.float32) for name, score in zip(names, (0.9, 0.2), strict=True)}
    )

    [row] = watch_policy(world.catalog, "p1", detector)

    assert (row.judged, row.claimed, row.true) == (2, 1, 0)
    assert watch_policy(world.catalog, "other", detector) == []


def test_what_was_not_judged_is_judged_by_another_process(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = world.add_detector("first", ["lift-any"])
    for number in range(2):
        world.act("robot-1", "lift-any", number=number, behaviour="policy:p1")
    sample = policy_sample(world.catalog, "p1", detector)
    known, missing = (each.info.episode_id for each in sample)
    remembered_scores(world.workspace, detector).add({known: np.array([0.5], np.float32)})
    asked: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(
        "app.policy_watch.work", lambda module, words, **_: asked.append((module, words))
    )

    assert score_sample(world.catalog, sample, detector) == 1
    assert score_sample(world.catalog, sample[:1], detector) == 0
    assert asked == [("sd_model.cli", ["score", "first", missing])]
