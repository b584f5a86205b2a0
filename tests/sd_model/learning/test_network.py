from __future__ import annotations

import pytest
import torch

from sd_model.config import RECIPES, load_recipe
from sd_model.learning.network import build_network

CPU = torch.device("cpu")
NOTHING = torch.zeros(5, 3, 3, 0, 0)
NO_CUTS = (NOTHING, NOTHING)
THREE_LOOKS = {"cut_px": 24, "place_px": 48, "cut_stages": [[2, 1, 3], [2, 1, 3]]}


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_s_trunk_has_the_map_it_announces(recipe: str) -> None:
    config = load_recipe(recipe)
    network = build_network(config, 12, seed=0, device=CPU).eval()
    looks = [(network.trunk, config.image_px, config.map_px)]
    if config.cut_px:
        looks.append((network.cut_trunk, config.cut_px, config.cut_map_px))
    if config.place_px:
        looks.append((network.place_trunk, config.place_px, config.place_map_px))

    for trunk, side, map_side in looks:
        with torch.inference_mode():
            found = trunk[:-2](torch.zeros(1, 3, side, side))  # up to the grid pooling
        assert found.shape == (1, config.channels, map_side, map_side)


def test_one_logit_a_task_and_frame() -> None:
    network = build_network(load_recipe("smoke"), 12, seed=0, device=CPU).eval()

    assert network(torch.zeros(5, 3, 3, 48, 48), *NO_CUTS).shape == (5, 12)


def test_views_are_not_interchangeable() -> None:
    network = build_network(load_recipe("smoke"), 2, seed=0, device=CPU).eval()
    views_BVCHW = torch.randn(1, 3, 3, 48, 48, generator=torch.Generator().manual_seed(0))

    assert not torch.allclose(
        network(views_BVCHW, *NO_CUTS), network(views_BVCHW.flip(1), *NO_CUTS)
    )


def test_every_look_is_looked_at() -> None:
    network = build_network(load_recipe("smoke", THREE_LOOKS), 2, seed=0, device=CPU).eval()
    generator = torch.Generator().manual_seed(0)
    looks = [torch.randn(1, 3, 3, side, side, generator=generator) for side in (48, 24, 48)]
    logits_BT = network(*looks)

    for number in range(3):
        other = [-look if index == number else look for index, look in enumerate(looks)]
        assert not torch.allclose(network(*other), logits_BT)


def test_the_jaws_are_told_beside_the_same_logits_and_from_the_second_look_alone() -> None:
    settings = THREE_LOOKS | {"jaws_weight": 0.3}
    network = build_network(load_recipe("smoke", settings), 2, seed=0, device=CPU).eval()
    generator = torch.Generator().manual_seed(0)
    whole, cut, place = (torch.randn(4, 3, 3, px, px, generator=generator) for px in (48, 24, 48))
    logits_BT, jaws_B = network.with_jaws(whole, cut, place)

    assert jaws_B.shape == (4,)
    torch.testing.assert_close(network(whole, cut, place), logits_BT)
    torch.testing.assert_close(network.with_jaws(-whole, cut, -place)[1], jaws_B)
    assert not torch.allclose(network.with_jaws(whole, -cut, place)[1], jaws_B)


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
    network = build_network(load_recipe("smoke", THREE_LOOKS), 2, seed=0, device=CPU)
    looks = [torch.randn(4, 3, 3, side, side) for side in (48, 24, 48)]

    network(*looks).square().sum().backward()

    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_logits_are_divided_by_the_temperature() -> None:
    network = build_network(load_recipe("smoke"), 2, seed=0, device=CPU).eval()
    views_BVCHW = torch.randn(5, 3, 3, 48, 48, generator=torch.Generator().manual_seed(0))
    before_BT = network(views_BVCHW, *NO_CUTS)

    network.divide_logits(0.5)

    torch.testing.assert_close(network(views_BVCHW, *NO_CUTS), 2 * before_BT)
