import pytest
import torch

from policy.config import load_recipe
from policy.learning.averaging import WeightAverage
from policy.learning.networks import build_network


def _set(network: torch.nn.Module, value: float) -> None:
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(value)


def _value(network: torch.nn.Module) -> float:
    return float(next(network.parameters()).flatten()[0])


def test_average_follows_the_weights_and_warms_up() -> None:
    network = build_network(load_recipe("smoke"), 2, seed=0)
    _set(network, 0.0)
    average = WeightAverage(network, load_recipe("smoke", {"ema_decay": 0.5}))
    _set(network, 1.0)
    # Decays (1 + n) / (10 + n) until they reach 0.5 at n = 8: 2/11, then 3/12.
    average.update(network)
    assert _value(average.average) == pytest.approx(1 - 2 / 11)
    average.update(network)
    assert _value(average.average) == pytest.approx(1 - 2 / 11 * 3 / 12)
    for _ in range(10):
        average.update(network)
    before = _value(average.average)
    _set(network, 0.0)
    average.update(network)
    assert _value(average.average) == pytest.approx(before / 2)


def test_batch_statistics_are_copied_as_they_are() -> None:
    network = build_network(load_recipe("smoke"), 2, seed=0)
    average = WeightAverage(network, load_recipe("smoke"))
    for buffer in network.buffers():
        buffer.fill_(3)
    average.update(network)
    assert all(bool((buffer == 3).all()) for buffer in average.average.buffers())


def test_lagged_copy_is_between_two_thirds_and_four_thirds_of_the_lag_behind() -> None:
    config = load_recipe("smoke", {"lag_updates": 9, "ema_decay": 0.0})
    network = build_network(config, 2, seed=0)
    _set(network, 0.0)
    average = WeightAverage(network, config)
    ages = []
    for update in range(1, 61):
        _set(network, float(update))  # without decay the average is the update's number
        average.update(network)
        if update >= 12:
            ages.append(update - _value(average.lagged))
    assert (min(ages), max(ages)) == (6, 11)
    assert sum(ages) / len(ages) == pytest.approx(9, abs=0.6)


def test_copies_are_folded_versioned_and_stay_as_they_were() -> None:
    config = load_recipe("smoke", {"precision": "bfloat16"})
    network = build_network(config, 2, seed=0)
    average = WeightAverage(network, config)
    copies = average.copies(version=7)
    assert copies.version == 7
    assert next(copies.average.parameters()).dtype == torch.bfloat16
    assert not any("running" in name for name in copies.average.state_dict())
    before = _value(copies.average)
    _set(network, 5.0)
    average.update(network)
    assert _value(copies.average) == before
