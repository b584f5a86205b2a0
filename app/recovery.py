"""Recordings that were cut short, of every robot, whether its cell host runs or not."""

from __future__ import annotations

from data.cells.client import CellClient, running_hosts
from data.errors import CellError
from data.recording.journal import list_journals
from data.recording.sealing import RecoveredClip, describe_journal
from data.workspace import Workspace

PATIENCE_S = 1.0
"""How long a host may take to say which of its recordings goes on."""


def cut_short(workspace: Workspace) -> list[RecoveredClip]:
    """Recordings that wait to be kept or dropped, oldest first.

    A host knows which of its robot's are under way; a silent one may be recording, so none of its
    is listed.
    """
    headers = list_journals(workspace)
    hosts = running_hosts(workspace)
    found = [
        describe_journal(workspace.journals / header.recording_id)
        for header in headers
        if header.robot not in hosts
    ]
    for robot in hosts.keys() & {header.robot for header in headers}:
        try:
            with CellClient(workspace, robot, timeout_s=PATIENCE_S) as cell:
                found += cell.recovered()
        except CellError:
            continue
    return sorted(found, key=lambda clip: clip.recording_id)
