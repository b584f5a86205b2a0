"""Training a detector again on what was corrected since."""

from __future__ import annotations

from typing import Any

from data.errors import GoalpostError
from data.runs import load_run
from data.workspace import Workspace
from sd_model.artefact import DetectorSummary
from sd_model.config import RECIPES, config_values


def retraining_spec(workspace: Workspace, summary: DetectorSummary) -> dict[str, Any]:
    """The spec of a run that trains `summary` anew: the same tasks, holdout, recipe and seed."""
    try:
        spec = dict(load_run(workspace, summary.detector_id).spec)
    except GoalpostError:  # it came from elsewhere, without its run
        spec = {"recipe": RECIPES[0], "overrides": config_values(summary.config)}
    return {
        "recipe": spec["recipe"],
        "overrides": spec["overrides"],
        "holdout": list(summary.holdout),
        "tasks": list(summary.tasks.names),
        "seed": summary.seed,
    }
