"""The cross-entropy method: the action at which Q is largest (QT-Opt, Sec. 4.2).

Shapes: B states, N samples, M elites, P pose numbers (dx, dy, dz, angle), K gripper commands that
may be given, A action.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from data.cells.protocol import ACTION_SIZE, MAX_ROTATION_RAD, MAX_TRANSLATION_M
from policy.config import PolicyConfig

Judge = Callable[[Tensor], Tensor]
"""Values (B, N) of candidate actions (B, N, A); larger is better."""

POSE_SIZE = 4
FIRST_REACH = 1.5
"""The first round draws evenly up to this, where +-1 is the largest motion, and limits what it
drew: a third of it lies on the border, which every descent needs."""
LEAST_DEVIATION = 0.05
"""The elites' spread never narrows a pose number below this."""


class Distribution(NamedTuple):
    """From which motions are sampled."""

    mean_BP: Tensor
    deviation_BP: Tensor


class Best(NamedTuple):
    """The best action found in each state and what the judge said of it."""

    action_BA: Tensor
    value_B: Tensor


def maximise(
    judge: Judge,
    closed_B: Tensor,
    *,
    config: PolicyConfig,
    generator: torch.Generator,
    device: torch.device,
) -> Best:
    """The best of `cem_iterations` rounds of `cem_samples` motions, for each of B states at once,
    and of the gripper commands at rest that change something.

    The first round draws evenly; every other from a Gaussian fitted to the `cem_elites` best
    motions of the round before.

    Args:
        judge: Values of candidate actions. Called once a round.
        closed_B: Whether each state's gripper is closed, 0 or 1; 4 to 64 states at a time keep the
            working set in the cache.
        config: The three numbers of the method, and whether the policy may terminate.
        generator: On `device`.
        device: Where actions are made.

    Differs: the papers fit Gaussians to all numbers. Here the turn is one angle, so that every
    sample is an action a robot can take, and gripper commands, which move nothing, are few enough
    to be judged each; the papers' first round is a Gaussian.
    """
    states = len(closed_B)
    pose_BNP = first_poses(states, config.cem_samples, generator, device)
    rest_BKA = commands(closed_B, config)
    best = Best(
        torch.zeros(states, ACTION_SIZE, device=device),
        torch.full((states,), -torch.inf, device=device),
    )
    for iteration in range(config.cem_iterations):
        action_BNA = motions(pose_BNP)
        if iteration == 0:
            action_BNA = torch.cat([action_BNA, rest_BKA], dim=1)
        value_BN = judge(action_BNA)
        first_B = value_BN.argmax(1, keepdim=True)
        found = Best(_take(action_BNA, first_B)[:, 0], value_BN.gather(1, first_B)[:, 0])
        best = _better(best, found)
        elite_BM = value_BN[:, : config.cem_samples].topk(config.cem_elites, dim=1).indices
        pose_BNP = sample(fit(_take(pose_BNP, elite_BM)), config.cem_samples, generator)
    return best


def first_poses(
    states: int, count: int, generator: torch.Generator, device: torch.device
) -> Tensor:
    """Motions spread evenly, within [-1, 1], shape (B, N, P)."""
    share_BNP = torch.rand((states, count, POSE_SIZE), generator=generator, device=device)
    return ((2 * share_BNP - 1) * FIRST_REACH).clamp(-1, 1)


def sample(distribution: Distribution, count: int, generator: torch.Generator) -> Tensor:
    """N motions within [-1, 1] for each state, shape (B, N, P)."""
    mean_BP, deviation_BP = distribution
    noise_BNP = torch.randn(
        (mean_BP.shape[0], count, POSE_SIZE), generator=generator, device=mean_BP.device
    )
    return (mean_BP[:, None] + deviation_BP[:, None] * noise_BNP).clamp(-1, 1)


def fit(pose_BMP: Tensor) -> Distribution:
    """The distribution of the elites, kept from collapsing by a floor on their spread."""
    return Distribution(
        mean_BP=pose_BMP.mean(1),
        deviation_BP=pose_BMP.std(1, correction=0).clamp_min(LEAST_DEVIATION),
    )


def motions(pose_BNP: Tensor) -> Tensor:
    """Motions as actions (B, N, A), laid out as `data.cells.protocol.ActionA`."""
    angle_BN1 = pose_BNP[..., 3:] * MAX_ROTATION_RAD
    flags_BN3 = pose_BNP.new_zeros(*pose_BNP.shape[:2], 3)
    return torch.cat([pose_BNP[..., :3], angle_BN1.sin(), angle_BN1.cos(), flags_BN3], dim=-1)


def grasps(action_BNA: Tensor, height_B: Tensor) -> Tensor:
    """The grasp that each motion leads to: down to the floor there, and close; shape (B, N, A).

    What `supervised` judges. Downwards it may be longer than a step.

    Args:
        action_BNA: Motions or commands at rest; where they lead sideways and how they turn counts.
        height_B: Of the fingertips [m].
    """
    grasp_BNA = action_BNA.clone()
    grasp_BNA[..., 2] = -height_B[:, None] / MAX_TRANSLATION_M
    grasp_BNA[..., 5:] = grasp_BNA.new_tensor([0.0, 1.0, 0.0])
    return grasp_BNA


def commands(closed_B: Tensor, config: PolicyConfig) -> Tensor:
    """The gripper commands at rest that change something, shape (B, K, A).

    A closed gripper may open and an open one close; where it is learned, either may terminate.
    """
    rest_B2A = torch.zeros(len(closed_B), 2, ACTION_SIZE, device=closed_B.device)
    rest_B2A[..., 4] = 1.0
    rest_B2A[:, 0, 5] = (closed_B > 0.5).float()
    rest_B2A[:, 0, 6] = (closed_B <= 0.5).float()
    rest_B2A[:, 1, 7] = 1.0
    return rest_B2A if config.termination == "learned" else rest_B2A[:, :1]


def _take(value_BNX: Tensor, index_BM: Tensor) -> Tensor:
    return value_BNX.gather(1, index_BM[..., None].expand(-1, -1, value_BNX.shape[-1]))


def _better(old: Best, new: Best) -> Best:
    improved_B = new.value_B > old.value_B
    return Best(
        torch.where(improved_B[:, None], new.action_BA, old.action_BA),
        torch.where(improved_B, new.value_B, old.value_B),
    )
