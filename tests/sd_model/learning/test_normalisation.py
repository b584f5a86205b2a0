from __future__ import annotations

import torch
from torch import nn

from sd_model.learning.normalisation import estimate_statistics


def test_statistics_are_those_of_the_batches_alone() -> None:
    norm = nn.BatchNorm2d(1, momentum=0.5)
    norm(torch.full((2, 1, 1, 1), 100.0))
    batches = [torch.tensor([0.0, 2.0]).view(2, 1, 1, 1), torch.tensor([4.0, 6.0]).view(2, 1, 1, 1)]

    estimate_statistics(norm, batches)

    # Means 1 and 5; unbiased variance 2 in both.
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert norm.running_mean.item() == 3.0
    assert norm.running_var.item() == 2.0
    assert norm.momentum == 0.5
    assert not norm.training
