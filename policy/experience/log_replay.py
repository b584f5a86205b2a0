"""Log replay: episodes from disk, judged and impersonated, to replay (MT-Opt, App. 7.4)."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from data.catalog.catalog import Catalog
from data.episodes.episodes import Episode, EpisodeInfo
from data.episodes.frames import CAMERAS, ImageHWC
from data.episodes.index import IndexedEpisode, list_episodes
from data.episodes.shards import read_shard
from data.errors import CorruptData, InvalidInput, UnknownName, unknown_name
from data.tasks.store import load_tasks
from policy.config import PolicyConfig
from policy.experience.grasps import last_grasp
from policy.experience.impersonation import impersonate
from policy.experience.replay import ReplayBuffers
from policy.experience.rewards import Judge, rewards_from_scores
from policy.experience.sight import Projection
from policy.experience.trajectory import Trajectory
from policy.experience.trajectory_store import TrajectoryStore
from sd_model.judging.score_cache import ScoreCache

_READ_TOGETHER = 64
"""Episodes that are cut, and whose terminal frames are given to the detector, at a time."""


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
    teaching: int = 0
    """Those of them that teach at least one of the tasks."""
    commanded: dict[str, OutcomeCount] = field(default_factory=dict)
    """For each task, the episodes collected for it, before impersonation."""
    taught: dict[str, OutcomeCount] = field(default_factory=dict)
    """For each task, the episodes that teach it, after impersonation."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Episodes that could not be used, each with the reason."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)


