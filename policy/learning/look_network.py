"""The Q network that looks where an action leads.

Shapes: B states, N candidate actions a state, C colour, H height, W width, A action, S state,
T tasks, L side of the look, D features.
"""

from __future__ import annotations

import copy
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.functional import grid_sample
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from data.cells.protocol import MAX_ROTATION_RAD, MAX_TRANSLATION_M
from policy.config import PolicyConfig
from policy.learning.heads import TaskHeads, has_task_heads

_UNITS = 128
_VECTOR_UNITS = 64
_KNOWN_SIZE = 12
_NEAR_FLOOR_M = 0.03
_HEIGHT_M = 0.3
"""Heights enter as shares of this; in metres they would be nearly invisible."""
_REACH_M = 0.3
_UNLIKELY = -1.5
"""The first logit: few actions succeed, and an optimistic start misleads the search for long."""


class LookNetwork(nn.Module):
    """Q(s, a, task) as a logit, from the floor round the pose that the action leads to.

    For every candidate action the network sees the part of the ground view round the place where
    the fingertips would be, turned as the gripper would be. So a good grasp looks the same wherever
    it is, and what was learned where the gripper closed tells from above where to go. While the
    gripper is closed it sees what is between the jaws.

    Differs: the papers' network sees the camera's whole view and learns from data alone what a
    motion does to it. Here calibration says so. Two fully connected layers follow where look and
    vector meet, so that a head of a task (`heads`) has two, not three.

    Args:
        config: Its `channels`, `look_px`, `ground_pixel_mm` and batch normalisation.
        task_count: T.
    """

    def __init__(self, config: PolicyConfig, task_count: int) -> None:
        """Untrained, in training mode. Draws initial weights from torch's global generator."""
        super().__init__()
        self.config = config
        self.task_count = task_count
        maps = config.channels
        side = config.look_px // 8
        self.look = nn.Sequential(
            *self._convolution(3, maps, kernel=4, stride=2),
            *self._convolution(maps, maps),
            nn.MaxPool2d(2),
            *self._convolution(maps, 2 * maps),
            *self._convolution(2 * maps, 2 * maps),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(2 * maps * side * side, _UNITS, bias=False),
            nn.BatchNorm1d(_UNITS, config.batch_norm_epsilon, config.batch_norm_momentum),
            nn.ReLU(),
        )
        self.vector = _Vector(task_count)
        self.heads: TaskHeads | None = None
        if has_task_heads(config, task_count):
            self.heads = TaskHeads(nn.Sequential(*_head()) for _ in range(task_count))
        else:
            self.merged, self.logit = _head()

    def forward(
        self, image_BCHW: Tensor, action_BNA: Tensor, state_BS: Tensor, task_BT: Tensor
    ) -> Tensor:
        """Logits, shape (B, N), float32, of ground views in [0, 1] and one-hot tasks."""
        return self.forward_action(self.forward_image(image_BCHW), action_BNA, state_BS, task_BT)

    def forward_image(self, image_BCHW: Tensor) -> Tensor:
        """The ground view itself: what is seen of it depends on the action."""
        return image_BCHW

    def forward_action(
        self, image_BCHW: Tensor, action_BNA: Tensor, state_BS: Tensor, task_BT: Tensor
    ) -> Tensor:
        """Logits, shape (B, N), float32, of N actions in each state."""
        count = action_BNA.shape[:2]
        look_NCLL = looks(image_BCHW.float(), action_BNA, state_BS, self.config).flatten(0, 1)
        dtype = next(self.parameters()).dtype
        look_NCLL = look_NCLL.to(dtype=dtype, memory_format=torch.channels_last)
        vector_ND = self.vector(_known(action_BNA, state_BS), task_BT).flatten(0, 1)
        feature_ND = torch.cat([self.look(look_NCLL), vector_ND], dim=-1)
        logit: Tensor
        if self.heads is None:
            logit = self.logit(self.merged(feature_ND))
        else:
            logit = self.heads(feature_ND.view(*count, -1), task_BT)
        return logit.float().view(count)

    def head(self, position: int) -> nn.Module:
        """The last layers as the task whose code stands at `position` has them."""
        return (
            nn.Sequential(self.merged, self.logit)
            if self.heads is None
            else self.heads.head(position)
        )

    def folded(self) -> Self:
        """A copy for inference, with batch normalisation folded into the layers before it."""
        network = copy.deepcopy(self).eval().requires_grad_(False)
        layers: list[nn.Module] = []
        for module in network.look:
            before = layers[-1] if layers else None
            if isinstance(module, nn.BatchNorm2d) and isinstance(before, nn.Conv2d):
                layers[-1] = fuse_conv_bn_eval(before, module)
            elif isinstance(module, nn.BatchNorm1d) and isinstance(before, nn.Linear):
                layers[-1] = fuse_linear_bn_eval(before, module)
            else:
                layers.append(module)
        network.look = nn.Sequential(*layers)
        return network

    def _convolution(
        self, inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1
    ) -> list[nn.Module]:
        return [
            nn.Conv2d(inputs, outputs, kernel, stride, padding=1, bias=False),
            nn.BatchNorm2d(
                outputs, self.config.batch_norm_epsilon, self.config.batch_norm_momentum
            ),
            nn.ReLU(),
        ]


