"""The detector's network: one trunk for all views, joined late, one logit a task.

Shapes: B frames, V views, C channels, H and W pixels, F features, T tasks.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from data.cells.protocol import STATE_SIZE
from data.frames import CAMERAS
from sd_model.config import DetectorConfig


class DetectorNetwork(nn.Module):
    """Logits of every task from the views of a frame.

    The trunk follows the paper's Q network without its action branch (MT-Opt, Sec. V and App. 8).
    Differs: all tasks are scored in one pass instead of being asked for by a one-hot code; views
    keep a spatial grid and a projection of their own until they are joined by concatenation;
    batch normalisation has its gamma.
    """

    def __init__(self, config: DetectorConfig, task_count: int) -> None:
        super().__init__()
        self.task_count = task_count
        channels = config.channels
        layers: list[nn.Module] = [
            *_convolution(3, channels, config.stem_kernel, config.stem_stride)
        ]
        for stage in config.stages:
            if stage.pool > 1:
                layers.append(nn.MaxPool2d(stage.pool, ceil_mode=True))
            for _ in range(stage.convolutions):
                layers += _convolution(channels, channels, stage.kernel, 1)
        self.trunk = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(config.grid), nn.Flatten())
        features = channels * config.grid**2
        self.projections = nn.ModuleList(
            nn.Sequential(nn.Linear(features, config.projection), nn.LayerNorm(config.projection))
            for _ in CAMERAS
        )
        self.join = nn.Sequential(
            nn.ReLU(),
            nn.Linear(len(CAMERAS) * config.projection, config.hidden),
            nn.ReLU(),
            nn.Linear(config.hidden, task_count),
        )
        self.auxiliary = nn.Linear(features, STATE_SIZE)

    def forward(self, views_BVCHW: Tensor) -> Tensor:
        """Logits of every task, (B, T), for views scaled by `augmentation.to_tensor`."""
        frame_count, view_count = views_BVCHW.shape[:2]
        images_NCHW = views_BVCHW.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        features_BVF = self.trunk(images_NCHW).view(frame_count, view_count, -1)
        joined_BF = torch.cat(
            [project(features_BVF[:, view]) for view, project in enumerate(self.projections)], 1
        )
        logits_BT: Tensor = self.join(joined_BF)
        return logits_BT

    def robot_state(self, images_BCHW: Tensor) -> Tensor:
        """Gripper closed and height, (B, 2), from over-the-shoulder images alone.

        The auxiliary regression: it teaches the trunk where the gripper is from frames that
        nobody labelled.
        """
        state_BS: Tensor = self.auxiliary(
            self.trunk(images_BCHW.contiguous(memory_format=torch.channels_last))
        )
        return state_BS


def build_network(
    config: DetectorConfig, task_count: int, *, seed: int, device: torch.device
) -> DetectorNetwork:
    """A network with weights drawn from `seed`; the global random state is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = DetectorNetwork(config, task_count)
    return network.to(memory_format=torch.channels_last).to(device)


def _convolution(channels_in: int, channels: int, kernel: int, stride: int) -> list[nn.Module]:
    padding = max(0, (kernel - stride + 1) // 2)  # the map is the image's side over the stride
    return [
        nn.Conv2d(channels_in, channels, kernel, stride, padding, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
    ]
