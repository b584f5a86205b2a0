from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from data.errors import CorruptData
from sd_model.examples.manifest import Manifest

if TYPE_CHECKING:
    from conftest import SquareWorld


def test_it_survives_the_disk(world: SquareWorld, tmp_path: Path) -> None:
    world.record(["robot-1", "robot-2"], scenes=5, steps=2)
    manifest = world.manifest("m", holdout=["robot-2"])

    loaded = Manifest.load(world.workspace.detectors / "m" / "manifest.parquet")

    assert replace(loaded, tasks=manifest.tasks) == manifest
    assert list(loaded.tasks) == list(manifest.tasks)


def test_a_later_change_is_noticed(world: SquareWorld) -> None:
    world.record(["robot-1"], scenes=5, steps=2)
    world.manifest("m")
    path = world.workspace.detectors / "m" / "manifest.parquet"
    table = pq.read_table(path)
    pq.write_table(table.slice(1).replace_schema_metadata(table.schema.metadata), path)

    with pytest.raises(CorruptData, match="changed after it was frozen"):
        Manifest.load(path)


def test_a_truncated_file_is_named(world: SquareWorld) -> None:
    world.record(["robot-1"], scenes=5, steps=2)
    world.manifest("m")
    path = world.workspace.detectors / "m" / "manifest.parquet"
    path.write_bytes(path.read_bytes()[:200])

    with pytest.raises(CorruptData, match=r"manifest\.parquet"):
        Manifest.load(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorruptData, match=r"nowhere\.parquet"):
        Manifest.load(tmp_path / "nowhere.parquet")
