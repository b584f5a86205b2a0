from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from data.errors import CorruptData
from sd_model.tensors import below, load_weights, read_tensors, save_weights, write_tensors


def network(width: int = 3) -> nn.Sequential:
    return nn.Sequential(nn.Linear(2, width), nn.BatchNorm1d(width))


@pytest.mark.parametrize("damage", ["missing", "truncated", "another network"])
def test_weights_that_cannot_be_used_are_named(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "weights.safetensors"
    if damage != "missing":
        save_weights(path, network(4 if damage == "another network" else 3))
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:100])

    with pytest.raises(CorruptData, match=r"weights\.safetensors"):
        load_weights(path, network())


def test_weights_survive_the_disk(tmp_path: Path) -> None:
    saved, loaded = network(), network()
    save_weights(tmp_path / "w", saved)

    load_weights(tmp_path / "w", loaded)

    assert torch.equal(saved[0].weight, loaded[0].weight)


def test_words_and_names_survive_the_disk(tmp_path: Path) -> None:
    write_tensors(tmp_path / "t", {"a.x": torch.ones(2), "ab.x": torch.zeros(1)}, {"step": "7"})

    tensors, about = read_tensors(tmp_path / "t")

    assert about == {"step": "7"}
    assert {name: value.tolist() for name, value in below("a.", tensors).items()} == {"x": [1, 1]}
