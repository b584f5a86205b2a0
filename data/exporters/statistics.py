"""Statistics of a dataset's columns, episode by episode, as LeRobot normalises with them.

Shapes: N samples, D components.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Statistics = dict[str, NDArray[np.float64]]
"""min, max, mean, std, count and the quantiles q01, q10, q50, q90, q99 of one column."""

_QUANTILES = {"q01": 0.01, "q10": 0.1, "q50": 0.5, "q90": 0.9, "q99": 0.99}


def column_statistics(values_ND: NDArray[np.generic]) -> Statistics:
    """Of one column of one episode, each of shape (D,); `count` of shape (1,)."""
    values = np.asarray(values_ND, dtype=np.float64)
    quantiles = np.quantile(values, list(_QUANTILES.values()), axis=0)
    return {
        "min": values.min(axis=0),
        "max": values.max(axis=0),
        "mean": values.mean(axis=0),
        "std": values.std(axis=0),
        "count": np.array([len(values)], dtype=np.float64),
        **dict(zip(_QUANTILES, quantiles, strict=True)),
    }


def image_statistics(pixels_NC: NDArray[np.uint8], image_count: int) -> Statistics:
    """Per colour, of pixels scaled to [0, 1], each of shape (3, 1, 1); `count` counts images."""
    found = column_statistics(pixels_NC / 255.0)
    shaped = {name: value.reshape(3, 1, 1) for name, value in found.items() if name != "count"}
    return {**shaped, "count": np.array([image_count], dtype=np.float64)}


def combine(one: Statistics, other: Statistics) -> Statistics:
    """The statistics of both sets of samples together.

    Differs: quantiles are the means of both sides' quantiles weighted by their counts, which is
    what LeRobot does itself; all else is exact.
    """
    count = one["count"] + other["count"]
    share = other["count"] / count
    mean = one["mean"] + (other["mean"] - one["mean"]) * share
    variance = (
        one["std"] ** 2 * (1 - share)
        + other["std"] ** 2 * share
        + (other["mean"] - one["mean"]) ** 2 * share * (1 - share)
    )
    return {
        "min": np.minimum(one["min"], other["min"]),
        "max": np.maximum(one["max"], other["max"]),
        "mean": mean,
        "std": np.sqrt(variance),
        "count": count,
        **{name: one[name] * (1 - share) + other[name] * share for name in _QUANTILES},
    }


class RunningStatistics:
    """The statistics of every column over all episodes so far."""

    def __init__(self) -> None:
        self._columns: dict[str, Statistics] = {}

    def add(self, episode: Mapping[str, Statistics]) -> None:
        """Take in one episode's."""
        for name, found in episode.items():
            known = self._columns.get(name)
            self._columns[name] = found if known is None else combine(known, found)

    def as_json(self) -> dict[str, dict[str, list[object]]]:
        """Plain values: the content of `meta/stats.json`."""
        return {
            name: {
                key: (value.astype(np.int64) if key == "count" else value).tolist()
                for key, value in found.items()
            }
            for name, found in self._columns.items()
        }
