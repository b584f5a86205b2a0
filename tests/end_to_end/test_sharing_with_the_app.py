"""Two processes write, a cell host records, and the app shows pages: all at the same time."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from data.catalog.catalog import Catalog
from data.cells.client import CellClient, start_host
from data.checking import check_workspace
from data.episodes.index import list_episodes
from data.labels.labels import label_history
from data.workspace import Workspace

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(600)]

WRITER = """
import sys, time
from pathlib import Path
import numpy as np
from data.catalog.catalog import Catalog
from data.episodes.index import save_episodes
from data.episodes.episodes import Episode, EpisodeInfo, Step
from data.episodes.frames import CAMERAS, EncodedFrameSet, encode_jpeg
from data.labels.labels import Label, append_labels
from data.workspace import open_workspace

root, name = sys.argv[1:]
catalog = Catalog(open_workspace(Path(root)))
jpeg = encode_jpeg(np.zeros((48, 64, 3), np.uint8))
for number in range(10):
    at_ns = time.time_ns()
    frames = EncodedFrameSet(
        jpegs=dict.fromkeys(CAMERAS, jpeg), timestamps_ns=dict.fromkeys(CAMERAS, at_ns)
    )
    info = EpisodeInfo(
        episode_id=f"{name}-{number:02d}", robot="robot-2", kind="robot", behaviour="noisy",
        task="lift-any", outcome=None, recorded_at_ns=at_ns, step_count=2,
    )
    save_episodes(catalog, [Episode(info=info, steps=(Step(frames=frames),) * 2)])
    for task in ("lift-any", "lift-can"):
        append_labels(catalog, [Label(
            label_id=f"{name}-{number:02d}-{task}", episode_id=info.episode_id, frame_index=1,
            task=task, outcome="failure", by=name, source="person", at_ns=at_ns,
        )])
    time.sleep(0.1)
print("written", flush=True)
"""


def test_nothing_is_lost_and_nothing_refused(
    workspace: Workspace, serve: Callable[[], Any], goalpost: Callable[..., str]
) -> None:
    app = serve()
    start_host(workspace, "robot-1")
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(workspace.root), name],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for name in ("ann", "bo")
    ]  # fmt: skip
    pages = []
    with CellClient(workspace, "robot-1") as cell:
        cell.demonstrate("lift-carrot", "success", False, 1)
        clip = cell.start_recording(task="lift-carrot", outcome="success", pair_id=None, by="cy")
        began_s = time.monotonic()
        while any(writer.poll() is None for writer in writers) or time.monotonic() - began_s < 3:
            pages += [app.page("label"), app.page("")]
        summary = cell.stop_recording()
    for writer in writers:
        assert writer.communicate(timeout=60) == ("written\n", "")
    assert summary.episode_id == clip
    assert not any("Something went wrong" in page or ":material/error:" in page for page in pages)

    robot_episodes = {f"{name}-{number:02d}" for name in ("ann", "bo") for number in range(10)}
    listed = goalpost("data", "episodes", "list", "--limit", "100").splitlines()
    assert {line.split()[0] for line in listed} == robot_episodes | {clip}
    history = goalpost("data", "label", "history", "--limit", "100").splitlines()
    said = {f"{e}-{task}" for e in robot_episodes for task in ("lift-any", "lift-can")}
    assert sorted(line.split()[0] for line in history) == sorted({*said, f"clip-{clip}"})
    assert goalpost("data", "check", "--thorough") == "Every file can be read.\n"

    home = app.page("")
    counts = dict(re.findall(r'label: "(clips|robot episodes|labels)"\s+body: "(\d+)"', home))
    assert counts == {"clips": "1", "robot episodes": "20", "labels": "41"}
    assert "0 waiting" in app.page("label")
    catalog = Catalog(workspace)
    assert len(list_episodes(catalog)) == 21
    assert len(label_history(catalog, limit=100)) == 41
    assert check_workspace(catalog) == []
