from __future__ import annotations

import os
from typing import Any

import pytest

from app import upkeep
from app.upkeep import IDLE_S, has_many_small_shards, is_idle

NOW_S = 1_790_000_000.0


def _written(world: Any, seconds_ago: float) -> None:
    for path in (world.workspace.catalog_path, world.workspace.labels_path):
        os.utime(path, (NOW_S - seconds_ago, NOW_S - seconds_ago))


def test_a_workspace_is_idle_when_nothing_is_written_or_recorded(world: Any) -> None:
    world.record_pair("robot-1", "lift-any")
    _written(world, IDLE_S + 1)
    assert is_idle(world.workspace, now_s=NOW_S)
    _written(world, IDLE_S - 1)
    assert not is_idle(world.workspace, now_s=NOW_S)
    _written(world, IDLE_S + 1)
    (world.workspace.journals / "a-recording").mkdir()
    assert not is_idle(world.workspace, now_s=NOW_S)


def test_few_shards_are_left_as_they_are(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "WORTHWHILE", 3)
    for number in range(2):
        world.act("robot-1", "lift-any", number=number)
    assert not has_many_small_shards(world.workspace)
    world.act("robot-1", "lift-any", number=2)
    assert has_many_small_shards(world.workspace)


async def test_an_idle_workspace_is_compacted(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        world.act("robot-1", "lift-any", number=number)
    await upkeep._compact(world.workspace)
    assert len(list(world.workspace.episodes.glob("*/*/*.parquet"))) == 1
