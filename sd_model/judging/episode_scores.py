"""Judging the terminal frames of stored episodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from data.catalog.catalog import Catalog
from data.episodes.episodes import Episode, EpisodeInfo
from data.episodes.frames import CAMERAS
from data.episodes.index import list_episodes
from data.episodes.shards import FrameRef, read_frames
from data.errors import unknown_name
from sd_model.judging.detector import Detector

_CHUNK = 64


def score_episodes(
    detector: Detector, catalog: Catalog, episode_ids: Sequence[str]
) -> NDArray[np.float32]:
    """Scores of the episodes' terminal frames, (N, T) float32, in the order of `episode_ids`.

    Raises:
        UnknownName: An episode is not in the catalog.
        InvalidInput: A terminal frame lacks a camera.
        CorruptData: A shard cannot be read.
    """
    indexed = {
        each.info.episode_id: each for each in list_episodes(catalog, episode_ids=episode_ids)
    }
    refs, robots = [], []
    for episode_id in episode_ids:
        if episode_id not in indexed:
            raise unknown_name(
                "episode", episode_id, indexed, next_step="Label lists every episode there is."
            )
        found = indexed[episode_id]
        refs.append(FrameRef(found.shard, episode_id, found.info.step_count - 1))
        robots.append(found.info.robot)
    scores = [np.empty((0, len(detector.tasks)), dtype=np.float32)]
    for start in range(0, len(refs), _CHUNK):
        encoded = read_frames(catalog.workspace, refs[start : start + _CHUNK])
        images = [each.decode().images for each in encoded]
        scores.append(detector.score(images, robots[start : start + _CHUNK]))
    return np.concatenate(scores)


def detected_outcomes(
    detector: Detector, catalog: Catalog
) -> Callable[[Sequence[EpisodeInfo]], dict[str, bool]]:
    """Whether episodes succeeded at their own task, as the detector decides at their ends.

    Episodes of a task that the detector does not judge are missing from what it returns.
    """

    def outcomes(infos: Sequence[EpisodeInfo]) -> dict[str, bool]:
        column = {task: index for index, task in enumerate(detector.tasks)}
        judged = [info for info in infos if info.task in column]
        scores_NT = score_episodes(detector, catalog, [info.episode_id for info in judged])
        decision_NT = detector.decide(scores_NT)
        return {
            info.episode_id: bool(decision_T[column[info.task or ""]])
            for info, decision_T in zip(judged, decision_NT, strict=True)
        }

    return outcomes


def score_steps(detector: Detector, episode: Episode) -> dict[str, NDArray[np.float32]]:
    """Per task, the score of every step that has all views, (N,) float32; NaN for the others.

    Raises:
        CorruptData: An image cannot be read.
    """
    complete = [
        index for index, step in enumerate(episode.steps) if set(step.frames.jpegs) == set(CAMERAS)
    ]
    scores_NT = np.full((len(episode.steps), len(detector.tasks)), np.nan, dtype=np.float32)
    scores_NT[complete] = detector.score(
        [episode.steps[index].frames.decode().images for index in complete],
        [episode.info.robot] * len(complete),
    )
    return dict(zip(detector.tasks, scores_NT.T, strict=True))
