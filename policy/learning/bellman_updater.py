"""The Bellman updater: gives transitions their targets (QT-Opt, Appendix F.4).

Shapes: B transitions, N candidate actions, A action, C colour, H height, W width, T tasks.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import one_hot

from policy.config import PolicyConfig
from policy.experience.transitions import Transitions
from policy.learning import bellman, cem
from policy.learning.augmentation import draw_view, see, turn
from policy.learning.averaging import TargetCopies
from policy.learning.train_buffer import Labelled

Sampler = Callable[[int, np.random.Generator], Transitions]
"""A balanced batch of so many transitions from the replay buffers."""


class BellmanUpdater:
    """Draws transitions and labels them with r + gamma V(s').

    It holds no state: target copies and randomness come with each call, so that several may work
    side by side and be restarted at any time.
    """

    def __init__(
        self,
        sampler: Sampler,
        config: PolicyConfig,
        *,
        task_count: int,
        device: torch.device,
    ) -> None:
        self._sampler = sampler
        self._config = config
        self._task_count = task_count
        self._device = device

    def label(self, copies: TargetCopies, generator: np.random.Generator) -> Labelled:
        """`label_batch_size` transitions with the targets that `copies` give them.

        Differs: s' is augmented here and s at each use, so that a label that serves several updates
        is seen in several ways; the papers' implementation augments both alike.
        """
        batch = self._sampler(self._config.label_batch_size, generator)
        if self._config.method == "supervised":
            target_B = torch.from_numpy(batch.success_B).float()
        else:
            target_B = self._target(copies, batch, generator)
        return Labelled(
            image_BHWC=batch.image_BHWC,
            state_BS=batch.state_BS,
            action_BA=batch.action_BA,
            task_B=batch.task_B,
            success_B=batch.success_B,
            target_B=target_B.numpy(),
            version_B=np.full(len(batch), copies.version),
            source_B2=batch.source_B2,
        )

    def _target(
        self, copies: TargetCopies, batch: Transitions, generator: np.random.Generator
    ) -> Tensor:
        """What the episode earned and what is bootstrapped, as the recipe weighs them."""
        share = self._config.bootstrap_share
        own_B = bellman.own_return(
            torch.from_numpy(batch.success_B),
            torch.from_numpy(batch.steps_left_B),
            gamma=self._config.gamma,
            step_penalty=self._config.step_penalty,
        )
        if share == 0:
            return own_B
        bootstrapped_B = self._bootstrapped(copies, batch, generator)
        if self._config.returns == "own":
            bootstrapped_B = torch.maximum(bootstrapped_B, own_B)
        return own_B.lerp(bootstrapped_B, share)

    def _bootstrapped(
        self, copies: TargetCopies, batch: Transitions, generator: np.random.Generator
    ) -> Tensor:
        """r + gamma V(s'), shape (B,), on the CPU."""
        view = draw_view(len(batch), self._config, generator)
        next_value_B = self._next_value(
            copies,
            batch.done_B,
            see(batch.next_image_BHWC, view, self._config),
            turn(batch.next_state_BS, view, self._config),
            batch.task_B,
            generator,
        )
        return bellman.targets(
            torch.from_numpy(batch.reward_B),
            torch.from_numpy(batch.done_B),
            next_value_B,
            gamma=self._config.gamma,
            step_penalty=self._config.step_penalty,
        )

    def _next_value(
        self,
        copies: TargetCopies,
        done_B: NDArray[np.bool_],
        image_BHWC: NDArray[np.uint8],
        state_BS: NDArray[np.float32],
        task_B: NDArray[np.int64],
        generator: np.random.Generator,
    ) -> Tensor:
        """V(s') on the CPU, 0 where the episode ended: CEM is spent only where it counts."""
        value_B = torch.zeros(len(done_B))
        going_on = np.flatnonzero(~done_B)
        if going_on.size:
            value_B[torch.from_numpy(going_on)] = state_value(
                copies,
                image_BHWC[going_on],
                state_BS[going_on],
                one_hot(torch.from_numpy(task_B[going_on]), self._task_count),
                self._config,
                torch_generator(generator, self._device),
                self._device,
            )
        return value_B


def state_value(
    copies: TargetCopies,
    image_BHWC: NDArray[np.uint8],
    state_BS: NDArray[np.float32],
    task_BT: Tensor,
    config: PolicyConfig,
    generator: torch.Generator,
    device: torch.device,
) -> Tensor:
    """V(s) of clipped double Q-learning, shape (B,), on the CPU.

    The action is the best one of the average; the value is the smaller of what the average and the
    lagged copy say of it.
    """
    image_BCHW = as_input(image_BHWC, device)
    condition = (torch.from_numpy(state_BS).to(device), task_BT.to(device))
    with torch.inference_mode():
        map_BDhw = copies.average.forward_image(image_BCHW)
        best = cem.maximise(
            lambda action_BNA: copies.average.forward_action(map_BDhw, action_BNA, *condition),
            condition[0][:, 0],
            config=config,
            generator=generator,
            device=device,
        )
        lagged_B = copies.lagged(image_BCHW, best.action_BA[:, None], *condition)[:, 0]
        return bellman.clipped_value(torch.sigmoid(torch.stack([best.value_B, lagged_B]))).cpu()


def as_input(image_BHWC: NDArray[np.uint8], device: torch.device) -> Tensor:
    """Images as the network takes them: (B, 3, H, W), float32 in [0, 1], channels last."""
    return torch.from_numpy(image_BHWC).to(device).permute(0, 3, 1, 2).float() / 255


def torch_generator(generator: np.random.Generator, device: torch.device) -> torch.Generator:
    """A generator for tensors on `device`, seeded by a draw from `generator`."""
    return torch.Generator(device).manual_seed(int(generator.integers(2**63)))
