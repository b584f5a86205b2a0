"""Sources asked in a process of their own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest

from data.cameras import probe as camera_probe
from data.cameras.probe import probe_cameras
from data.workspace import Workspace


def test_each_source_gives_a_picture_or_a_reason(tmp_path: Path, workspace: Workspace) -> None:
    film = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(film), cv2.VideoWriter.fourcc(*"MJPG"), 30.0, (64, 48))
    for number in range(60):
        writer.write(np.full((48, 64, 3), number, np.uint8))
    writer.release()
    works, refused, gone = probe_cameras(
        workspace,
        {"over_shoulder": str(film), "left": "/etc/passwd", "right": str(tmp_path / "gone.avi")},
    )
    assert works.jpeg is not None and works.jpeg[:2] == b"\xff\xd8"
    assert "may not be opened" in str(refused.error)
    assert "no file is there" in str(gone.error)


def test_a_source_that_hangs_costs_its_own_process(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(*arguments: object, **known: object) -> None:
        raise subprocess.TimeoutExpired("probe", 20.0)

    monkeypatch.setattr(camera_probe.subprocess, "run", hang)
    [answer] = probe_cameras(workspace, {"left": "rtsp://ann:secret@10.0.0.7/h264"})
    assert "took over 20 s" in str(answer.error)
    assert "secret" not in str(answer.error)
