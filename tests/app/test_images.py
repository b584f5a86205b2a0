from __future__ import annotations

from typing import Any

import pytest

from app import images
from app.images import FrameCache
from data.episodes.shards import FrameRef, read_frames


def test_frames_are_read_in_one_batch_and_then_kept(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.act("robot-1", "lift-any")
    world.act("robot-1", "lift-any", number=1)
    batches: list[list[FrameRef]] = []

    def counted(workspace: Any, refs: list[FrameRef]) -> Any:
        batches.append(list(refs))
        return read_frames(workspace, refs)

    monkeypatch.setattr(images, "read_frames", counted)
    shards = sorted(world.workspace.episodes.rglob("*.parquet"))
    refs = [
        FrameRef(str(shard.relative_to(world.workspace.root)), f"robot-robot-1-lift-any-{n}", 1)
        for n, shard in enumerate(shards)
    ]
    cache = FrameCache(kept=2)
    assert len(cache.read(world.workspace, [*refs, refs[0]])) == 3
    assert cache.read(world.workspace, refs[:1])[0].jpegs.keys() == {
        "over_shoulder", "left", "right",
    }  # fmt: skip
    other = refs[1]._replace(frame_index=0)
    cache.read(world.workspace, [other])  # pushes out refs[1], which was used longest ago
    cache.read(world.workspace, [refs[0]])
    cache.read(world.workspace, [refs[1]])
    assert [batch for batch in batches if batch] == [refs, [other], [refs[1]]]
