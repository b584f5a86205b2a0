"""The first-run tour: from nothing to a first detector on the simulated fleet, in five steps."""

from __future__ import annotations

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
    text: str
    """What to do there."""
    done: bool


def tour(census: Census, *, detectors: int) -> list[TourStep]:
    """The five steps, in their order.

    Args:
        census: What was recorded and collected.
        detectors: How many there are.
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
            text="The simulated person sets the scene up for you. Press the space bar, wait a few "
            "seconds and press it again: first for success, then for failure of the same scene.",
            done=paired > 0,
        ),
        TourStep(
            title="Show a second robot",
            page="record",
            text="Choose another robot at the top and record a pair there. One of the two is kept "
            "apart, to judge the detector on a robot it has never seen.",
            done=paired > 1,
        ),
        TourStep(
            title="Let the robots try",
            page="policy",
            text="Under *Collect episodes*, press the button. The robots try by themselves; that "
            "takes a minute or two.",
            done=bool(acted),
        ),
        TourStep(
            title="Say how they ended",
            page="label",
            text="Look at the last picture of each try: 1 is success, 0 is failure, Z takes an "
            f"answer back. {ENOUGH_LABELS} answers are enough here.",
            done=labelled >= ENOUGH_LABELS,
        ),
        TourStep(
            title="Train a first detector",
            page="detector",
            text="Choose the recipe *smoke*, which takes seconds, and train. Its report says how "
            "far it can be trusted: not far yet, which more pairs will change.",
            done=detectors > 0,
        ),
    ]
