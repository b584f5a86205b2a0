"""Examples: the outcomes that are known of an episode's frames, labelled or derived."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from data.errors import LabelConflict
from data.labels.splits import Split
from data.tasks.feasibility import close_outcomes
from data.tasks.tasks import Outcome, TaskSet

if TYPE_CHECKING:
    from data.episodes.index import IndexedEpisode
    from data.labels.labels import Label, LabelSource

Origin = Literal["labelled", "derived"]
"""Whether somebody said it, or it follows from what somebody said of another task."""


@dataclass(frozen=True, kw_only=True)
class Example:
    """One known outcome: a row of the manifest."""

    example_id: str
    """`<episode>:<frame>:<task>`, unique."""
    episode_id: str
    frame_index: int
    shard: str
    """Path of the frame's shard, relative to the workspace."""
    robot: str
    group: str
    """What must stay within one split: the pair of a clip, or the episode."""
    kind: str
    """`clip` or `robot`."""
    split: Split
    task: str
    outcome: Outcome
    origin: Origin
    label_id: str
    """The label it is, or follows from."""
    from_task: str
    """The task of that label."""
    source: LabelSource
    """Where that label was said."""
    shown_task: str
    """The task that the clip shows or the robot was told to do; empty where nobody said."""
    recorded_at_ns: int
    """Time of the episode's first frame [ns since the Unix epoch]."""


def episode_examples(
    episode: IndexedEpisode,
    labels: Sequence[Label],
    tasks: TaskSet,
    split: Split,
    frames_per_clip: int,
) -> tuple[list[Example], list[str]]:
    """Every known outcome of one labelled episode, and why frames of it were left out.

    Of a clip `frames_per_clip` frames are taken, spread evenly, plus those that a label names; of
    a robot's episode the terminal frame alone. A frame is left out where its labels cannot all be
    true.
    """
    info = episode.info
    examples: list[Example] = []
    left_out: dict[str, list[int]] = {}
    for frame_index in _frames(episode, labels, frames_per_clip):
        standing = _labels_of_frame(labels, frame_index)
        stated: dict[str, Outcome] = {
            task: label.outcome for task, label in standing.items() if label.outcome != "unsure"
        }
        try:
            closed = close_outcomes(stated, tasks)
        except LabelConflict as conflict:
            left_out.setdefault(conflict.what, []).append(frame_index)
            continue
        for task, conclusion in closed.items():
            from_task = conclusion.derived_from or task
            examples.append(
                Example(
                    example_id=f"{info.episode_id}:{frame_index}:{task}",
                    episode_id=info.episode_id,
                    frame_index=frame_index,
                    shard=episode.shard,
                    robot=info.robot,
                    group=info.group,
                    kind=info.kind,
                    split=split,
                    task=task,
                    outcome=conclusion.outcome,
                    origin="labelled" if conclusion.derived_from is None else "derived",
                    label_id=standing[from_task].label_id,
                    from_task=from_task,
                    source=standing[from_task].source,
                    shown_task=info.task or "",
                    recorded_at_ns=info.recorded_at_ns,
                )
            )
    return examples, [
        f"{counted(frames)} of episode {info.episode_id} ({info.robot}) left out: {why}"
        for why, frames in left_out.items()
    ]


def counted(frames: Sequence[int]) -> str:
    """`Frame 3`, `2 frames`."""
    return f"Frame {frames[0]}" if len(frames) == 1 else f"{len(frames)} frames"


def _frames(episode: IndexedEpisode, labels: Sequence[Label], frames_per_clip: int) -> list[int]:
    count = episode.info.step_count
    if episode.info.kind == "robot":
        return [count - 1]
    taken = min(count, frames_per_clip)
    spread = {(2 * n + 1) * count // (2 * taken) for n in range(taken)}
    named = {label.frame_index for label in labels if label.frame_index is not None}
    return sorted(spread | {index for index in named if index < count})


def _labels_of_frame(labels: Sequence[Label], frame_index: int) -> dict[str, Label]:
    """The label a task that speaks of the frame: one about this very frame, or about the clip."""
    standing: dict[str, Label] = {}
    for label in sorted(labels, key=lambda each: each.frame_index is not None):
        if label.frame_index is None or label.frame_index == frame_index:
            standing[label.task] = label
    return standing
