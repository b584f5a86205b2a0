"""The finder: where the fingertips are in each view, on robots it has never seen.

Detector and policy look closely there. It is trained on the robots' own readings (see
`looking.finding`), so nobody has to label anything.

Differs: the paper's networks look at whole images of 472 px; on small machines the held object is
then a few pixels, which is what a second look at full resolution mends.

Shapes: N frames, B a batch of them, V views, C channels, H and W pixels; a position is a share of
the image's width and one of its height.
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
    """Positions of the fingertips by a spatial softmax over one map a view."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = _convolution(3, _CHANNELS, 6, stride=4, padding=1)
        for kernel, dilation in ((3, 1), (3, 2), (3, 4), (3, 8), (3, 1)):
            padding = dilation * (kernel // 2)
            layers += _convolution(_CHANNELS, _CHANNELS, kernel, padding=padding, dilation=dilation)
        self.trunk = nn.Sequential(*layers)
        self.maps = nn.Conv2d(_CHANNELS, len(CAMERAS), 1)

    def forward(self, views_BVCHW: Tensor) -> Tensor:
        """Positions of the fingertips, (B, V, 2), for images in [-1, 1] of any size."""
        return middle_of(self.weights(views_BVCHW))

    def weights(self, views_BVCHW: Tensor) -> Tensor:
        """Where the network looks in each view, (B, V, H, W), each map summing to 1."""
        frame_count, view_count = views_BVCHW.shape[:2]
        images_NCHW = views_BVCHW.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        maps_NVHW = self.maps(self.trunk(images_NCHW)).float()
        maps_BVVHW = maps_NVHW.view(frame_count, view_count, view_count, *maps_NVHW.shape[2:])
        own_BVHW = torch.stack([maps_BVVHW[:, view, view] for view in range(view_count)], 1)
        return own_BVHW.flatten(2).softmax(-1).view_as(own_BVHW)


def middle_of(weight_BVHW: Tensor) -> Tensor:
    """The mean position under each map, (B, V, 2), as shares of its width and height."""
    height, width = weight_BVHW.shape[-2:]
    column_W = (torch.arange(width, device=weight_BVHW.device) + 0.5) / width
    row_H = (torch.arange(height, device=weight_BVHW.device) + 0.5) / height
    return torch.stack(
        [(weight_BVHW.sum(2) * column_W).sum(-1), (weight_BVHW.sum(3) * row_H).sum(-1)], -1
    )


class Finder:
    """A trained finder. Get one with `looking.finding.train_finder` or `Finder.load`."""

    def __init__(self, network: FinderNetwork, device: torch.device) -> None:
        self._network = network.eval().to(device)
        self._device = device

    @classmethod
    def load(cls, path: Path, *, device: str | torch.device = "cpu") -> Finder:
        """Read a finder. Raises `CorruptData` where its file is missing or damaged."""
        network = FinderNetwork()
        load_weights(path, network)
        return cls(network, torch.device(device))

    def save(self, path: Path, about: Mapping[str, str]) -> None:
        """Write it, with words `about` it. Raises `StorageFull`."""
        write_tensors(path, self._network.state_dict(), about)

    def find(self, views_NVHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Where the fingertips are, (N, V, 2) float32, in whole views of any size, RGB uint8."""
        found = [np.empty((0, len(CAMERAS), 2), dtype=np.float32)]
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
