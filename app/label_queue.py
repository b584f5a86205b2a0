"""Which frames to ask a person about, and in which order."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from app.decision_log import Item
from data.episode_index import IndexedEpisode
from data.errors import LabelConflict
from data.labels import Label
from data.tasks import Outcome, TaskSet
from sd_model.examples.feasibility import Conclusion, close_outcomes

Order = Literal["newest first", "oldest first", "mixed"]


@dataclass(frozen=True, kw_only=True)
class QueueFilter:
    """What a person wants to be asked."""

    tasks: tuple[str, ...]
    """The tasks to ask about."""
    only_own_task: bool = True
    """Ask about an episode only the task its robot was trying."""
    robots: frozenset[str] = frozenset()
    """Robots to ask about; empty: all."""
    behaviours: frozenset[str] = frozenset()
    """Behaviours to ask about; empty: all."""
    order: Order = "newest first"


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """One question with the episode it is about."""

    item: Item
    episode: IndexedEpisode


@dataclass(frozen=True, kw_only=True)
class Queue:
    """The questions that match a filter."""

    waiting: tuple[Waiting, ...]
    """Not answered yet, in order."""
    answered: int
    """A person or the simulator has said, or the person was unsure."""
    derived: int
    """Need no answer: they follow from another task's label."""


Stated = dict[tuple[str, int], dict[str, str]]
"""Per frame (episode, index), the standing answer to each task."""


def terminal_frame(episode: IndexedEpisode) -> int:
    """Index of the frame that people label and the detector judges."""
    return episode.info.step_count - 1


def stated_outcomes(labels: Iterable[Label]) -> Stated:
    """The standing answers by frame; labels of whole clips are left out."""
    stated: Stated = {}
    for label in labels:
        if label.frame_index is not None:
            answers = stated.setdefault((label.episode_id, label.frame_index), {})
            answers[label.task] = label.outcome
    return stated


def certain(answers: Mapping[str, str], tasks: TaskSet) -> dict[str, Outcome]:
    """The answers that state an outcome of a task that still exists."""
    return {
        task: "success" if outcome == "success" else "failure"
        for task, outcome in answers.items()
        if outcome != "unsure" and task in tasks
    }


def conclusions(answers: Mapping[str, str], tasks: TaskSet) -> dict[str, Conclusion]:
    """Everything known about one frame. Raises `LabelConflict` where its answers disagree."""
    return close_outcomes(certain(answers, tasks), tasks)


def build_queue(
    episodes: Sequence[IndexedEpisode],
    stated: Stated,
    tasks: TaskSet,
    wanted: QueueFilter,
    *,
    skipped: Collection[str] = (),
    seed: int = 0,
) -> Queue:
    """The terminal frames of robot episodes that nobody has answered, for the wanted tasks.

    Args:
        skipped: Items (by id) to ask last.
        seed: Fixes the order `mixed`.
    """
    known_cache: dict[tuple[tuple[str, str], ...], frozenset[str]] = {}
    waiting: list[Waiting] = []
    answered = derived = 0
    for episode in _in_order(_matching(episodes, wanted), wanted.order, seed):
        frame = terminal_frame(episode)
        answers = stated.get((episode.info.episode_id, frame), {})
        key = tuple(sorted(answers.items()))
        if key not in known_cache:
            known_cache[key] = _known(answers, tasks)
        for task in wanted.tasks:
            if wanted.only_own_task and task != episode.info.task:
                continue
            if task in answers:
                answered += 1
            elif task in known_cache[key]:
                derived += 1
            else:
                item = Item(episode.info.episode_id, frame, task)
                waiting.append(Waiting(item=item, episode=episode))
    waiting.sort(key=lambda entry: entry.item.item_id in skipped)
    return Queue(waiting=tuple(waiting), answered=answered, derived=derived)


def known_to_simulator(queue: Queue, stated: Stated) -> list[IndexedEpisode]:
    """The episodes that wait in `queue`, whose outcome a simulator knows and nobody has stated.

    Args:
        queue: The questions a person would be asked.
        stated: The standing answers; an episode with one, be it `unsure`, is left to people.
    """
    found = {
        waiting.episode.info.episode_id: waiting.episode
        for waiting in queue.waiting
        if waiting.item.task in (waiting.episode.info.truth or {})
        and not stated.get((waiting.item.episode_id, terminal_frame(waiting.episode)))
    }
    return list(found.values())


def find_conflicts(
    stated: Stated, tasks: TaskSet, frames: Iterable[tuple[str, int]]
) -> dict[tuple[str, int], LabelConflict]:
    """The frames among `frames` whose answers cannot all be true."""
    found: dict[tuple[str, int], LabelConflict] = {}
    for frame in frames:
        try:
            conclusions(stated.get(frame, {}), tasks)
        except LabelConflict as conflict:
            found[frame] = conflict
    return found


def _known(answers: Mapping[str, str], tasks: TaskSet) -> frozenset[str]:
    try:
        return frozenset(conclusions(answers, tasks))
    except LabelConflict:
        return frozenset(answers)


def _matching(episodes: Iterable[IndexedEpisode], wanted: QueueFilter) -> Iterable[IndexedEpisode]:
    for episode in episodes:
        info = episode.info
        if (
            info.kind == "robot"
            and info.step_count > 0
            and (not wanted.robots or info.robot in wanted.robots)
            and (not wanted.behaviours or info.behaviour in wanted.behaviours)
        ):
            yield episode


def _in_order(episodes: Iterable[IndexedEpisode], order: Order, seed: int) -> list[IndexedEpisode]:
    by_time = sorted(episodes, key=lambda episode: episode.info.recorded_at_ns)
    if order == "newest first":
        by_time.reverse()
    elif order == "mixed":
        random.Random(seed).shuffle(by_time)
    return by_time
