"""Running the scoring service in this process."""

from __future__ import annotations

import os
from pathlib import Path

import click
import torch
import uvicorn
from fastapi import FastAPI

from app.scoring.keys import ApiKeys
from app.scoring.limits import Limits
from app.scoring.service import scoring_service
from app.serving import check_port_is_free
from data.errors import InvalidInput
from data.workspace import Workspace, default_root, open_workspace
from sd_model.serving.current import CurrentDetector


def on_all_cores(
    workspace: Workspace, current: CurrentDetector, *, limits: Limits | None = None
) -> FastAPI:
    """The service with a worker a core; changes how many threads torch takes in this process.

    Threads that share a batch wait for each other at every layer, so each core judges its own.
    """
    torch.set_num_threads(1)
    return scoring_service(workspace, current, limits=limits, workers=os.cpu_count() or 1)


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
        on_all_cores(workspace, current),
        host=address,
        port=port,
        log_level="warning",
        access_log=False,
    )
