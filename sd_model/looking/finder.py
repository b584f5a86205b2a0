"""The finder: where the fingertips are in each view, and the place where objects are put down, on
robots it has never seen.

Detector and policy look closely there. It is trained on the robots' own readings (see
`looking.finding`), so nobody has to label anything.

Differs: the paper's networks look at whole images of 472 px; on small machines the held object is
then a few pixels, which is what a second look at full resolution mends.

Shapes: N frames, B a batch of them, M marks (gripper, place), V views, C channels, H and W
pixels; a position is a share of the image's width and one of its height.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from data.episodes.frames import CAMERAS
from sd_model.tensors import load_weights, write_tensors

_CHANNELS = 32
_BATCH = 64


class FinderNetwork(nn.Module):
    """Positions of the marks by a spatial softmax over one map for each and view.

    Args:
        marks: 1: the fingertips; 2: the place where objects are put down, too.
    """

    def __init__(self, marks: int) -> None:
        super().__init__()
        self.marks = marks
        layers: list[nn.Module] = _convolution(3, _CHANNELS, 6, stride=4, padding=1)
        for kernel, dilation in ((3, 1), (3, 2), (3, 4), (3, 8), (3, 1)):
            padding = dilation * (kernel // 2)
            layers += _convolution(_CHANNELS, _CHANNELS, kernel, padding=padding, dilation=dilation)
        self.trunk = nn.Sequential(*layers)
        self.maps = nn.Conv2d(_CHANNELS, marks * len(CAMERAS), 1)

    def forward(self, views_BVCHW: Tensor) -> Tensor:
        """Positions of the marks, (B, M, V, 2), for images in [-1, 1] of any size."""
        return middle_of(self.weights(views_BVCHW))

    def weights(self, views_BVCHW: Tensor) -> Tensor:
        """Where the network looks in each view, (B, M, V, H, W), each map summing to 1."""
        frame_count, view_count = views_BVCHW.shape[:2]
        images_NCHW = views_BVCHW.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        maps_NPHW = self.maps(self.trunk(images_NCHW)).float()
        maps_BVMVHW = maps_NPHW.view(frame_count, view_count, -1, view_count, *maps_NPHW.shape[2:])
        own_BMVHW = torch.stack([maps_BVMVHW[:, view, :, view] for view in range(view_count)], 2)
        return own_BMVHW.flatten(3).softmax(-1).view_as(own_BMVHW)


def middle_of(weight_HW: Tensor) -> Tensor:
    """The mean position under each map, (..., 2), as shares of its width and height.

    Args:
        weight_HW: Maps that each sum to 1, (..., H, W).
    """
    height, width = weight_HW.shape[-2:]
    column_W = (torch.arange(width, device=weight_HW.device) + 0.5) / width
    row_H = (torch.arange(height, device=weight_HW.device) + 0.5) / height
    return torch.stack(
        [(weight_HW.sum(-2) * column_W).sum(-1), (weight_HW.sum(-1) * row_H).sum(-1)], -1
    )


class Finder:
    """A trained finder. Get one with `looking.finding.train_finder` or `Finder.load`."""

    def __init__(self, network: FinderNetwork, device: torch.device) -> None:
        self._network = network.eval().to(device)
        self._device = device

    @classmethod
    def load(cls, path: Path, *, marks: int, device: str | torch.device = "cpu") -> Finder:
        """Read a finder of so many marks. Raises `CorruptData` where its file is missing or
        damaged."""
        network = FinderNetwork(marks)
        load_weights(path, network)
        return cls(network, torch.device(device))

    def save(self, path: Path, about: Mapping[str, str]) -> None:
        """Write it, with words `about` it. Raises `StorageFull`."""
        write_tensors(path, self._network.state_dict(), about)

    def find(self, views_NVHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Where the marks are, (N, M, V, 2) float32, in whole views of any size, RGB uint8."""
        found = [np.empty((0, self._network.marks, len(CAMERAS), 2), dtype=np.float32)]
        with torch.inference_mode():
            for start in range(0, len(views_NVHWC), _BATCH):
                chunk = np.ascontiguousarray(views_NVHWC[start : start + _BATCH])
                batch = torch.from_numpy(chunk).to(self._device).permute(0, 1, 4, 2, 3)
                found.append(self._network(batch.float() / 127.5 - 1.0).cpu().numpy())
        return np.concatenate(found)


def _convolution(
    channels_in: int,
    channels: int,
    kernel: int,
    *,
    stride: int = 1,
    padding: int,
    dilation: int = 1,
) -> list[nn.Module]:
    return [
        nn.Conv2d(channels_in, channels, kernel, stride, padding, dilation, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
    ]
