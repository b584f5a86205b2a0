"""The orders in which Label asks, and what each is good for.

Shapes: N episodes, T tasks of a detector.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from app.policy_watch import remembered_scores
from data.catalog.counts import Census
from data.catalog.label_queue import Order, Ranking
from data.workspace import Workspace
from sd_model.artefact import DetectorSummary
from sd_model.judging.consistency import Consistency, log_odds

RankedOrder = Literal["least sure", "claimed successes", "detectors disagree"]
OrderName = Order | RankedOrder | Literal["people disagree"]

ORDERS: Mapping[OrderName, str] = {
    "newest first": "What the robots did last comes first.",
    "oldest first": "In the order in which it happened.",
    "never labelled": "Only episodes of which nobody has said anything yet, the newest first.",
    "least sure": "Where the newest detector hesitates most: an answer here teaches it most.",
    "claimed successes": "What the newest detector calls a success of the newest policy, the "
    "surest first: a policy learns to please the detector, and this is where it shows.",
    "detectors disagree": "Where the newest detector decides otherwise than the one before it.",
    "people disagree": "Questions that two people answered differently. Your answer decides.",
    "random share": "Drawn by chance. Rates are estimated from these answers alone: every other "
    "order picks what it shows.",
}


def robots_left_out(census: Census, tasks: Collection[str]) -> tuple[list[str], list[str]]:
    """The robots whose tries at `tasks` were answered, and the others, where any of these tried."""
    tried = [row for row in census.rows if row.kind == "robot" and row.task in tasks]
    answered = {row.robot for row in tried if row.answered}
    return sorted(answered), sorted({row.robot for row in tried} - answered)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What a detector said of the terminal frames that it has judged."""

    episode_ids: Sequence[str]
    tasks: tuple[str, ...]
    score_NT: NDArray[np.float32]
    threshold_T: NDArray[np.float64]
    decision_NT: NDArray[np.bool_]
    """Success by the thresholds, settled against the relations of the tasks."""


def judged_episodes(workspace: Workspace, detector: DetectorSummary) -> Judged:
    """What `detector` is remembered to have said."""
    episode_ids, score_NT = remembered_scores(workspace, detector).table()
    names = detector.tasks.names
    threshold_T = np.array([detector.thresholds[task].value for task in names])
    return Judged(
        episode_ids=episode_ids,
        tasks=names,
        score_NT=score_NT,
        threshold_T=threshold_T,
        decision_NT=Consistency(detector.tasks).settle(score_NT, threshold_T),
    )


def least_sure(judged: Judged) -> Ranking:
    """Every question, the nearest to its threshold (as log-odds) first."""
    margin_NT = np.abs(log_odds(judged.score_NT) - log_odds(judged.threshold_T))
    return _ranking(judged, np.ones_like(judged.decision_NT), margin_NT)


def claimed_successes(judged: Judged) -> Ranking:
    """What the detector calls a success, the surest first."""
    return _ranking(judged, judged.decision_NT, -judged.score_NT)


def disagreement(now: Judged, before: Judged) -> Ranking:
    """What two detectors decide differently, the furthest apart first.

    Only questions about episodes and tasks that both have judged.
    """
    row_before = {name: index for index, name in enumerate(before.episode_ids)}
    rows = [index for index, name in enumerate(now.episode_ids) if name in row_before]
    rows_before = [row_before[now.episode_ids[index]] for index in rows]
    tasks = [task for task in now.tasks if task in before.tasks]
    columns = [now.tasks.index(task) for task in tasks]
    columns_before = [before.tasks.index(task) for task in tasks]
    here, there = np.ix_(rows, columns), np.ix_(rows_before, columns_before)
    common = Judged(
        episode_ids=[now.episode_ids[index] for index in rows],
        tasks=tuple(tasks),
        score_NT=now.score_NT[here],
        threshold_T=now.threshold_T[columns],
        decision_NT=now.decision_NT[here],
    )
    differs_NT = common.decision_NT != before.decision_NT[there]
    return _ranking(common, differs_NT, -np.abs(common.score_NT - before.score_NT[there]))


def _ranking(judged: Judged, asked_NT: NDArray[np.bool_], rank_NT: NDArray[np.floating]) -> Ranking:
    episodes, tasks = (index_K.tolist() for index_K in np.nonzero(asked_NT))
    return Ranking(
        [judged.episode_ids[index] for index in episodes],
        [judged.tasks[index] for index in tasks],
        rank_NT[episodes, tasks].tolist(),
    )
