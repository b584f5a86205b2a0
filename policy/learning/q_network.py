"""The multi-task Q network (MT-Opt, App. 7.1; QT-Opt, Appendix E).

Shapes: B states, N candidate actions a state, C colour, H height, W width, A action, S state,
T tasks, V vector units, D feature maps, h and w the size of the map at the merge.
"""

from __future__ import annotations

import copy
import functools
import itertools
import math
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d
from torch.nn.utils.fusion import fuse_conv_bn_weights, fuse_linear_bn_weights

from data.cells.protocol import STATE_SIZE
from data.errors import ConfigurationError
from policy.config import PolicyConfig
from policy.learning.heads import TaskHeads, has_task_heads

ACTION_PARTS = (3, 2, 1, 1, 1)
"""Translation, rotation, open, close, terminate: each has a fully connected layer of its own."""


class QNetwork(nn.Module):
    """Q(s, a, task) as a logit: `sigmoid(logit)` is the value, in [0, 1].

    The image is processed once for a state, however many candidate actions are judged: action,
    state and task enter by a sum over the map. The table of the papers leaves the scale out of the
    first two batch normalisations, and so does this.

    Differs: the task's one-hot code has a layer of its own beside those of the single-task table.
    """

    def __init__(self, config: PolicyConfig, task_count: int) -> None:
        """Untrained, in training mode. Draws initial weights from torch's global generator."""
        super().__init__()
        self.config = config
        self.task_count = task_count
        maps = config.channels
        self.before_first_pool = _Convolution(config, 3, 6, stride=2, bias=True, scale=False)
        self.before_merge = nn.Sequential(
            *(_Convolution(config, maps, 5) for _ in range(config.convolutions_before))
        )
        self.vector = _Vector(config, task_count)
        self.to_map = _Dense(config, config.vector_units, maps)
        self.after_merge = nn.Sequential(
            *(_Convolution(config, maps, 3) for _ in range(config.convolutions_after))
        )
        self.after_last_pool = nn.Sequential(
            *(_Convolution(config, maps, 3, padded=False) for _ in range(config.convolutions_valid))
        )
        self.heads: TaskHeads | None = None
        if has_task_heads(config, task_count):
            self.heads = TaskHeads(nn.Sequential(*self._head()) for _ in range(task_count))
        else:
            self.dense, self.logit = self._head()
        _initialise(self, config.initial_deviation)

    def forward(
        self, image_BCHW: Tensor, action_BNA: Tensor, state_BS: Tensor, task_BT: Tensor
    ) -> Tensor:
        """Logits, shape (B, N), float32, of images in [0, 1] and one-hot tasks."""
        return self.forward_action(self.forward_image(image_BCHW), action_BNA, state_BS, task_BT)

    def forward_image(self, image_BCHW: Tensor) -> Tensor:
        """The image's map before the merge, shape (B, D, h, w)."""
        first, second, _ = self.config.pools
        image_BCHW = image_BCHW.to(dtype=self.to_map.linear.weight.dtype)
        map_BDhw = pool_same(self.before_first_pool(image_BCHW), first)
        return pool_same(self.before_merge(map_BDhw), second)

    def forward_action(
        self, map_BDhw: Tensor, action_BNA: Tensor, state_BS: Tensor, task_BT: Tensor
    ) -> Tensor:
        """Logits, shape (B, N), float32, of N actions in each state."""
        count = action_BNA.shape[:2]
        vector_BNV = self.vector(action_BNA, state_BS, task_BT)
        added_BND = self.to_map(vector_BNV.flatten(0, 1)).unflatten(0, count)
        # Adding by broadcast keeps channels last in memory; copies of the map would cost 25 times.
        map_BNDhw = map_BDhw[:, None] + added_BND[..., None, None]
        map_NDhw = self.after_merge(map_BNDhw.flatten(0, 1))
        map_NDhw = self.after_last_pool(pool_same(map_NDhw, self.config.pools[2]))
        feature_ND = map_NDhw.flatten(1)
        logit: Tensor
        if self.heads is None:
            logit = self.logit(self.dense(feature_ND))
        else:
            logit = self.heads(feature_ND.view(*count, -1), task_BT)
        return logit.float().view(count)

    def head(self, position: int) -> nn.Module:
        """The last layers as the task whose code stands at `position` has them."""
        return (
            nn.Sequential(self.dense, self.logit)
            if self.heads is None
            else self.heads.head(position)
        )

    def folded(self) -> Self:
        """A copy for inference, with batch normalisation folded into the layers before it."""
        network = copy.deepcopy(self).eval().requires_grad_(False)
        for module in list(network.modules()):
            if isinstance(module, _Convolution | _Dense | _Vector):
                module.fold()
        return network

    def _head(self) -> tuple[nn.Sequential, nn.Linear]:
        config, maps = self.config, self.config.channels
        dense = nn.Sequential(
            _Dense(config, maps * final_side(config) ** 2, maps), _Dense(config, maps, maps)
        )
        return dense, nn.Linear(maps, 1)


class _Convolution(nn.Module):
    """Convolution, batch normalisation, ReLU."""

    def __init__(
        self,
        config: PolicyConfig,
        inputs: int,
        kernel: int,
        *,
        stride: int = 1,
        padded: bool = True,
        bias: bool = False,
        scale: bool = True,
    ) -> None:
        super().__init__()
        # An even kernel at an even stride needs the same border on both sides, as in TensorFlow.
        padding = (kernel - 1) // 2 if padded else 0
        self.convolution = nn.Conv2d(inputs, config.channels, kernel, stride, padding, bias=bias)
        self.norm: nn.Module = _norm(nn.BatchNorm2d, config, config.channels, scale=scale)

    def forward(self, image_BDHW: Tensor) -> Tensor:
        return torch.relu_(self.norm(self.convolution(image_BDHW)))

    def fold(self) -> None:
        layer, norm = self.convolution, self.norm
        if isinstance(norm, nn.BatchNorm2d):
            layer.weight, layer.bias = fuse_conv_bn_weights(
                layer.weight, layer.bias, *_statistics(norm), transpose=False
            )
            self.norm = nn.Identity()


