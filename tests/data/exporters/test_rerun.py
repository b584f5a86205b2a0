"""Rerun recordings, read back by Rerun's own library where it is installed."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.errors import InvalidInput
from data.exporters.rerun import RerunMissing, export_rerun


def test_a_missing_library_is_told(
    make_episode: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rerun", None)
    with pytest.raises(RerunMissing, match=r"pip install 'goalpost\[rerun\]'"):
        export_rerun(make_episode(), tmp_path / "episode.rrd", {})


@pytest.mark.filterwarnings("ignore")
def test_an_episode_can_be_read_back(make_episode: Any, tmp_path: Path) -> None:
    chunks = pytest.importorskip("rerun.chunk")
    episode = make_episode("robot", steps=3)
    path = tmp_path / "episode.rrd"
    scores = np.array([0.25, np.nan, 0.75])
    export_rerun(episode, path, {"detector/lift-any": scores})
    rows: Counter[str] = Counter()
    for chunk in chunks.RrdReader(path).stream():
        rows[str(chunk.entity_path)] += chunk.num_rows
    assert rows["/cameras/over_shoulder"] == rows["/state/height_m"] == 3
    assert rows["/cameras/left"] == 1  # the terminal frame alone has all views
    assert rows["/action/dx"] == rows["/detector/lift-any"] == 2
    with pytest.raises(InvalidInput, match="a file of this name"):
        export_rerun(episode, path, {})
    with pytest.raises(InvalidInput, match="has 3 values for 2 steps"):
        export_rerun(make_episode(steps=2), tmp_path / "x.rrd", {"detector/lift-any": scores})
