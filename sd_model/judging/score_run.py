"""A `score-episodes` run: a detector judges stored episodes, and its scores are remembered."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from data.catalog.catalog import Catalog
from data.episodes.index import list_episodes
from data.errors import CorruptData, InvalidInput
from data.runs.reporter import RunReporter
from data.runs.runs import Run
from sd_model.artefact import detector_folder
from sd_model.judging.detector import Detector
from sd_model.judging.episode_scores import score_episodes
from sd_model.judging.score_cache import ScoreCache

NEWEST = 5000
"""So many of the newest episodes are judged unless the spec says otherwise."""
_KEYS = ("detector", "most")
_AT_A_TIME = 64


def execute_score_run(run: Run) -> int | None:
    """Judge the terminal frames of the newest robot episodes that the detector has not judged.

    What a killed run has judged is remembered, so that carrying it out again goes on there.

    Returns:
        How many episodes were judged, or None where the run was cancelled.

    Raises:
        GoalpostError: Whatever stopped it; the run's status says so too.
    """
    with RunReporter(run) as report:
        unknown = sorted(set(run.spec) - set(_KEYS))
        if unknown:
            raise InvalidInput(
                f"A score-episodes run has no setting '{unknown[0]}'.",
                where=run.folder / "spec.json",
                valid=_KEYS,
            )
        catalog = Catalog(run.workspace)
        detector = Detector.load(detector_folder(run.workspace, run.spec["detector"]))
        scores = ScoreCache(run.workspace, detector)
        newest = list_episodes(catalog, kind="robot", limit=run.spec.get("most", NEWEST))[::-1]
        open_ids = [
            each.info.episode_id for each in newest if scores.get(each.info.episode_id) is None
        ]
        judged = 0
        for start in range(0, len(open_ids), _AT_A_TIME):
            report.progress(start / len(open_ids), f"{start} of {len(open_ids)} pictures judged")
            found = _scores(detector, catalog, open_ids[start : start + _AT_A_TIME])
            scores.add(found)
            judged += len(found)
        report.result(judged=judged, unreadable=len(open_ids) - judged)
        return judged
    return None


def _scores(
    detector: Detector, catalog: Catalog, episode_ids: Sequence[str]
) -> dict[str, NDArray[np.float32]]:
    """The scores of these episodes, without those that are damaged or lack a view."""
    try:
        return dict(zip(episode_ids, score_episodes(detector, catalog, episode_ids), strict=True))
    except (CorruptData, InvalidInput):
        if len(episode_ids) == 1:
            return {}
    found: dict[str, NDArray[np.float32]] = {}
    for episode_id in episode_ids:
        found |= _scores(detector, catalog, [episode_id])
    return found
