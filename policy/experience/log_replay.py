"""Log replay: episodes from disk, judged and impersonated, to replay (MT-Opt, App. 7.4)."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from data.catalog.catalog import Catalog
from data.episodes.episodes import Episode
from data.episodes.frames import CAMERAS, ImageHWC
from data.episodes.index import list_episodes
from data.episodes.shards import read_shard
from data.errors import CorruptData, InvalidInput, UnknownName, unknown_name
from data.tasks.store import load_tasks
from policy.config import PolicyConfig
from policy.experience.impersonation import impersonate
from policy.experience.replay import ReplayBuffers
from policy.experience.rewards import Judge, rewards_from_scores
from policy.experience.sight import Projection
from policy.experience.trajectory import Trajectory, trajectory_from_episode
from sd_model.judging.score_cache import ScoreCache

_SCORED_TOGETHER = 64
"""Terminal frames given to the detector at a time."""


@dataclass(kw_only=True)
class OutcomeCount:
    """Episodes by outcome."""

    success: int = 0
    failure: int = 0

    def add(self, success: bool) -> None:
        """Count one more."""
        if success:
            self.success += 1
        else:
            self.failure += 1


@dataclass(kw_only=True)
class FillReport:
    """What one filling of the buffers brought (the counts of MT-Opt, Fig. 12)."""

    episodes: int = 0
    """Episodes that were read."""
    commanded: dict[str, OutcomeCount] = field(default_factory=dict)
    """For each task, the episodes collected for it, before impersonation."""
    taught: dict[str, OutcomeCount] = field(default_factory=dict)
    """For each task, the episodes that teach it, after impersonation."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Episodes that could not be used, each with the reason."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)


class _Prepared(NamedTuple):
    """An episode that waits to be judged."""

    trajectory: Trajectory
    images: Mapping[str, ImageHWC]
    """The terminal views; empty where their scores are remembered."""
    truth: Mapping[str, bool]
    """The simulator's; empty where a detector judges."""


