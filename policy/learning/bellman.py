"""What Q should be, and how far it is from it (QT-Opt, Sec. 4.1 and Appendix F.4).

Shapes: B transitions, I target copies.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits


def clipped_value(value_IB: Tensor) -> Tensor:
    """V(s') = min over the copies i of Q_i(s', a*), shape (B,): clipped double Q-learning.

    Args:
        value_IB: Every copy's value of the SAME action a*, the one that maximises the first copy.
    """
    return value_IB.amin(0)


def own_return(
    success_B: Tensor, steps_left_B: Tensor, *, gamma: float, step_penalty: float
) -> Tensor:
    """What the rest of each episode earned, seen from the step, in [0, 1], shape (B,).

    For k steps left that is gamma^k for a success, else 0, and the penalties of those k steps.
    The best policy earns no less from there, so that it is a lower bound of Q where outcomes
    follow from actions; it carries a success back to the first step at once.

    Differs: the papers bootstrap alone; a backup a step needs as many publications as steps.

    Args:
        success_B: bool; the episode succeeded.
        steps_left_B: Actions that follow this one.
        gamma: Discount a step.
        step_penalty: As for `targets`, of which this is the fixed point along the episode.
    """
    earned_B = success_B.float() * gamma**steps_left_B
    if step_penalty:
        steps_B = steps_left_B.float()
        discounted_B = steps_B if gamma == 1 else (1 - gamma**steps_B) / (1 - gamma)
        earned_B = earned_B + step_penalty * discounted_B
    return earned_B.clamp(0, 1)


def targets(
    reward_B: Tensor, done_B: Tensor, next_value_B: Tensor, *, gamma: float, step_penalty: float
) -> Tensor:
    """r + gamma V(s') where the episode goes on, r where it ended; clipped to [0, 1], shape (B,).

    Args:
        reward_B: 1 for success at the end of an episode, else 0.
        done_B: bool; the action ended the episode.
        next_value_B: V(s'), in [0, 1]; ignored where `done_B`.
        gamma: Discount a step.
        step_penalty: Added to the reward of every step that does not end the episode.

    Differs: the papers do not say that targets are clipped; Q is a sigmoid and can hold no other.
    """
    going_on_B = (~done_B).float()
    return (reward_B + going_on_B * (step_penalty + gamma * next_value_B)).clamp(0, 1)


def cross_entropy(logit_B: Tensor, target_B: Tensor) -> Tensor:
    """Mean of -t log q - (1 - t) log(1 - q) for q = sigmoid(logit), a scalar.

    Targets are soft, so the least value is their entropy and not 0.
    """
    return binary_cross_entropy_with_logits(logit_B, target_B)


def temporal_difference(logit_B: Tensor, target_B: Tensor) -> Tensor:
    """Target less value, shape (B,), for reports; positive where Q is too low."""
    return target_B - torch.sigmoid(logit_B)
