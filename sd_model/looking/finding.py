"""Training the finder from frames whose robots say where their gripper is.

Shapes: F frames, B a batch of them, M marks (gripper, place), V views, C channels, H and W
pixels; positions are shares of the image's width and height, NaN where nobody knows.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from sd_model.learning.normalisation import estimate_statistics
from sd_model.looking.finder import Finder, FinderNetwork, middle_of

FEWEST_FRAMES = 20
"""Frames with known positions below which a finder only learns them by heart: 24 pictures of one
simulated robot, pointed at with a deviation of 2 of 320 pixels, gave a median error of 5 to 6
pixels on its other frames; 12 gave 6 to 13."""
_LEARNING_RATE = 3e-3
_ZOOM, _SHIFT, _TURN_RAD = 0.12, 0.08, 0.12
_SCALE = 32.0
"""Errors are counted in 32nds of the image, where a smooth L1 loss turns from square to linear."""


def train_finder(
    views_FVHWC: NDArray[np.uint8],
    position_FMV2: NDArray[np.float32],
    robot_F: NDArray[np.str_],
    *,
    updates: int,
    batch_size: int,
    seed: int,
    device: torch.device,
    progress: Callable[[float, str], None],
) -> Finder:
    """A finder of the marks, trained on frames drawn evenly from every robot.

    Args:
        views_FVHWC: Whole views, RGB uint8.
        position_FMV2: Where the marks are; NaN where a view's camera is not calibrated.
        robot_F: Robot of each frame.
        progress: Hears how far it is; may cancel by raising.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = FinderNetwork(marks=position_FMV2.shape[1]).train()
    network = network.to(device).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), lr=_LEARNING_RATE, weight_decay=1e-3)
    known_F = np.flatnonzero(np.isfinite(position_FMV2).any(axis=(1, 2, 3)))
    frames_of = [known_F[robot_F[known_F] == robot] for robot in np.unique(robot_F[known_F])]

    def draw(update: int) -> tuple[Tensor, Tensor]:
        generator = np.random.default_rng([seed, update])
        robot_B = generator.integers(len(frames_of), size=batch_size)
        frame_B = np.array([generator.choice(frames_of[robot]) for robot in robot_B])
        return distort(
            torch.from_numpy(views_FVHWC[frame_B]).to(device),
            torch.from_numpy(position_FMV2[frame_B]).to(device),
            torch.Generator().manual_seed(int(generator.integers(2**62))),
        )

    for update in range(updates):
        rate = 0.5 * (1 + math.cos(math.pi * update / updates)) * min(1.0, (update + 1) / 50)
        for group in optimizer.param_groups:
            group["lr"] = _LEARNING_RATE * rate
        views_BVCHW, position_BMV2 = draw(update)
        with torch.autocast(device.type, torch.bfloat16):
            weight_BMVHW = network.weights(views_BVCHW)
        known_BMV = position_BMV2.isfinite().all(-1)
        loss = position_loss(weight_BMVHW[known_BMV], position_BMV2[known_BMV])
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimizer.step()
        if update % 20 == 0:
            progress(update / updates, f"Learning to find the gripper, error {loss.item():.3f}")
    estimate_statistics(network, (draw(updates + more)[0] for more in range(20)))
    return Finder(network, device)


def position_loss(weight_NHW: Tensor, position_N2: Tensor) -> Tensor:
    """Scalar: how far the maps are from pointing at `position_N2`.

    The distance of the map's mean makes it exact; the cross-entropy with a small blob round the
    position keeps a map from standing between two places that look alike.

    Args:
        weight_NHW: Maps that each sum to 1.
        position_N2: Shares of their width and height.
    """
    height, width = weight_NHW.shape[-2:]
    column_W = (torch.arange(width, device=weight_NHW.device) + 0.5) / width
    row_H = (torch.arange(height, device=weight_NHW.device) + 0.5) / height
    away_NHW = (column_W[None, None] - position_N2[:, 0, None, None]) ** 2 * width**2 + (
        row_H[None, :, None] - position_N2[:, 1, None, None]
    ) ** 2 * height**2
    blob_NHW = (-away_NHW / 2).flatten(1).softmax(-1).view_as(weight_NHW)
    surprise = -(blob_NHW * weight_NHW.clamp_min(1e-8).log()).sum((1, 2)).mean()
    found_N2 = middle_of(weight_NHW[:, None])[:, 0]
    distance = functional.smooth_l1_loss(found_N2 * _SCALE, position_N2 * _SCALE)
    return distance + 0.1 * surprise


def distort(
    views_BVHWC: Tensor, position_BMV2: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Views zoomed, shifted, turned and recoloured, each by itself, and where positions went.

    Args:
        views_BVHWC: uint8.
        position_BMV2: NaN stays NaN; so becomes what has left the image.

    Returns:
        Network input (B, V, 3, H, W) in about [-1, 1], and the positions in it.
    """
    frames, views, height, width, _ = views_BVHWC.shape
    count = frames * views

    def uniform(*shape: int) -> Tensor:
        drawn = torch.rand((count, *shape), generator=generator) * 2 - 1
        return drawn.to(views_BVHWC.device)

    turn_N, zoom_N, shift_N2 = uniform() * _TURN_RAD, 1 + uniform() * _ZOOM, uniform(2) * _SHIFT
    rotation_N22 = torch.stack(
        [
            torch.stack([turn_N.cos(), -turn_N.sin()], -1),
            torch.stack([turn_N.sin(), turn_N.cos()], -1),
        ],
        1,
    )
    # `affine_grid` asks, for each pixel of the result, where in the source (-1 to 1) it comes from.
    from_result_N22 = rotation_N22 * zoom_N[:, None, None]
    transform_N23 = torch.cat([from_result_N22, 2 * shift_N2[:, :, None]], 2)
    images_NCHW = views_BVHWC.flatten(0, 1).permute(0, 3, 1, 2).float() / 127.5 - 1.0
    grid_NHW2 = functional.affine_grid(transform_N23, [count, 3, height, width], False)
    moved_NCHW = functional.grid_sample(
        images_NCHW, grid_NHW2, padding_mode="reflection", align_corners=False
    )
    gain_N3, offset_N1 = 1 + 0.3 * uniform(1) + 0.12 * uniform(3), 0.25 * uniform(1)
    coloured_NCHW = moved_NCHW * gain_N3[:, :, None, None] + offset_N1[:, :, None, None]
    source_N2M = position_BMV2.permute(0, 2, 3, 1).flatten(0, 1) * 2 - 1
    result_N2M = torch.linalg.solve(from_result_N22, source_N2M - 2 * shift_N2[:, :, None])
    result_NM2 = result_N2M.transpose(1, 2)
    inside_NM = (result_NM2.abs() < 1).all(-1, keepdim=True)
    result_NM2 = torch.where(inside_NM, (result_NM2 + 1) / 2, torch.nan)
    moved_BMV2 = result_NM2.reshape(frames, views, -1, 2).transpose(1, 2)
    return coloured_NCHW.view(frames, views, 3, height, width), moved_BMV2
