"""What can be changed of a clip after it was recorded: its outcome, and which frames count.

A shard never changes; what changes are labels, so that all can be undone and nothing is lost.
"""

from __future__ import annotations

from collections.abc import Sequence

from data.catalog.catalog import Catalog
from data.episodes.episodes import EpisodeInfo
from data.errors import InvalidInput
from data.labels.labels import Label, append_labels, new_label_id, standing_labels, undo_label
from data.recording.sealing import FEWEST_FRAMES
from data.tasks.tasks import Outcome


def relabel_clip(
    catalog: Catalog, info: EpisodeInfo, outcome: Outcome, *, by: str, at_ns: int
) -> None:
    """Say that every frame of the clip shows `outcome` of its task.

    Raises:
        InvalidInput: It is no clip.
    """
    append_labels(catalog, [_label(info, None, outcome, by, at_ns)])


def trim_clip(
    catalog: Catalog, info: EpisodeInfo, *, first: int, last: int, by: str, at_ns: int
) -> None:
    """Let only the frames `first` to `last` of a clip show its outcome.

    The others are labelled `unsure`, which trains nothing. A frame that was cut off before and is
    inside now counts again.

    Raises:
        InvalidInput: It is no clip, or fewer frames would be left than a clip needs.
    """
    if not 0 <= first <= last < info.step_count or last - first + 1 < FEWEST_FRAMES:
        raise InvalidInput(
            f"A clip cannot be trimmed to its frames {first} to {last}.",
            where=info.episode_id,
            valid=[f"at least {FEWEST_FRAMES} frames between 0 and {info.step_count - 1}"],
        )
    before = {
        label.frame_index: label
        for label in standing_labels(catalog, episode_ids=[info.episode_id], task=info.task)
        if label.frame_index is not None
    }
    outside = [index for index in range(info.step_count) if not first <= index <= last]
    for index, label in before.items():
        if label.outcome == "unsure" and index not in outside:
            undo_label(catalog, label.label_id, by=by, at_ns=at_ns)
    cut = {index for index, label in before.items() if label.outcome == "unsure"}
    append_labels(
        catalog,
        [_label(info, index, "unsure", by, at_ns) for index in outside if index not in cut],
    )


def discard_clip(catalog: Catalog, info: EpisodeInfo, *, by: str, at_ns: int) -> None:
    """Use the clip no longer, for any task: take back what was said about all of its frames, and
    every outcome that was said of one. What was trimmed off stays so, in case it comes back."""
    while said := [
        label
        for label in standing_labels(catalog, episode_ids=[info.episode_id])
        if label.frame_index is None or label.outcome != "unsure"
    ]:
        undo_label(catalog, said[0].label_id, by=by, at_ns=at_ns)


def frames_kept(info: EpisodeInfo, labels: Sequence[Label]) -> tuple[int, int]:
    """The first and the last frame of a clip that still count, given its standing labels."""
    cut = {
        label.frame_index
        for label in labels
        if label.episode_id == info.episode_id
        and label.task == info.task
        and label.outcome == "unsure"
    }
    kept = [index for index in range(info.step_count) if index not in cut] or [0]
    return kept[0], kept[-1]


def _label(info: EpisodeInfo, frame_index: int | None, outcome: str, by: str, at_ns: int) -> Label:
    if info.kind != "clip" or info.task is None:
        raise InvalidInput(
            f"{info.episode_id} is no clip of a task.", next_step="Label its frames."
        )
    return Label(
        label_id=new_label_id(),
        episode_id=info.episode_id,
        frame_index=frame_index,
        task=info.task,
        outcome=outcome,  # type: ignore[arg-type]
        by=by,
        source="person",
        at_ns=at_ns,
    )
