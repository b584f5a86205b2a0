"""The first-run tour: from nothing to a first detector on the simulated fleet, in five steps."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from data.catalog.counts import Census

ENOUGH_LABELS = 4
"""So many answers show what labelling is."""


@dataclass(frozen=True, kw_only=True)
class TourStep:
    """One step; what is there already shows whether it is done."""

    title: str
    page: Literal["record", "policy", "label", "detector"]
    takes: str
    """About how long, in words (`benchmarks/tour_pace.py`)."""
    text: str
    """What to do there."""
    done: bool


def tour(census: Census, *, detectors: int, at_work: Collection[str] = ()) -> list[TourStep]:
    """The five steps, in their order.

    Args:
        census: What was recorded and collected.
        detectors: How many there are.
        at_work: Kinds of the runs that wait or work; what was started is not asked for again.
    """
    shown: dict[str, set[str]] = {}
    for robot, _, outcome in census.clips:
        shown.setdefault(robot, set()).add(outcome)
    paired = sum(len(outcomes) == 2 for outcomes in shown.values())
    acted = [row for row in census.rows if row.kind == "robot"]
    labelled = sum(row.count for row in acted if row.answered)
    return [
        TourStep(
            title="Show one robot what success is",
            page="record",
            takes="about a minute",
            text="The simulated person sets the scene up for you. Press the space bar, wait a few "
            "seconds and press it again: first for success, then for failure of the same scene.",
            done=paired > 0,
        ),
        TourStep(
            title="Show a second robot",
            page="record",
            takes="about a minute",
            text="Press *Go on with* below the pictures, or choose another robot at the top, and "
            "record a pair there. The detector is judged on a robot whose answers it was never "
            "told, so one is kept apart.",
            done=paired > 1,
        ),
        TourStep(
            title="Let the robots try",
            page="policy",
            takes="a minute or two on a free computer",
            text="They are at it; the box below says how far. Wait here until it says done."
            if "collect" in at_work
            else "Leave the settings as they are and press *Collect episodes*. The robots try by "
            "themselves.",
            done=bool(acted),
        ),
        TourStep(
            title="Say how they ended",
            page="label",
            takes="half a minute",
            text="Look at the last picture of each try: 1 is success, 0 is failure, Z takes an "
            f"answer back. {ENOUGH_LABELS} answers are enough here.",
            done=labelled >= ENOUGH_LABELS,
        ),
        TourStep(
            title="Train a first detector",
            page="detector",
            takes="a minute or two on a free computer",
            text="It is learning; the box below says how far it is. Its report opens here when it "
            "is done."
            if "train-detector" in at_work
            else "Choose the recipe *smoke*, the shortest, and press *Train the detector*. "
            "Its report says how far it can be trusted: not far yet, which more pairs will change.",
            done=detectors > 0,
        ),
    ]
