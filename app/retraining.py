"""Training a detector again on what was corrected since."""

from __future__ import annotations

from typing import Any

from sd_model.artefact import DetectorSummary


def retraining_spec(summary: DetectorSummary) -> dict[str, Any]:
    """The spec of a run that goes on from `summary` with the labels as they are now."""
    return {
        "from_detector": summary.detector_id,
        "holdout": list(summary.holdout),
        "tasks": list(summary.tasks.names),
        "seed": summary.seed,
    }
