"""Watching for exploitation: is what a detector calls success still success under a new policy?

A policy learns to do whatever the detector rewards, so a figure from the holdout ages with every
policy. A random sample of each policy's episodes is therefore judged by people, and the detector's
precision is measured on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from app.worker import work
from data.catalog.catalog import Catalog
from data.catalog.label_queue import draw_of_each_robot
from data.episodes.index import IndexedEpisode
from data.labels.labels import Label, standing_labels
from data.workspace import Workspace
from sd_model.artefact import DetectorSummary
from sd_model.judging.consistency import Consistency
from sd_model.judging.metrics import Interval, wilson
from sd_model.judging.score_cache import ScoreCache

SAMPLE = 30
"""Episodes of each robot that people are asked about."""
JUDGING_S = 300.0
"""How long judging the sample may take [s]."""
NEEDED_PRECISION = 0.9
"""Where less of what is rewarded is true, a policy learns the false part of it, too."""


class _Judge(NamedTuple):
    """What a cache of scores needs to know of a detector."""

    detector_id: str
    tasks: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Watched:
    """One policy on one robot."""

    policy_id: str
    robot: str
    sampled: int
    judged: int
    """Episodes of the sample that somebody judged and the detector scored."""
    claimed: int
    """Of these, those that the detector calls a success of the commanded task."""
    true: int
    """Of these, those that are one."""

    @property
    def precision(self) -> float | None:
        """Share of the claimed successes that are true; None without any."""
        return self.true / self.claimed if self.claimed else None

    @property
    def interval(self) -> Interval:
        """Its 95% Wilson interval."""
        return wilson(self.true, self.claimed)

    @property
    def harms(self) -> bool:
        """Whether less is true than the reward needs."""
        return self.precision is not None and self.precision < NEEDED_PRECISION


def policy_sample(
    catalog: Catalog, policy_id: str, detector: DetectorSummary
) -> list[IndexedEpisode]:
    """The sample of one policy's episodes whose task the detector judges, the same at every call.

    Later episodes displace some, and what was judged already mostly stays in.
    """
    return draw_of_each_robot(
        catalog, behaviour=f"policy:{policy_id}", tasks=detector.tasks.names, most=SAMPLE
    )


def watch(
    policy_id: str,
    sample: Sequence[IndexedEpisode],
    answers: Mapping[tuple[str, str], bool],
    decisions: Mapping[str, bool],
) -> list[Watched]:
    """The detector's precision on a sample, for each robot.

    Args:
        answers: By (episode, task), whether it truly succeeded, as far as somebody said.
        decisions: By episode, whether the detector calls its own task a success, if scored.
    """
    found = []
    for robot in sorted({each.info.robot for each in sample}):
        here = [each.info for each in sample if each.info.robot == robot]
        judged = [
            info
            for info in here
            if info.episode_id in decisions and (info.episode_id, info.task or "") in answers
        ]
        claimed = [info for info in judged if decisions[info.episode_id]]
        found.append(
            Watched(
                policy_id=policy_id,
                robot=robot,
                sampled=len(here),
                judged=len(judged),
                claimed=len(claimed),
                true=sum(answers[info.episode_id, info.task or ""] for info in claimed),
            )
        )
    return found


def watch_policy(catalog: Catalog, policy_id: str, detector: DetectorSummary) -> list[Watched]:
    """`watch` from the catalog's labels and the detector's remembered scores."""
    sample = policy_sample(catalog, policy_id, detector)
    if not sample:
        return []
    names = {each.info.episode_id for each in sample}
    frames = {each.info.episode_id: each.info.step_count - 1 for each in sample}
    labels = standing_labels(catalog, episode_ids=names)
    scores = remembered_scores(catalog.workspace, detector)
    return watch(
        policy_id,
        sample,
        _answers([each for each in labels if each.frame_index == frames[each.episode_id]]),
        _decisions(sample, scores, detector),
    )


def remembered_scores(workspace: Workspace, detector: DetectorSummary) -> ScoreCache:
    """The detector's scores of terminal frames, as runs and this watch have left them."""
    return ScoreCache(workspace, _Judge(detector.detector_id, detector.tasks.names))


def score_sample(
    catalog: Catalog, sample: Sequence[IndexedEpisode], detector: DetectorSummary
) -> int:
    """Let the detector judge, in a process of its own, what it has not yet judged of a sample.

    Returns:
        How many episodes that were.

    Raises:
        RunError: The detector or a shard cannot be read; quotes what was said of it.
    """
    scores = remembered_scores(catalog.workspace, detector)
    missing = [each.info.episode_id for each in sample if scores.get(each.info.episode_id) is None]
    if missing:
        work(
            "sd_model.cli",
            ["score", detector.detector_id, *missing],
            workspace=catalog.workspace,
            patience_s=JUDGING_S,
            failed="The detector could not judge the sample.",
            where=f"detector {detector.detector_id}",
        )
    return len(missing)


def _answers(labels: Sequence[Label]) -> dict[tuple[str, str], bool]:
    return {
        (label.episode_id, label.task): label.outcome == "success"
        for label in labels
        if label.outcome != "unsure"
    }


def _decisions(
    sample: Sequence[IndexedEpisode], scores: ScoreCache, detector: DetectorSummary
) -> dict[str, bool]:
    """By episode, whether its own task would be rewarded: as `Detector.decide` does."""
    known = {each.info.episode_id: scores.get(each.info.episode_id) for each in sample}
    found = {name: score_T for name, score_T in known.items() if score_T is not None}
    if not found:
        return {}
    names = detector.tasks.names
    threshold_T = np.array([detector.thresholds[task].value for task in names])
    decision_NT = Consistency(detector.tasks).settle(np.stack(list(found.values())), threshold_T)
    decided = dict(zip(found, decision_NT, strict=True))
    return {
        each.info.episode_id: bool(decided[each.info.episode_id][names.index(each.info.task)])
        for each in sample
        if each.info.episode_id in decided and each.info.task in names
    }
