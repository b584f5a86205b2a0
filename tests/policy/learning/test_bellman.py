import math

import pytest
import torch

from policy.learning import bellman


def test_target_is_reward_plus_discounted_value_where_the_episode_goes_on() -> None:
    target_B = bellman.targets(
        torch.tensor([0.0, 1.0, 0.0, 0.0]),
        torch.tensor([False, True, True, False]),
        torch.tensor([0.5, 0.9, 0.9, 1.0]),
        gamma=0.9,
        step_penalty=0.0,
    )
    # 0 + 0.9 * 0.5; success; failure; 0 + 0.9 * 1.
    torch.testing.assert_close(target_B, torch.tensor([0.45, 1.0, 0.0, 0.9]))


def test_step_penalty_falls_on_steps_that_do_not_end_the_episode_and_targets_stay_values() -> None:
    target_B = bellman.targets(
        torch.tensor([0.0, 1.0, 0.0, 1.0]),
        torch.tensor([False, True, False, False]),
        torch.tensor([0.5, 0.5, 0.01, 0.5]),
        gamma=0.9,
        step_penalty=-0.05,
    )
    # 0.45 - 0.05; no penalty; 0.009 - 0.05 is below 0; 1 + 0.45 - 0.05 is above 1.
    torch.testing.assert_close(target_B, torch.tensor([0.40, 1.0, 0.0, 1.0]))


def test_own_return_is_what_the_targets_add_up_to_along_the_episode() -> None:
    success_B = torch.tensor([True, True, True, False])
    left_B = torch.tensor([0, 1, 3, 3])
    free_B = bellman.own_return(success_B, left_B, gamma=0.9, step_penalty=0.0)
    torch.testing.assert_close(free_B, torch.tensor([1.0, 0.9, 0.729, 0.0]))
    # Each step back: t <- -0.05 + 0.9 t. 1, 0.85, 0.715, 0.5935; a failure stays at 0.
    costly_B = bellman.own_return(success_B, left_B, gamma=0.9, step_penalty=-0.05)
    torch.testing.assert_close(costly_B, torch.tensor([1.0, 0.85, 0.5935, 0.0]))
    undiscounted_B = bellman.own_return(success_B, left_B, gamma=1.0, step_penalty=-0.05)
    torch.testing.assert_close(undiscounted_B, torch.tensor([1.0, 0.95, 0.85, 0.0]))
    backed_up_B = bellman.targets(
        torch.zeros(1), torch.tensor([False]), costly_B[1:2], gamma=0.9, step_penalty=-0.05
    )
    torch.testing.assert_close(backed_up_B, torch.tensor([0.715]))


def test_clipped_value_is_the_smaller_of_the_copies() -> None:
    value_IB = torch.tensor([[0.7, 0.2, 0.5], [0.6, 0.9, 0.5]])
    torch.testing.assert_close(bellman.clipped_value(value_IB), torch.tensor([0.6, 0.2, 0.5]))


def test_cross_entropy_of_soft_targets() -> None:
    # q = 0.5 costs ln 2 whatever the target; q = 0.8 and t = 0.25: -(0.25 ln 0.8 + 0.75 ln 0.2).
    logit_B = torch.tensor([0.0, math.log(0.8 / 0.2)])
    target_B = torch.tensor([0.3, 0.25])
    expected = (math.log(2) - 0.25 * math.log(0.8) - 0.75 * math.log(0.2)) / 2
    assert float(bellman.cross_entropy(logit_B, target_B)) == pytest.approx(expected, rel=1e-5)


def test_gradient_of_the_cross_entropy_is_value_less_target() -> None:
    logit_B = torch.tensor([0.0, 2.0], requires_grad=True)
    target_B = torch.tensor([0.25, 1.0])
    bellman.cross_entropy(logit_B, target_B).backward()
    expected = (torch.sigmoid(logit_B.detach()) - target_B) / 2
    torch.testing.assert_close(logit_B.grad, expected)


def test_temporal_difference_is_target_less_value() -> None:
    difference_B = bellman.temporal_difference(torch.tensor([0.0, 0.0]), torch.tensor([0.75, 0.1]))
    torch.testing.assert_close(difference_B, torch.tensor([0.25, -0.4]))
