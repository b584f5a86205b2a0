from __future__ import annotations

import pytest
import torch

from sd_model.config import RECIPES, load_recipe
from sd_model.learning.network import build_network

CPU = torch.device("cpu")
NO_CUTS = torch.zeros(5, 3, 3, 0, 0)
TWO_LOOKS = {"cut_px": 24, "cut_stages": [[2, 1, 3], [2, 1, 3]]}


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_s_trunk_has_the_map_it_announces(recipe: str) -> None:
    config = load_recipe(recipe)
    network = build_network(config, 12, seed=0, device=CPU).eval()
    layers = network.trunk[:-2]  # up to the grid pooling

    with torch.inference_mode():
        found = layers(torch.zeros(1, 3, config.image_px, config.image_px))

    assert found.shape == (1, config.channels, config.map_px, config.map_px)


def test_one_logit_a_task_and_frame() -> None:
    network = build_network(load_recipe("smoke"), 12, seed=0, device=CPU).eval()

    assert network(torch.zeros(5, 3, 3, 48, 48), NO_CUTS).shape == (5, 12)


def test_views_are_not_interchangeable() -> None:
    network = build_network(load_recipe("smoke"), 2, seed=0, device=CPU).eval()
    views_BVCHW = torch.randn(1, 3, 3, 48, 48, generator=torch.Generator().manual_seed(0))

    assert not torch.allclose(network(views_BVCHW, NO_CUTS), network(views_BVCHW.flip(1), NO_CUTS))


def test_the_second_look_is_looked_at() -> None:
    network = build_network(load_recipe("smoke", TWO_LOOKS), 2, seed=0, device=CPU).eval()
    generator = torch.Generator().manual_seed(0)
    views_BVCHW = torch.randn(1, 3, 3, 48, 48, generator=generator)
    cuts_BVCHW = torch.randn(1, 3, 3, 24, 24, generator=generator)

    assert not torch.allclose(network(views_BVCHW, cuts_BVCHW), network(views_BVCHW, -cuts_BVCHW))


def test_the_seed_decides_the_weights_and_nothing_else_moves() -> None:
    config = load_recipe("smoke")
    before = torch.get_rng_state()

    first = build_network(config, 2, seed=4, device=CPU).state_dict()
    same = build_network(config, 2, seed=4, device=CPU).state_dict()
    other = build_network(config, 2, seed=5, device=CPU).state_dict()

    assert all(torch.equal(first[name], same[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)
    assert torch.equal(before, torch.get_rng_state())


def test_every_projection_learns() -> None:
    network = build_network(load_recipe("smoke", TWO_LOOKS), 2, seed=0, device=CPU)

    network(torch.randn(4, 3, 3, 48, 48), torch.randn(4, 3, 3, 24, 24)).square().sum().backward()

    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name