def _head() -> tuple[nn.Sequential, nn.Linear]:
    merged = nn.Sequential(nn.Linear(_UNITS + _VECTOR_UNITS, _UNITS), nn.ReLU())
    logit = nn.Linear(_UNITS, 1)
    nn.init.constant_(logit.bias, _UNLIKELY)
    return merged, logit


class _Vector(nn.Module):
    """Action, state and task, each through its own layer, summed, ReLU."""

    def __init__(self, task_count: int) -> None:
        super().__init__()
        self.of_action = nn.ModuleList([nn.Linear(_KNOWN_SIZE, _VECTOR_UNITS)])
        self.of_task = nn.Linear(task_count, _VECTOR_UNITS) if task_count > 1 else None

    def forward(self, known_BNV: Tensor, task_BT: Tensor) -> Tensor:
        dtype = next(self.parameters()).dtype
        sum_BND: Tensor = self.of_action[0](known_BNV.to(dtype=dtype))
        if self.of_task is not None:
            sum_BND = sum_BND + self.of_task(task_BT.to(dtype=dtype))[:, None]
        return torch.relu(sum_BND)


def looks(image_BCHW: Tensor, action_BNA: Tensor, state_BS: Tensor, config: PolicyConfig) -> Tensor:
    """The ground round each action's end, turned with the gripper, shape (B, N, C, L, L).

    Columns run along the gripper's own x and rows along its y, between the jaws.

    Args:
        image_BCHW: Ground views, see `policy.experience.sight`.
        action_BNA: Candidate actions.
        state_BS: Gripper closed, height, x, y, turn.
        config: Sizes.
    """
    side = config.look_px
    channels, height, width = image_BCHW.shape[1:]
    pixel_m = config.ground_pixel_mm / 1000
    opened_B1 = (state_BS[:, :1] < 0.5).to(action_BNA.dtype)
    shift_BN2 = action_BNA[..., :2] * MAX_TRANSLATION_M / pixel_m * opened_B1[..., None]
    turn_BN = state_BS[:, 4:5] + _turn(action_BNA) * opened_B1
    offset_L = torch.arange(side, device=image_BCHW.device) - (side - 1) / 2
    down_K, across_K = (
        axis.reshape(-1) for axis in torch.meshgrid(offset_L, offset_L, indexing="ij")
    )
    cosine_BN1, sine_BN1 = turn_BN.cos()[..., None], turn_BN.sin()[..., None]
    x_BNK = shift_BN2[..., :1] + cosine_BN1 * across_K - sine_BN1 * down_K
    y_BNK = shift_BN2[..., 1:] + sine_BN1 * across_K + cosine_BN1 * down_K
    grid_BNK2 = torch.stack([x_BNK * (2 / width), y_BNK * (2 / height)], dim=-1)
    states, count = action_BNA.shape[:2]
    seen = grid_sample(
        image_BCHW,
        grid_BNK2.reshape(states, count * side, side, 2),
        padding_mode="border",
        align_corners=False,
    )
    return seen.view(states, channels, count, side, side).transpose(1, 2)


def _turn(action_BNA: Tensor) -> Tensor:
    angle_BN = torch.atan2(action_BNA[..., 3], action_BNA[..., 4])
    return angle_BN.clamp(-MAX_ROTATION_RAD, MAX_ROTATION_RAD)


def _known(action_BNA: Tensor, state_BS: Tensor) -> Tensor:
    """What the network knows beside the look, each of about unit size, shape (B, N, 12)."""
    count = action_BNA.shape[1]
    closed, height_m, x_m, y_m, turn = (
        part[:, None].expand(-1, count) for part in state_BS.unbind(1)
    )
    end_m = action_BNA[..., :3] * MAX_TRANSLATION_M
    end_height_m = (height_m + end_m[..., 2]).clamp_min(0)
    # The jaws are the same after half a turn, and so are these.
    twice = 2 * (turn + _turn(action_BNA))
    return torch.stack(
        [
            height_m / _HEIGHT_M,
            end_height_m / _HEIGHT_M,
            (height_m < _NEAR_FLOOR_M).to(height_m.dtype),
            (end_height_m < _NEAR_FLOOR_M).to(height_m.dtype),
            closed,
            *action_BNA[..., 5:].unbind(-1),
            twice.sin(),
            twice.cos(),
            (x_m + end_m[..., 0]) / _REACH_M,
            (y_m + end_m[..., 1]) / _REACH_M,
        ],
        dim=-1,
    )
