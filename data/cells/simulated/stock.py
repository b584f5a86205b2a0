"""The objects that a cell owns, from which every scene draws some."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data.cells.simulated.models import ModelFolder
from data.cells.simulated.objects import ObjectModel, draw_model
from data.tasks.tasks import OBJECT_KINDS

VARIANTS = 12
"""Objects of each kind."""


@dataclass(frozen=True, kw_only=True)
class StockedObject:
    """One object of the stock."""

    model: ObjectModel
    urdf: Path
    """What physics loads it from."""


class Stock:
    """The objects of one robot, written down when they are first needed.

    To write a model takes ten times as long as to load it.

    Args:
        models: Where the models are written.
        variation: Of the robot; the same number gives the same objects.
    """

    def __init__(self, models: ModelFolder, *, variation: int) -> None:
        self._models = models
        self._variation = variation
        self._written: dict[tuple[str, int], StockedObject] = {}

    def draw(self, kind: str, generator: np.random.Generator) -> StockedObject:
        """One of the stock's objects of `kind`."""
        variant = int(generator.integers(VARIANTS))
        if (kind, variant) not in self._written:
            self._written[kind, variant] = self._write(kind, variant)
        return self._written[kind, variant]

    def _write(self, kind: str, variant: int) -> StockedObject:
        seed = [self._variation, OBJECT_KINDS.index(kind), variant, 72]
        model = draw_model(kind, np.random.default_rng(seed))
        return StockedObject(model=model, urdf=self._models.write(kind, [model.link]))
