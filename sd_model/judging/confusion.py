"""Confusion across tasks: what else a detector sees in the success of one task."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from sd_model.judging.scores import Place, at_place, records

_FRAME = ["episode_id", "frame_index"]


@dataclass(frozen=True, kw_only=True)
class Confused:
    """The frames that succeed at one task, as judged for another (or for itself)."""

    shown: str
    judged: str
    count: int
    """Frames whose outcome of `judged` is known."""
    accepted: int
    """Frames that were judged successes of it."""
    errors: int
    """Frames that were judged wrongly: a lifted carrot taken for a banana, or not for any."""


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """Every pair of tasks of which frames are known at one place."""

    robot: str
    split: str
    pairs: tuple[Confused, ...]


def confusion(judged: pd.DataFrame, place: Place) -> Confusion:
    """The confusion at `place`."""
    here = at_place(judged, place)[[*_FRAME, "task", "outcome", "decision"]]
    shown = here.loc[here["outcome"] == "success", [*_FRAME, "task"]]
    pairs = shown.rename(columns={"task": "shown"}).merge(here, on=_FRAME)
    pairs["error"] = pairs["decision"] != (pairs["outcome"] == "success")
    counted = pairs.groupby(["shown", "task"], observed=True).agg(
        count=("decision", "size"), accepted=("decision", "sum"), errors=("error", "sum")
    )
    counted.index = counted.index.set_names(["shown", "judged"])
    return Confusion(
        robot=place.robot,
        split=place.split,
        pairs=tuple(Confused(**row) for row in records(counted.reset_index())),
    )
