"""Training a detector again on what was corrected since."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from app.wording import counted, listed
from data.labels.labels import Label
from data.runs.runs import Run
from sd_model.artefact import DetectorSummary


def retraining_spec(summary: DetectorSummary) -> dict[str, Any]:
    """The spec of a run that goes on from `summary` with the labels as they are now."""
    return {
        "from_detector": summary.detector_id,
        "holdout": list(summary.holdout),
        "tasks": list(summary.tasks.names),
        "seed": summary.seed,
    }


def newest_retraining(runs: Sequence[Run], summary: DetectorSummary) -> Run | None:
    """The newest training of all, if it went on from this detector.

    Args:
        runs: Newest first.
    """
    run = next((run for run in runs if run.kind == "train-detector"), None)
    if run is None or run.spec.get("from_detector") != summary.detector_id:
        return None
    return run


def what_fixes_do(fixes: Sequence[Label], summary: DetectorSummary) -> str:
    """Which of the reviewed labels teach the next detector, and which only judge it."""
    splits = Counter(label.split for label in fixes)
    judging, choosing = splits["holdout"], splits["validation"]
    sentences = []
    if judging:
        sentences.append(
            f"{_of_them(judging, fixes)} about held-out robots ({listed(summary.holdout)}): the "
            "new detector is judged by that and learns nothing from it."
        )
    if choosing:
        sentences.append(
            f"{_of_them(choosing, fixes)} about clips kept apart on the robots that train it: its "
            "thresholds are chosen by that."
        )
    if fixes and judging + choosing == len(fixes):
        sentences.append(
            "To teach it what it gets wrong, record or label more like it on a robot that is not "
            "held out."
        )
    return " ".join(sentences)


def _of_them(count: int, fixes: Sequence[Label]) -> str:
    if count == len(fixes):
        return f"All {count} are" if count > 1 else "It is"
    return f"{counted(count, 'label')} {'is' if count == 1 else 'are'}"