class _Dense(nn.Module):
    """Fully connected layer, batch normalisation, ReLU."""

    def __init__(self, config: PolicyConfig, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs, bias=False)
        self.norm: nn.Module = _norm(nn.BatchNorm1d, config, outputs, scale=True)

    def forward(self, vector_NV: Tensor) -> Tensor:
        return torch.relu_(self.norm(self.linear(vector_NV)))

    def fold(self) -> None:
        layer, norm = self.linear, self.norm
        if isinstance(norm, nn.BatchNorm1d):
            layer.weight, bias = fuse_linear_bn_weights(
                layer.weight, layer.bias, *_statistics(norm)
            )
            layer.register_parameter("bias", bias)
            self.norm = nn.Identity()


class _Vector(nn.Module):
    """Action, state and task, each through its own layer, summed, batch normalisation, ReLU."""

    def __init__(self, config: PolicyConfig, task_count: int) -> None:
        super().__init__()
        units = config.vector_units
        self.of_action = nn.ModuleList(nn.Linear(size, units) for size in ACTION_PARTS)
        self.of_state = nn.ModuleList(nn.Linear(1, units) for _ in range(STATE_SIZE))
        # A single task needs no code: the table of QT-Opt is the network without this layer.
        self.of_task = nn.Linear(task_count, units) if task_count > 1 else None
        self.norm: nn.Module = _norm(nn.BatchNorm1d, config, units, scale=False)

    def forward(self, action_BNA: Tensor, state_BS: Tensor, task_BT: Tensor) -> Tensor:
        dtype = next(self.parameters()).dtype
        parts = torch.split(action_BNA.to(dtype=dtype), list(ACTION_PARTS), dim=-1)
        sum_BNV = sum(layer(part) for layer, part in zip(self.of_action, parts, strict=True))
        columns = torch.split(state_BS.to(dtype=dtype), 1, dim=-1)
        sum_BV = sum(layer(column) for layer, column in zip(self.of_state, columns, strict=True))
        if self.of_task is not None:
            sum_BV = sum_BV + self.of_task(task_BT.to(dtype=dtype))
        vector_BNV: Tensor = sum_BNV + sum_BV[:, None]
        return torch.relu(self.norm(vector_BNV.flatten(0, 1)).view_as(vector_BNV))

    def fold(self) -> None:
        norm = self.norm
        if isinstance(norm, nn.BatchNorm1d):
            layers = [*self.of_action, *self.of_state, *([self.of_task] if self.of_task else [])]
            mean, variance, epsilon, scale, shift = _statistics(norm)
            factor_V = scale * torch.rsqrt(variance + epsilon)
            for layer in layers:
                layer.weight.mul_(factor_V[:, None])
                layer.bias.mul_(factor_V)
            layers[0].bias.add_(shift - mean * factor_V)
            self.norm = nn.Identity()


def _norm(
    kind: type[nn.BatchNorm1d] | type[nn.BatchNorm2d],
    config: PolicyConfig,
    features: int,
    *,
    scale: bool,
) -> nn.Module:
    norm = kind(features, eps=config.batch_norm_epsilon, momentum=config.batch_norm_momentum)
    if not scale:
        norm.register_parameter("weight", None)
    return norm


def _statistics(
    norm: nn.modules.batchnorm._BatchNorm,
) -> tuple[Tensor, Tensor, float, Tensor, Tensor]:
    mean = norm.get_buffer("running_mean")
    scale = torch.ones_like(mean) if norm.weight is None else norm.weight
    return mean, norm.get_buffer("running_var"), norm.eps, scale, norm.bias


def pool_same(map_BDHW: Tensor, kernel: int) -> Tensor:
    """Max pool with stride `kernel` and TensorFlow's "same" padding: ceil(H / kernel) high.

    The border is shared between both sides and the odd pixel goes to the far one.
    """
    border = -map_BDHW.shape[-1] % kernel
    if border == 0 and not torch.is_grad_enabled():
        # Without gradients no indices are needed: a third of the time of torch's pool on a CPU.
        corners = itertools.product(range(kernel), repeat=2)
        windows = (map_BDHW[..., row::kernel, column::kernel] for row, column in corners)
        return functools.reduce(torch.maximum, windows)
    return max_pool2d(map_BDHW, kernel, kernel, padding=border // 2, ceil_mode=True)


def final_side(config: PolicyConfig) -> int:
    """Side of the map that the fully connected layers see [px].

    Raises:
        ConfigurationError: The image is too small for so many layers.
    """
    side = config.image_px // 2  # the first convolution lets an odd last row go
    for kernel in config.pools:
        side = math.ceil(side / kernel)
    side -= 2 * config.convolutions_valid
    if side < 1:
        raise ConfigurationError(
            f"An image of {config.image_px} px is too small for the pools {config.pools} and "
            f"{config.convolutions_valid} convolutions without padding.",
            where="policy configuration",
            next_step="Raise image_px, or lower pools or convolutions_valid.",
        )
    return side


def _initialise(network: nn.Module, deviation: float) -> None:
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            if deviation > 0:
                nn.init.trunc_normal_(
                    module.weight, std=deviation, a=-2 * deviation, b=2 * deviation
                )
            else:
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
