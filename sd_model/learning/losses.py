"""Losses of the detector. Shapes: B frames, T tasks."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def masked_cross_entropy(
    logits_BT: Tensor, outcome_BT: Tensor, weight_2T: Tensor, *, label_smoothing: float
) -> Tensor:
    """Binary cross-entropy over the outcomes that are known; unknown ones weigh nothing.

    Args:
        logits_BT: Float logits.
        outcome_BT: 1 success, 0 failure, -1 unknown; any integer type.
        weight_2T: Weight of every task's failures (row 0) and successes (row 1); see
            `sampling.balance_weights`.
        label_smoothing: Targets become `smoothing` and `1 - smoothing`.

    Returns:
        Scalar: the weighted mean over the known outcomes; 0 where nothing is known.
    """
    known_BT = outcome_BT >= 0
    success_BT = (outcome_BT == 1).float()
    target_BT = success_BT * (1 - 2 * label_smoothing) + label_smoothing
    weight_BT = known_BT * torch.where(success_BT == 1, weight_2T[1], weight_2T[0])
    loss_BT = functional.binary_cross_entropy_with_logits(
        logits_BT.float(), target_BT, reduction="none"
    )
    return (loss_BT * weight_BT).sum() / weight_BT.sum().clamp_min(1e-6)


def jaws_cross_entropy(logit_B: Tensor, closed_B: Tensor) -> Tensor:
    """Mean binary cross-entropy of the jaws that robots report; 0 where none does.

    Args:
        logit_B: Of closed jaws.
        closed_B: 0 open to 1 closed; NaN where no robot says.
    """
    known_B = closed_B.isfinite()
    loss_B = functional.binary_cross_entropy_with_logits(
        logit_B.float(), closed_B.nan_to_num(), reduction="none"
    )
    return (loss_B * known_B).sum() / known_B.sum().clamp_min(1)