class LogReplay:
    """Reads robot episodes from the workspace into replay buffers, each once.

    Each `fill` takes in what has been collected since the last one. Which impersonations an
    episode gets depends on the seed and the episode alone, so neither a restart nor the order of
    collection changes them. What the policy sees of an episode and the detector's scores of it are
    cached in the workspace, so that a later training opens no shard.

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
        judged = [self._known.current_name(task) for task in detector.tasks] if detector else ()
        for task in self._tasks:
            if detector is not None and task not in judged:
                raise unknown_name(
                    "task",
                    task,
                    judged,
                    where=f"detector {detector.detector_id}",
                    next_step="Label this task and train a detector on it, or leave it out.",
                )
        self._seed = seed
        self._robots = robots
        self._store = TrajectoryStore(catalog.workspace, config, projections or {})
        self._scores = None if detector is None else ScoreCache(catalog.workspace, detector)
        self._seen: set[str] = set()
        self.replayed: list[Trajectory] = []
        """All that came into the buffers so far, in that order, also what has left them since."""

    def fill(
        self,
        buffers: ReplayBuffers,
        told: Callable[[int, int], None] = lambda done, total: None,
        *,
        only: Sequence[str] | None = None,
    ) -> FillReport:
        """Add every episode not yet seen to `buffers`.

        An episode or shard that cannot be read is left out and named in the report; the others are
        not affected.

        Args:
            buffers: What is filled.
            told: Hears now and then how many episodes of how many have been read; may raise to
                cancel.
            only: The episodes to add, in the order in which they are to come; those that are gone
                are passed over. None: all.

        Raises:
            StorageFull: What the policy sees of them does not fit on the disk.
        """
        report = FillReport(
            commanded={task: OutcomeCount() for task in self._tasks},
            taught={task: OutcomeCount() for task in self._tasks},
        )
        new = self._new_episodes(report)
        if only is not None:
            by_id = {each.info.episode_id: each for each in new}
            new = [by_id[episode_id] for episode_id in only if episode_id in by_id]
        infos = [each.info for each in new]
        trajectories = self._store.held(infos)
        unread = [
            each
            for each in new
            if each.info.episode_id not in trajectories or self._lacks_score(each.info)
        ]
        self._store.check_room(
            [each.info for each in unread if each.info.episode_id not in trajectories]
        )
        for start in range(0, len(unread), _READ_TOGETHER):
            told(len(new) - len(unread) + start, len(new))
            self._read(unread[start : start + _READ_TOGETHER], report)
        if unread:
            trajectories = self._store.held(infos)
        usable = [
            info
            for info in infos
            if info.episode_id in trajectories and info.episode_id not in report.left_out
        ]
        for info, judged in zip(usable, self._judge(usable), strict=True):
            self._take_in(trajectories[info.episode_id], judged, buffers, report)
        # What somebody took out of the cache meanwhile is still new to the next filling.
        self._seen.update(report.left_out, (info.episode_id for info in usable))
        return report

    def _new_episodes(self, report: FillReport) -> list[IndexedEpisode]:
        """Those not yet seen that can be judged, shard by shard in the order of recording."""
        by_shard: dict[str, list[IndexedEpisode]] = defaultdict(list)
        for each in list_episodes(
            self._catalog, kind="robot", robots=self._robots, without=self._seen
        ):
            try:
                self._check(each.info)
            except (InvalidInput, UnknownName) as error:
                report.left_out[each.info.episode_id] = str(error)
            else:
                by_shard[each.shard].append(each)
        return [each for shard in by_shard.values() for each in shard]

    def _check(self, info: EpisodeInfo) -> None:
        if info.task is not None:
            self._known[info.task]
        if info.step_count < 2:  # a picture that was imported; there may be very many
            raise InvalidInput(f"Episode {info.episode_id} has no action.")
        if self._detector is None and info.truth is None:
            raise InvalidInput(
                f"Nobody knows the truth about episode {info.episode_id}.",
                next_step="Let a detector judge it.",
            )

    def _lacks_score(self, info: EpisodeInfo) -> bool:
        return self._scores is not None and self._scores.get(info.episode_id) is None

    def _read(self, some: Sequence[IndexedEpisode], report: FillReport) -> None:
        """Cut and score some episodes; what cannot be used is left out."""
        by_shard: dict[str, list[str]] = defaultdict(list)
        for each in some:
            by_shard[each.shard].append(each.info.episode_id)
        episodes = [
            episode
            for shard, ids in by_shard.items()
            for episode in self._read_shard(self._catalog.workspace.root / shard, ids, report)
        ]
        report.left_out |= self._store.add(episodes)
        self._score(
            [each for each in episodes if each.info.episode_id not in report.left_out], report
        )

    def _read_shard(self, shard: Path, ids: Sequence[str], report: FillReport) -> Iterator[Episode]:
        """The episodes of a shard; where it is damaged, those that can still be read."""
        try:
            episodes = read_shard(shard, ids)
        except (CorruptData, InvalidInput) as error:
            if len(ids) == 1:
                report.left_out[ids[0]] = str(error)
                return
            for episode_id in ids:
                yield from self._read_shard(shard, [episode_id], report)
        else:
            yield from episodes

    def _score(self, episodes: Sequence[Episode], report: FillReport) -> None:
        """Let the detector judge the terminal frames that it has not judged yet."""
        if self._detector is None or self._scores is None:
            return
        images_of: dict[str, Mapping[str, ImageHWC]] = {}
        robot_of = {episode.info.episode_id: episode.info.robot for episode in episodes}
        for episode in episodes:
            if self._lacks_score(episode.info):
                try:
                    images_of[episode.info.episode_id] = _terminal_views(episode)
                except (CorruptData, InvalidInput) as error:
                    report.left_out[episode.info.episode_id] = str(error)
        if images_of:
            score_NT = self._detector.score(
                list(images_of.values()), [robot_of[episode_id] for episode_id in images_of]
            )
            self._scores.add(dict(zip(images_of, score_NT, strict=True)))

    def _judge(self, infos: Sequence[EpisodeInfo]) -> list[Mapping[str, bool]]:
        """The outcomes of episodes whose truth or scores are known."""
        if self._detector is None or self._scores is None:
            return [info.truth or {} for info in infos]
        scores = [self._scores.get(info.episode_id) for info in infos]
        known = [score_T for score_T in scores if score_T is not None]
        if not known:
            return []
        return [each.outcomes for each in rewards_from_scores(self._detector, np.stack(known))]

    def _take_in(
        self,
        trajectory: Trajectory,
        judged: Mapping[str, bool],
        buffers: ReplayBuffers,
        report: FillReport,
    ) -> None:
        """File the trajectory under the tasks that it teaches."""
        trajectory = replace(trajectory, task=self._known[trajectory.task].name)
        if self._config.method == "supervised":
            grasp = last_grasp(trajectory)
            if grasp is None:
                report.left_out[trajectory.episode_id] = "The gripper never closed."
                return
            trajectory = grasp
        trajectory = replace(trajectory, number=len(self.replayed))
        self.replayed.append(trajectory)
        report.episodes += 1
        # The simulator does not know how a person's own task ended: unknown is no failure.
        known = {self._known.current_name(task): success for task, success in judged.items()}
        outcomes = {task: known[task] for task in self._tasks if task in known}
        if trajectory.task in outcomes:
            report.commanded[trajectory.task].add(outcomes[trajectory.task])
        taught = impersonate(
            trajectory.task,
            outcomes,
            self._known,
            strategy=self._config.strategy,
            p_success=self._config.p_success,
            p_failure=self._config.p_failure,
            generator=_generator_for(trajectory.episode_id, self._seed),
        )
        report.teaching += bool(taught)
        for task, success in taught:
            buffers.add(trajectory, task, success=success)
            report.taught[task].add(success)


def _terminal_views(episode: Episode) -> Mapping[str, ImageHWC]:
    """What the detector judges an episode by. Raises `CorruptData` and `InvalidInput`."""
    images = episode.steps[-1].frames.decode().images
    missing = [camera for camera in CAMERAS if camera not in images]
    if missing:
        raise InvalidInput(
            f"The terminal frame of episode {episode.info.episode_id} lacks "
            f"{', '.join(missing)}, so no detector can judge it.",
            next_step="Leave this episode out; the others are not affected.",
        )
    return images


def _generator_for(episode_id: str, seed: int) -> np.random.Generator:
    """Draws that belong to one episode, whenever it is read."""
    digest = hashlib.sha256(episode_id.encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "little")])
