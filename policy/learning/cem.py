"""The cross-entropy method: the action at which Q is largest (QT-Opt, Sec. 4.2).

Shapes: B states, N samples, M elites, P pose numbers (dx, dy, dz, angle), K gripper commands
(none, open, close, terminate), A action.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from data.cells.protocol import ACTION_SIZE, MAX_ROTATION_RAD
from policy.config import PolicyConfig

Judge = Callable[[Tensor], Tensor]
"""Values (B, N) of candidate actions (B, N, A); larger is better."""

POSE_SIZE = 4
COMMANDS = 4
"""None, open, close, terminate."""
FIRST_DEVIATION = 0.5
"""Of every pose number in the first iteration, where +-1 is the largest motion."""
LEAST_DEVIATION = 0.05
"""The elites' spread never narrows a pose number below this."""
LEAST_PROBABILITY = 0.05
"""The elites' choice never rules a gripper command out."""


class Distribution(NamedTuple):
    """From which actions are sampled: a Gaussian for the pose, categories for the command."""

    mean_BP: Tensor
    deviation_BP: Tensor
    probability_BK: Tensor


class Best(NamedTuple):
    """The best action found in each state and what the judge said of it."""

    action_BA: Tensor
    value_B: Tensor


def maximise(
    judge: Judge,
    states: int,
    *,
    config: PolicyConfig,
    generator: torch.Generator,
    device: torch.device,
) -> Best:
    """The best of `cem_iterations` rounds of `cem_samples` actions, for each of B states at once.

    Every round samples from a distribution fitted to the `cem_elites` best of the round before.

    Args:
        judge: Values of candidate actions. Called once a round.
        states: B; 4 to 64 at a time keep the working set in the cache.
        config: The three numbers of the method.
        generator: On `device`.
        device: Where actions are made.

    Differs: the gripper command is sampled as one of four categories with a floor on each
    probability, and the turn as one angle, so that every sample is an action a robot can take. The
    papers fit Gaussians to all numbers.
    """
    distribution = first_distribution(states, device)
    best = Best(
        torch.zeros(states, ACTION_SIZE, device=device),
        torch.full((states,), -torch.inf, device=device),
    )
    for _ in range(config.cem_iterations):
        pose_BNP, command_BN = sample(distribution, config.cem_samples, generator)
        action_BNA = actions(pose_BNP, command_BN)
        value_BN = judge(action_BNA)
        elite_BM = value_BN.topk(config.cem_elites, dim=1).indices
        distribution = fit(_take(pose_BNP, elite_BM), command_BN.gather(1, elite_BM))
        found = Best(_take(action_BNA, elite_BM[:, :1])[:, 0], value_BN.gather(1, elite_BM)[:, 0])
        best = _better(best, found)
    return best


def first_distribution(states: int, device: torch.device) -> Distribution:
    """Wide over the pose, even over the commands."""
    return Distribution(
        mean_BP=torch.zeros(states, POSE_SIZE, device=device),
        deviation_BP=torch.full((states, POSE_SIZE), FIRST_DEVIATION, device=device),
        probability_BK=torch.full((states, COMMANDS), 1 / COMMANDS, device=device),
    )


def sample(
    distribution: Distribution, count: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """N poses (B, N, P) within [-1, 1] and N commands (B, N) for each state."""
    mean_BP, deviation_BP, probability_BK = distribution
    noise_BNP = torch.randn(
        (mean_BP.shape[0], count, POSE_SIZE), generator=generator, device=mean_BP.device
    )
    pose_BNP = (mean_BP[:, None] + deviation_BP[:, None] * noise_BNP).clamp(-1, 1)
    command_BN = torch.multinomial(probability_BK, count, replacement=True, generator=generator)
    return pose_BNP, command_BN


def fit(pose_BMP: Tensor, command_BM: Tensor) -> Distribution:
    """The distribution of the elites, kept from collapsing by a floor on spread and chance."""
    share_BK = one_hot(command_BM, COMMANDS).float().mean(1)
    return Distribution(
        mean_BP=pose_BMP.mean(1),
        deviation_BP=pose_BMP.std(1, correction=0).clamp_min(LEAST_DEVIATION),
        probability_BK=LEAST_PROBABILITY + (1 - COMMANDS * LEAST_PROBABILITY) * share_BK,
    )


def actions(pose_BNP: Tensor, command_BN: Tensor) -> Tensor:
    """Actions as robots take them (B, N, A), laid out as `data.cells.protocol.ActionA`."""
    angle_BN1 = pose_BNP[..., 3:] * MAX_ROTATION_RAD
    flags_BN3 = one_hot(command_BN, COMMANDS)[..., 1:].to(pose_BNP.dtype)
    return torch.cat([pose_BNP[..., :3], angle_BN1.sin(), angle_BN1.cos(), flags_BN3], dim=-1)


def _take(value_BNX: Tensor, index_BM: Tensor) -> Tensor:
    return value_BNX.gather(1, index_BM[..., None].expand(-1, -1, value_BNX.shape[-1]))


def _better(old: Best, new: Best) -> Best:
    improved_B = new.value_B > old.value_B
    return Best(
        torch.where(improved_B[:, None], new.action_BA, old.action_BA),
        torch.where(improved_B, new.value_B, old.value_B),
    )
