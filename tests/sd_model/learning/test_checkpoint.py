from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from sd_model.learning.checkpoint import load_training, save_training


def network(width: int = 3) -> nn.Sequential:
    return nn.Sequential(nn.Linear(2, width), nn.BatchNorm1d(width))


def trained_once() -> tuple[nn.Module, nn.Module, torch.optim.Optimizer]:
    model, average = network(), network()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    model(torch.tensor([[1.0, 2.0], [3.0, 5.0]])).square().sum().backward()
    optimizer.step()
    return model, average, optimizer


def test_training_goes_on_from_what_was_saved(tmp_path: Path) -> None:
    model, average, optimizer = trained_once()
    path = tmp_path / "checkpoint.safetensors"
    save_training(
        path, step=7, fingerprint="f", network=model, average=average, optimizer=optimizer
    )
    other, other_average = network(), network()
    other_optimizer = torch.optim.AdamW(other.parameters(), lr=0.1)

    step = load_training(
        path, fingerprint="f", network=other, average=other_average, optimizer=other_optimizer
    )

    assert step == 7
    for saved, loaded in ((model, other), (average, other_average)):
        for name, value in saved.state_dict().items():
            assert torch.equal(value, loaded.state_dict()[name]), name
    saved_state = optimizer.state_dict()["state"]
    loaded_state = other_optimizer.state_dict()["state"]
    assert saved_state.keys() == loaded_state.keys()
    for index, values in saved_state.items():
        for name, value in values.items():
            assert torch.equal(torch.as_tensor(value), loaded_state[index][name]), name


@pytest.mark.parametrize("fingerprint", ["another", None])
def test_another_training_starts_anew(tmp_path: Path, fingerprint: str | None) -> None:
    path = tmp_path / "checkpoint.safetensors"
    if fingerprint is not None:
        model, average, optimizer = trained_once()
        save_training(
            path,
            step=7,
            fingerprint=fingerprint,
            network=model,
            average=average,
            optimizer=optimizer,
        )
    model, average, optimizer = trained_once()
    before = {name: value.clone() for name, value in model.state_dict().items()}

    step = load_training(path, fingerprint="f", network=model, average=average, optimizer=optimizer)

    assert step == 0
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
