from __future__ import annotations

import math

import pytest
import torch

from sd_model.learning.losses import jaws_cross_entropy, masked_cross_entropy

ONES = torch.ones(2, 2)


def test_unknown_outcomes_weigh_nothing() -> None:
    # Task 0 is a success judged at ln 3, i.e. 3/4: -ln(3/4). Task 1 is unknown.
    loss = masked_cross_entropy(
        torch.tensor([[math.log(3.0), 50.0]]), torch.tensor([[1, -1]]), ONES, label_smoothing=0.0
    )

    assert loss.item() == pytest.approx(-math.log(0.75), abs=1e-6)


def test_weights_belong_to_task_and_outcome() -> None:
    # -ln(3/4) with weight 3 for a success of task 0, -ln(1/2) with weight 1 for a failure of 1.
    weight_2T = torch.tensor([[9.0, 1.0], [3.0, 9.0]])

    loss = masked_cross_entropy(
        torch.tensor([[math.log(3.0), 0.0]]), torch.tensor([[1, 0]]), weight_2T, label_smoothing=0.0
    )

    assert loss.item() == pytest.approx((3 * -math.log(0.75) - math.log(0.5)) / 4, abs=1e-6)


def test_smoothing_moves_targets_together() -> None:
    # Target 0.9 at logit 0: ln 2 whatever the target; at ln 3: -0.9 ln 3/4 - 0.1 ln 1/4.
    loss = masked_cross_entropy(
        torch.tensor([[math.log(3.0)]]), torch.tensor([[1]]), torch.ones(2, 1), label_smoothing=0.1
    )

    assert loss.item() == pytest.approx(-0.9 * math.log(0.75) - 0.1 * math.log(0.25), abs=1e-6)


def test_nothing_known_costs_nothing() -> None:
    loss = masked_cross_entropy(
        torch.zeros(1, 2), torch.tensor([[-1, -1]]), ONES, label_smoothing=0.0
    )

    assert loss.item() == 0.0


def test_unknown_outcomes_get_no_gradient() -> None:
    logits_BT = torch.zeros(1, 2, requires_grad=True)

    masked_cross_entropy(logits_BT, torch.tensor([[0, -1]]), ONES, label_smoothing=0.0).backward()

    assert logits_BT.grad is not None
    assert logits_BT.grad.tolist() == [[0.5, 0.0]]


def test_only_robots_that_say_so_teach_whether_jaws_are_closed() -> None:
    # Closed at ln 3: -ln 3/4. Open at 0: ln 2. The third says nothing.
    logit_B = torch.tensor([math.log(3.0), 0.0, 50.0], requires_grad=True)
    loss = jaws_cross_entropy(logit_B, torch.tensor([1.0, 0.0, math.nan]))
    loss.backward()

    assert loss.item() == pytest.approx((-math.log(0.75) + math.log(2)) / 2)
    assert logit_B.grad is not None
    assert logit_B.grad.tolist() == pytest.approx([-0.125, 0.25, 0.0])


def test_without_any_robot_that_says_so_jaws_cost_nothing() -> None:
    assert jaws_cross_entropy(torch.ones(2), torch.full((2,), math.nan)).item() == 0.0