class LogReplay:
    """Reads robot episodes from the workspace into replay buffers, each once.

    Each `fill` takes in what has been collected since the last one. Which impersonations an
    episode gets depends on the seed and the episode alone, so neither a restart nor the order of
    collection changes them. The detector's scores are cached in the workspace.

    Args:
        catalog: Where episodes and tasks are found.
        detector: Gives the rewards; must judge every one of `tasks`. None: the simulator's truth,
            for experiments.
        config: Image size and impersonation strategy.
        tasks: The policy's tasks.
        seed: Of the impersonation's draws.
        robots: Only episodes of these robots (None: of all).
        projections: Of the policy's camera, by robot, where it is known.

    Raises:
        UnknownName: A task that the workspace has not, or that the detector does not judge.
    """

    def __init__(
        self,
        catalog: Catalog,
        detector: Judge | None,
        config: PolicyConfig,
        tasks: Sequence[str],
        *,
        seed: int,
        robots: Collection[str] | None = None,
        projections: Mapping[str, Projection] | None = None,
    ) -> None:
        self._catalog = catalog
        self._detector = detector
        self._config = config
        self._known = load_tasks(catalog.workspace)
        self._tasks = tuple(self._known[task].name for task in tasks)
        for task in self._tasks:
            if detector is not None and task not in detector.tasks:
                raise unknown_name(
                    "task",
                    task,
                    detector.tasks,
                    where=f"detector {detector.detector_id}",
                    next_step="Label this task and train a detector on it, or leave it out.",
                )
        self._seed = seed
        self._robots = robots
        self._projections = projections or {}
        self._scores = None if detector is None else ScoreCache(catalog.workspace, detector)
        self._seen: set[str] = set()

    def fill(
        self, buffers: ReplayBuffers, told: Callable[[int, int], None] = lambda done, total: None
    ) -> FillReport:
        """Add every episode not yet seen to `buffers`.

        An episode or shard that cannot be read is left out and named in the report; the others are
        not affected.

        Args:
            buffers: What is filled.
            told: Hears now and then how many episodes of how many have been read; may raise to
                cancel.
        """
        report = FillReport(
            commanded={task: OutcomeCount() for task in self._tasks},
            taught={task: OutcomeCount() for task in self._tasks},
        )
        waiting: list[_Prepared] = []
        new = self._new_episodes()
        total = sum(len(ids) for ids in new.values())
        for done, episode in enumerate(self._read_all(new, report)):
            if done % _SCORED_TOGETHER == 0:
                told(done, total)
            try:
                waiting.append(self._prepare(episode))
            except (CorruptData, InvalidInput, UnknownName) as error:
                report.left_out[episode.info.episode_id] = str(error)
            if len(waiting) == _SCORED_TOGETHER:
                self._take_in(waiting, buffers, report)
                waiting.clear()
        self._take_in(waiting, buffers, report)
        return report

    def _new_episodes(self) -> Mapping[str, Sequence[str]]:
        """The ids of those not yet seen, by shard, in the order of recording."""
        by_shard: dict[str, list[str]] = defaultdict(list)
        for indexed in list_episodes(self._catalog, kind="robot", robots=self._robots):
            if indexed.info.episode_id not in self._seen:
                by_shard[indexed.shard].append(indexed.info.episode_id)
        return by_shard

    def _read_all(
        self, by_shard: Mapping[str, Sequence[str]], report: FillReport
    ) -> Iterator[Episode]:
        for shard, ids in by_shard.items():
            self._seen.update(ids)
            yield from self._read(self._catalog.workspace.root / shard, ids, report)

    def _read(self, shard: Path, ids: Sequence[str], report: FillReport) -> Iterator[Episode]:
        """The episodes of a shard; where it is damaged, those that can still be read."""
        try:
            episodes = read_shard(shard, ids)
        except (CorruptData, InvalidInput) as error:
            if len(ids) == 1:
                report.left_out[ids[0]] = str(error)
                return
            for episode_id in ids:
                yield from self._read(shard, [episode_id], report)
        else:
            yield from episodes

    def _prepare(self, episode: Episode) -> _Prepared:
        """The trajectory, and what is needed to judge it."""
        trajectory = trajectory_from_episode(
            episode, self._config, self._projections.get(episode.info.robot)
        )
        trajectory = replace(trajectory, task=self._known[trajectory.task].name)
        if self._scores is None:
            if episode.info.truth is None:
                raise InvalidInput(
                    f"Nobody knows the truth about episode {trajectory.episode_id}.",
                    next_step="Let a detector judge it.",
                )
            return _Prepared(trajectory, {}, episode.info.truth)
        if self._scores.get(trajectory.episode_id) is not None:
            return _Prepared(trajectory, {}, {})
        images = episode.steps[-1].frames.decode().images
        missing = [camera for camera in CAMERAS if camera not in images]
        if missing:
            raise InvalidInput(
                f"The terminal frame of episode {trajectory.episode_id} lacks "
                f"{', '.join(missing)}, so no detector can judge it.",
                next_step="Leave this episode out; the others are not affected.",
            )
        return _Prepared(trajectory, images, {})

    def _take_in(
        self, waiting: Sequence[_Prepared], buffers: ReplayBuffers, report: FillReport
    ) -> None:
        for (trajectory, _, _), judged in zip(waiting, self._judge(waiting), strict=True):
            report.episodes += 1
            outcomes = {task: judged.get(task, False) for task in self._tasks}
            if trajectory.task in outcomes:
                report.commanded[trajectory.task].add(outcomes[trajectory.task])
            for task, success in impersonate(
                trajectory.task,
                outcomes,
                self._known,
                strategy=self._config.strategy,
                p_success=self._config.p_success,
                p_failure=self._config.p_failure,
                generator=_generator_for(trajectory.episode_id, self._seed),
            ):
                buffers.add(trajectory, task, success=success)
                report.taught[task].add(success)

    def _judge(self, waiting: Sequence[_Prepared]) -> list[Mapping[str, bool]]:
        if self._detector is None or self._scores is None:
            return [prepared.truth for prepared in waiting]
        unscored = [(p.trajectory.episode_id, p.images) for p in waiting if p.images]
        if unscored:
            score_NT = self._detector.score([images for _, images in unscored])
            self._scores.add(
                dict(zip([episode_id for episode_id, _ in unscored], score_NT, strict=True))
            )
        known = [self._scores.get(prepared.trajectory.episode_id) for prepared in waiting]
        if not known:
            return []
        rewards = rewards_from_scores(
            self._detector, np.stack([score_T for score_T in known if score_T is not None])
        )
        return [reward.outcomes for reward in rewards]


def _generator_for(episode_id: str, seed: int) -> np.random.Generator:
    """Draws that belong to one episode, whenever it is read."""
    digest = hashlib.sha256(episode_id.encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "little")])
