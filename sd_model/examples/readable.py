"""Which examples can be read: a damaged shard costs its own frames, and no training."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from data.episodes.shards import FrameRef, read_frames
from data.errors import CorruptData, InvalidInput
from data.workspace import Workspace
from sd_model.examples.labelled import Example, counted

_AT_A_TIME = 64
_NAMED = 20


def readable_examples(
    workspace: Workspace, examples: Sequence[Example]
) -> tuple[list[Example], list[str]]:
    """The examples whose frames lie undamaged on the disk, and why others were left out."""
    by_shard: dict[str, list[FrameRef]] = defaultdict(list)
    for row in examples:
        by_shard[row.shard].append(FrameRef(row.shard, row.episode_id, row.frame_index))
    damaged: dict[FrameRef, str] = {}
    for refs in by_shard.values():
        distinct = list(dict.fromkeys(refs))
        for first in range(0, len(distinct), _AT_A_TIME):
            damaged |= _unreadable(workspace, distinct[first : first + _AT_A_TIME])
    kept = [
        row
        for row in examples
        if FrameRef(row.shard, row.episode_id, row.frame_index) not in damaged
    ]
    return kept, _sentences(damaged)


def told(left_out: Sequence[str]) -> list[str]:
    """The first reasons why frames were left out, and how many more there are."""
    rest = len(left_out) - _NAMED
    return [*left_out[:_NAMED], *([f"{rest} more such cases."] if rest > 0 else [])]


def _unreadable(workspace: Workspace, refs: Sequence[FrameRef]) -> dict[FrameRef, str]:
    """Why each frame that cannot be read cannot; a batch is halved until the bad ones are alone."""
    try:
        read_frames(workspace, refs)
    except (CorruptData, InvalidInput) as error:
        if len(refs) == 1:
            return {refs[0]: str(error)}
        middle = len(refs) // 2
        return _unreadable(workspace, refs[:middle]) | _unreadable(workspace, refs[middle:])
    return {}


def _sentences(damaged: dict[FrameRef, str]) -> list[str]:
    frames: dict[tuple[str, str], list[int]] = defaultdict(list)
    for ref, why in damaged.items():
        frames[ref.episode_id, why].append(ref.frame_index)
    return [
        f"{counted(indices)} of episode {episode_id} left out: {why}"
        for (episode_id, why), indices in _sorted(frames.items())
    ]


def _sorted(
    items: Iterable[tuple[tuple[str, str], list[int]]],
) -> list[tuple[tuple[str, str], list[int]]]:
    return sorted(items)
