"""One setting says where networks compute; what this machine does not have is refused in words."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from data.errors import ConfigurationError
from sd_model.device import VARIABLE, chosen_device


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Says how many graphics cards torch finds; nothing is computed on them."""

    def found(count: int) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)

    return found


@pytest.mark.parametrize(
    ("setting", "device"),
    [(None, "cpu"), ("", "cpu"), ("cpu", "cpu"), ("cuda", "cuda"), (" cuda:1 ", "cuda:1")],
)
def test_the_environment_chooses(
    cards: Any, monkeypatch: pytest.MonkeyPatch, setting: str | None, device: str
) -> None:
    cards(2)
    monkeypatch.delenv(VARIABLE, raising=False)
    if setting is not None:
        monkeypatch.setenv(VARIABLE, setting)
    assert chosen_device() == torch.device(device)


def test_who_names_a_device_gets_it(cards: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    cards(1)
    monkeypatch.setenv(VARIABLE, "cuda")
    assert chosen_device("cpu") == torch.device("cpu")
    assert chosen_device(torch.device("cuda", 0)) == torch.device("cuda:0")


@pytest.mark.parametrize("setting", ["gpu", "cuda:", "CUDA", "cuda:-1", "cpu:0"])
def test_what_is_no_device_is_refused(
    cards: Any, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    cards(1)
    monkeypatch.setenv(VARIABLE, setting)
    with pytest.raises(ConfigurationError) as refusal:
        chosen_device()
    assert setting in str(refusal.value)
    assert refusal.value.valid == ("cpu", "cuda:0")
    assert refusal.value.where == "$GOALPOST_DEVICE"


@pytest.mark.parametrize(("count", "setting"), [(0, "cuda"), (0, "cuda:0"), (2, "cuda:2")])
def test_a_card_that_is_not_there_is_refused(
    cards: Any, monkeypatch: pytest.MonkeyPatch, count: int, setting: str
) -> None:
    cards(count)
    monkeypatch.setenv(VARIABLE, setting)
    with pytest.raises(ConfigurationError, match=f"This machine has no '{setting}'"):
        chosen_device()
