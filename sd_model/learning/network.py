"""The detector's network: each view seen whole and closely, joined late, one logit a task.

Shapes: B frames, V views, C channels, H and W pixels, F features, T tasks.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from data.episodes.frames import CAMERAS
from sd_model.config import DetectorConfig, Stage

_CUT_KERNEL = 5
"""Kernel of the first convolution of a closer look [px]."""


class DetectorNetwork(nn.Module):
    """Logits of every task from the views of a frame.

    The trunk follows the paper's Q network without its action branch (MT-Opt, Sec. V and App. 8).
    Differs: more trunks see closely what lies round the gripper and round the place where objects
    are put down; all tasks are scored in one pass instead of being asked for by a one-hot code;
    views keep a spatial grid and a projection of their own until they are joined by concatenation;
    batch normalisation has its gamma; what is seen closely also tells, in training, whether
    the jaws are closed.
    """

    def __init__(self, config: DetectorConfig, task_count: int) -> None:
        super().__init__()
        self.task_count = task_count
        self.trunk = _trunk(config, config.stem_kernel, config.stem_stride, config.stages)
        self.projections = _projections(config)
        looks = 1 + (config.cut_px > 0) + (config.place_px > 0)
        if config.cut_px:
            self.cut_trunk = _trunk(config, _CUT_KERNEL, config.cut_stride, config.cut_stages)
            self.cut_projections = _projections(config)
        if config.tells_jaws:
            self.jaws = nn.Sequential(
                nn.ReLU(), nn.Linear(len(CAMERAS) * config.projection, 1), nn.Flatten(0)
            )
        if config.place_px:
            self.place_trunk = _trunk(config, _CUT_KERNEL, config.place_stride, config.cut_stages)
            self.place_projections = _projections(config)
        self._looks_at_gripper, self._looks_at_place = config.cut_px > 0, config.place_px > 0
        self.join = nn.Sequential(
            nn.ReLU(),
            nn.Linear(looks * len(CAMERAS) * config.projection, config.hidden),
            nn.ReLU(),
            nn.Linear(config.hidden, task_count),
        )

    def forward(self, views_BVCHW: Tensor, cuts_BVCHW: Tensor, places_BVCHW: Tensor) -> Tensor:
        """Logits of every task, (B, T).

        Args:
            views_BVCHW: Whole views, scaled by `augmentation.to_tensor`.
            cuts_BVCHW: What lies round the gripper in each; not looked at where `cut_px` is 0.
            places_BVCHW: What lies round the place; not looked at where `place_px` is 0.
        """
        return self._joined(views_BVCHW, self._gripper(cuts_BVCHW), places_BVCHW)

    def with_jaws(
        self, views_BVCHW: Tensor, cuts_BVCHW: Tensor, places_BVCHW: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The logits of the tasks, and of closed jaws, (B,); needs `config.tells_jaws`.

        Whether an object on the plate was let go is a matter of a centimetre, and only few examples
        ask for it; every robot's frame can be asked whether its jaws are closed.
        """
        gripper = self._gripper(cuts_BVCHW)
        jaws_B: Tensor = self.jaws(torch.cat(gripper, 1))
        return self._joined(views_BVCHW, gripper, places_BVCHW), jaws_B

    def _gripper(self, cuts_BVCHW: Tensor) -> list[Tensor]:
        if not self._looks_at_gripper:
            return []
        return _seen(cuts_BVCHW, self.cut_trunk, self.cut_projections)

    def _joined(
        self, views_BVCHW: Tensor, gripper: Sequence[Tensor], places_BVCHW: Tensor
    ) -> Tensor:
        seen = [*_seen(views_BVCHW, self.trunk, self.projections), *gripper]
        if self._looks_at_place:
            seen += _seen(places_BVCHW, self.place_trunk, self.place_projections)
        logits_BT: Tensor = self.join(torch.cat(seen, 1))
        return logits_BT

    @torch.no_grad()
    def divide_logits(self, temperature: float) -> None:
        """Have every logit divided by `temperature` from now on."""
        last = self.join[-1]
        for weight in last.parameters():
            weight.div_(temperature)


def build_network(
    config: DetectorConfig, task_count: int, *, seed: int, device: torch.device
) -> DetectorNetwork:
    """A network with weights drawn from `seed`; the global random state is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = DetectorNetwork(config, task_count)
    return network.to(memory_format=torch.channels_last).to(device)


def _trunk(config: DetectorConfig, kernel: int, stride: int, stages: Sequence[Stage]) -> nn.Module:
    channels = config.channels
    layers: list[nn.Module] = _convolution(3, channels, kernel, stride)
    for stage in stages:
        if stage.pool > 1:
            layers.append(nn.MaxPool2d(stage.pool, ceil_mode=True))
        for _ in range(stage.convolutions):
            layers += _convolution(channels, channels, stage.kernel, 1)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(config.grid), nn.Flatten())


def _projections(config: DetectorConfig) -> nn.ModuleList:
    features = config.channels * config.grid**2
    return nn.ModuleList(
        nn.Sequential(nn.Linear(features, config.projection), nn.LayerNorm(config.projection))
        for _ in CAMERAS
    )


def _seen(images_BVCHW: Tensor, trunk: nn.Module, projections: nn.ModuleList) -> list[Tensor]:
    """What each view contributes, (B, projection) each."""
    frame_count, view_count = images_BVCHW.shape[:2]
    images_NCHW = images_BVCHW.flatten(0, 1).contiguous(memory_format=torch.channels_last)
    features_BVF = trunk(images_NCHW).view(frame_count, view_count, -1)
    return [project(features_BVF[:, view]) for view, project in enumerate(projections)]


def _convolution(channels_in: int, channels: int, kernel: int, stride: int) -> list[nn.Module]:
    padding = max(0, (kernel - stride + 1) // 2)  # the map is the image's side over the stride
    return [
        nn.Conv2d(channels_in, channels, kernel, stride, padding, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
    ]
