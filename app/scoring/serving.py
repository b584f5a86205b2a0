"""Running the scoring service in this process."""

from __future__ import annotations

from pathlib import Path

import click
import uvicorn

from app.scoring.keys import ApiKeys
from app.scoring.service import scoring_service
from app.serving import check_port_is_free
from data.errors import InvalidInput
from data.workspace import default_root, open_workspace
from sd_model.serving.current import CurrentDetector


def serve_scores(root: Path | None, *, address: str, port: int, detector: str | None) -> None:
    """Serve until interrupted.

    Raises:
        WorkspaceError: There is no workspace.
        InvalidInput: The port is taken, nobody has a key, or no detector is approved.
        UnknownName: There is no detector of that name.
    """
    workspace = open_workspace(root or default_root(), create=False)
    check_port_is_free(address, port)
    if not ApiKeys(workspace).names():
        raise InvalidInput(
            "Nobody has an API key yet, so nobody could ask anything.",
            where=workspace.root,
            next_step="Make one: goalpost keys add NAME",
        )
    current = CurrentDetector(workspace, pinned=detector)
    click.echo(f"Detector: {current.trusted.detector.detector_id}")
    click.echo(f"Scoring: http://{address}:{port}/v1/score  (described at /docs)")
    uvicorn.run(
        scoring_service(workspace, current),
        host=address,
        port=port,
        log_level="warning",
        access_log=False,
    )
