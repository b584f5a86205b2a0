from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from data.errors import CorruptData
from sd_model.checkpoint import load_training, load_weights, save_training, save_weights


def network(width: int = 3) -> nn.Sequential:
    return nn.Sequential(nn.Linear(2, width), nn.BatchNorm1d(width))


def trained_once() -> tuple[nn.Module, nn.Module, torch.optim.Optimizer]:
    model, average = network(), network()
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.1)
    model(torch.tensor([[1.0, 2.0], [3.0, 5.0]])).square().sum().backward()
    optimiser.step()
    return model, average, optimiser


def test_training_goes_on_from_what_was_saved(tmp_path: Path) -> None:
    model, average, optimiser = trained_once()
    path = tmp_path / "checkpoint.safetensors"
    save_training(
        path, step=7, fingerprint="f", network=model, average=average, optimiser=optimiser
    )
    other, other_average = network(), network()
    other_optimiser = torch.optim.AdamW(other.parameters(), lr=0.1)

    step = load_training(
        path, fingerprint="f", network=other, average=other_average, optimiser=other_optimiser
    )

    assert step == 7
    for saved, loaded in ((model, other), (average, other_average)):
        for name, value in saved.state_dict().items():
            assert torch.equal(value, loaded.state_dict()[name]), name
    saved_state = optimiser.state_dict()["state"]
    loaded_state = other_optimiser.state_dict()["state"]
    assert saved_state.keys() == loaded_state.keys()
    for index, values in saved_state.items():
        for name, value in values.items():
            assert torch.equal(torch.as_tensor(value), loaded_state[index][name]), name


@pytest.mark.parametrize("fingerprint", ["another", None])
def test_another_training_starts_anew(tmp_path: Path, fingerprint: str | None) -> None:
    path = tmp_path / "checkpoint.safetensors"
    if fingerprint is not None:
        model, average, optimiser = trained_once()
        save_training(
            path,
            step=7,
            fingerprint=fingerprint,
            network=model,
            average=average,
            optimiser=optimiser,
        )
    model, average, optimiser = trained_once()
    before = {name: value.clone() for name, value in model.state_dict().items()}

    step = load_training(path, fingerprint="f", network=model, average=average, optimiser=optimiser)

    assert step == 0
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


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
