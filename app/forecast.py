"""What a training will take on this computer, judged by what earlier ones took."""

from __future__ import annotations

from collections.abc import Sequence

from app.wording import duration
from data.runs.runs import Run
from sd_model.config import RETRAINING_SHARE

EPISODE_S = 1.0
"""What an episode takes in simulation, about [s]."""
_UNKNOWN = (
    "a time that nobody knows yet: no training with this recipe was finished on this computer"
)


def detector_time(runs: Sequence[Run], recipe: str, usual: str | None = None) -> str:
    """How long a training from nothing will take, in words.

    Args:
        runs: Earlier runs, the newest first.
        usual: What the recipe takes on two free cores, in words; None where nobody says.
    """
    for run in runs:
        if run.kind == "train-detector" and run.spec.get("recipe") == recipe:
            taken_s = _taken_s(run)
            if taken_s is not None:
                return f"about {duration(taken_s)}, as the last one with this recipe did"
    if usual is not None:
        return f"{usual} on two free cores; this computer has not finished one with this recipe yet"
    return _UNKNOWN


def retraining_time(runs: Sequence[Run]) -> str:
    """How long going on from a detector will take, which makes a share of the updates.

    What comes before and after the updates takes as long as it did.
    """
    for run in runs:
        if run.kind == "train-detector" and (taken_s := _taken_s(run)) is not None:
            if run.spec.get("from_detector"):
                return f"about {duration(taken_s)}, as the last one did"
            spared_s = (1 - RETRAINING_SHARE) * _updating_s(run)
            return (
                f"about {duration(taken_s - spared_s)}: the last one took {duration(taken_s)}, and "
                f"{RETRAINING_SHARE:.0%} of its updates will do"
            )
    return _UNKNOWN


def collecting_time(runs: Sequence[Run], episodes: int) -> str:
    """How long so many episodes will take, one after the other as robots collect them."""
    for run in runs:
        made = run.status().result.get("episodes") if run.kind == "collect" else None
        if made and (taken_s := _taken_s(run)) is not None:
            return f"about {duration(taken_s / made * episodes)}, by the last one's {made} episodes"
    return f"about {duration(EPISODE_S * episodes)}, when the computer has nothing else to do"


def policy_time(runs: Sequence[Run], recipe: str, updates: int) -> str:
    """How long `updates` of a policy will take, collecting and evaluating as the last one did."""
    for run in runs:
        if run.kind == "train-policy" and run.spec.get("recipe") == recipe:
            taken_s = _taken_s(run)
            if taken_s is not None:
                per_update_s = taken_s / max(1, int(run.spec["updates"]))
                return (
                    f"about {duration(per_update_s * updates)}, if an update takes as long as in "
                    f"the last one with this recipe ({run.spec['updates']} in {duration(taken_s)})"
                )
    return _UNKNOWN


def _taken_s(run: Run) -> float | None:
    """How long it worked [s]; None unless it ended well."""
    status = run.status()
    if status.state != "done" or not status.started_at_ns or not status.updated_at_ns:
        return None
    return (status.updated_at_ns - status.started_at_ns) / 1e9


def _updating_s(run: Run) -> float:
    """How long its updates took, by when it reported of them [s]; 0 where it did not twice."""
    reported_ns = [row["at_ns"] for row in run.metrics()]
    return (reported_ns[-1] - reported_ns[0]) / 1e9 if reported_ns else 0.0
