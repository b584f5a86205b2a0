from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from data.errors import CorruptData
from sd_model.looking.finder import Finder, FinderNetwork, middle_of
from sd_model.looking.finding import distort, position_loss, train_finder

CPU = torch.device("cpu")


def dots(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noisy grey views of 48 px with a black and a white square each, and their middles."""
    generator = np.random.default_rng(seed)
    views = generator.integers(100, 160, (count, 3, 48, 48, 3), dtype=np.uint8)
    corner = generator.integers(4, 36, (count, 2, 3, 2))
    for frame in range(count):
        for mark in (1, 0):  # black lies on white
            for view, (column, row) in enumerate(corner[frame, mark]):
                views[frame, view, row : row + 8, column : column + 8] = (10, 245)[mark]
    return views, ((corner + 4) / 48).astype(np.float32)


def test_the_middle_of_a_map_is_its_mean_position() -> None:
    weight = torch.zeros(1, 1, 2, 4)
    weight[0, 0, 0, 0] = 0.25
    weight[0, 0, 1, 3] = 0.75
    # Columns at 1/8 and 7/8, rows at 1/4 and 3/4.
    assert middle_of(weight)[0, 0].tolist() == [0.25 * 0.125 + 0.75 * 0.875, 0.25**2 + 0.75**2]


def test_pointing_there_costs_less_than_between_two_places() -> None:
    sharp, torn = torch.full((1, 4, 8), 1e-6), torch.full((1, 4, 8), 1e-6)
    sharp[0, 1, 3] = 1.0
    torn[0, 1, 0] = torn[0, 1, 6] = 0.5
    at = torch.tensor([[3.5 / 8, 1.5 / 4]])
    assert position_loss(sharp, at) < position_loss(torn, at)


def test_positions_move_with_their_pixels() -> None:
    views, position = dots(12, seed=1)
    moved, where = distort(
        torch.from_numpy(views), torch.from_numpy(position), torch.Generator().manual_seed(0)
    )
    assert moved.shape == (12, 3, 3, 48, 48)
    darkest = moved.mean(2).flatten(2).argmin(-1)
    found = torch.stack([darkest % 48 + 0.5, darkest // 48 + 0.5], -1) / 48
    known = where.isfinite().all(-1)
    assert known.float().mean() > 0.8
    assert (found - where[:, 0])[known[:, 0]].abs().max() < 6.5 / 48  # somewhere in the square
    assert (torch.from_numpy(position) - where)[known].abs().max() > 3 / 48


def test_what_nobody_knows_stays_unknown() -> None:
    views, position = dots(2, seed=1)
    position[0, 0, 1] = math.nan
    _, where = distort(
        torch.from_numpy(views), torch.from_numpy(position), torch.Generator().manual_seed(0)
    )
    assert where[0, 0, 1].isnan().all()


def test_it_learns_to_find_and_comes_back_from_its_file(tmp_path: Path) -> None:
    views, position = dots(60, seed=2)
    position[:, :, 2] = np.nan  # nothing is known of the right camera
    finder = train_finder(
        views, position, np.array(["one", "other"] * 30), updates=100, batch_size=8, seed=0,
        device=CPU, progress=lambda share, message: None,
    )  # fmt: skip
    fresh, truth = dots(20, seed=3)

    found = finder.find(fresh)

    assert np.median(np.abs(found - truth)[:, 0, :2]) < 2 / 48
    assert np.median(np.abs(found - truth)[:, 1, :2]) < 2 / 48
    finder.save(tmp_path / "finder.safetensors", {"of": "this test"})
    again = Finder.load(tmp_path / "finder.safetensors", marks=2).find(fresh)
    np.testing.assert_allclose(again, found, atol=1e-6)


def test_no_frames_give_no_positions() -> None:
    finder = Finder(FinderNetwork(marks=1), CPU)
    assert finder.find(np.empty((0, 3, 8, 8, 3), np.uint8)).shape == (0, 1, 3, 2)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorruptData, match=r"finder\.safetensors"):
        Finder.load(tmp_path / "finder.safetensors", marks=2)
