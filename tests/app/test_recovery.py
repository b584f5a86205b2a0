"""Which recordings wait to be kept or dropped."""

from __future__ import annotations

from pathlib import Path

import pytest

from app import recovery
from app.recovery import cut_short
from data.errors import CellError
from data.recording.journal import Journal, JournalHeader
from data.recording.sealing import RecoveredClip, describe_journal
from data.workspace import Workspace, open_workspace


def _leave(workspace: Workspace, robot: str, number: int) -> RecoveredClip:
    """A recording that nobody ended, before its first frame."""
    header = JournalHeader(
        recording_id=f"recording-{number}",
        robot=robot,
        behaviour="person",
        task="lift-can",
        outcome="success",
        pair_id=None,
        by="ana",
        started_at_ns=number,
    )
    Journal(workspace, header).close()
    return describe_journal(workspace.journals / header.recording_id)


class _Host:
    """Of `robot-2`: its first recording goes on. That of `robot-3` is silent."""

    def __init__(self, workspace: Workspace, robot: str, *, timeout_s: float) -> None:
        self._workspace = workspace
        self._robot = robot

    def __enter__(self) -> _Host:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def recovered(self) -> list[RecoveredClip]:
        if self._robot == "robot-3":
            raise CellError("It does not answer.")
        return [describe_journal(self._workspace.journals / "recording-2")]


def test_what_may_still_be_going_on_is_not_taken_for_cut_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = open_workspace(tmp_path)
    assert cut_short(workspace) == []
    going_on = _leave(workspace, "robot-2", 1)
    left_before = _leave(workspace, "robot-2", 2)
    _leave(workspace, "robot-3", 3)
    of_no_host = _leave(workspace, "robot-1", 0)
    assert cut_short(workspace)[1:3] == [going_on, left_before]  # while no host runs
    monkeypatch.setattr(recovery, "CellClient", _Host)
    monkeypatch.setattr(recovery, "running_hosts", lambda _: dict.fromkeys(("robot-2", "robot-3")))
    assert cut_short(workspace) == [of_no_host, left_before]
