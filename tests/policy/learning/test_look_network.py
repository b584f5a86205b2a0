import math

import numpy as np
import pytest
import torch
from torch import Tensor

from policy.acting.behaviours import make_action
from policy.config import load_recipe
from policy.learning.look_network import LookNetwork, looks
from policy.learning.networks import build_network
from policy.learning.q_network import QNetwork

CONFIG = load_recipe("cpu")


def _actions(*actions: np.ndarray) -> Tensor:
    return torch.from_numpy(np.stack(actions))[None]


def _state(*, closed: float = 0.0, turn: float = 0.0) -> Tensor:
    return torch.tensor([[closed, 0.2, 0.5, -0.2, turn]])


def _marked(row: int, column: int) -> Tensor:
    """A dark ground view with a bright square of 2 x 2 pixels."""
    image = torch.zeros(1, 3, 80, 80)
    image[..., row - 1 : row + 1, column - 1 : column + 1] = 1
    return image


def _place(look_CLL: Tensor) -> tuple[float, float]:
    """Row and column of what is bright, from the middle [px]."""
    weight = look_CLL[0] / look_CLL[0].sum()
    axis = torch.arange(32) - 15.5
    return float((weight.sum(1) * axis).sum()), float((weight.sum(0) * axis).sum())


def test_looks_are_taken_where_each_action_leads() -> None:
    image = _marked(40 + 8, 40 + 4)  # 4 cm along y, 2 cm along x
    look = looks(
        image,
        _actions(make_action(), make_action(dx_m=0.02, dy_m=0.04), make_action(dx_m=0.04)),
        _state(),
        CONFIG,
    )
    assert look.shape == (1, 3, 3, 32, 32)
    assert _place(look[0, 0]) == pytest.approx((8, 4), abs=0.01)
    assert _place(look[0, 1]) == pytest.approx((0, 0), abs=0.01)
    assert _place(look[0, 2]) == pytest.approx((8, -4), abs=0.01)


def test_looks_turn_with_the_gripper() -> None:
    image = _marked(40, 40 + 8)  # 4 cm along x
    turned = _state(turn=math.pi / 2 - 0.5)
    look = looks(image, _actions(make_action(turn_rad=0.5)), turned, CONFIG)
    # A gripper turned by a quarter from x to y sees what lies along x on its right, against its y.
    assert _place(look[0, 0]) == pytest.approx((-8, 0), abs=0.05)


def test_a_closed_gripper_looks_at_what_it_holds() -> None:
    image = _marked(44, 40)
    look = looks(image, _actions(make_action(dx_m=0.08, turn_rad=0.8)), _state(closed=1.0), CONFIG)
    assert _place(look[0, 0]) == pytest.approx((4, 0), abs=0.01)


def test_values_do_not_know_one_jaw_from_the_other() -> None:
    """Half a turn of the gripper shows the look turned, and changes nothing else."""
    torch.manual_seed(0)
    network = LookNetwork(CONFIG, 1).eval()
    image = torch.rand(1, 3, 80, 80)
    task = torch.ones(1, 1)
    action = _actions(make_action(turn_rad=0.3))
    turned_image = image.flip(2, 3)
    with torch.no_grad():
        one = network(image, action, _state(turn=0.2), task)
        other = network(turned_image, action, _state(turn=0.2 + math.pi), task)
    torch.testing.assert_close(one, other, atol=1e-4, rtol=0)


@pytest.mark.parametrize("tasks", [1, 3])
def test_folding_changes_no_value(tasks: int) -> None:
    torch.manual_seed(0)
    network = LookNetwork(CONFIG, tasks)
    image = torch.rand(6, 3, 80, 80)
    action = _actions(make_action(dz_m=-0.08), make_action(closes=True)).repeat(6, 1, 1)
    state = _state().repeat(6, 1)
    task = torch.eye(tasks)[torch.arange(6) % tasks]
    for _ in range(3):
        network(image, action, state, task)
    network.eval()
    with torch.no_grad():
        plain = network(image, action, state, task)
        folded = network.folded()(image, action, state, task)
    assert plain.shape == (6, 2)
    torch.testing.assert_close(folded, plain, atol=1e-4, rtol=1e-4)


def test_the_recipe_decides_which_network_is_built() -> None:
    assert isinstance(build_network(CONFIG, 2, seed=0), LookNetwork)
    assert isinstance(build_network(load_recipe("paper"), 2, seed=0), QNetwork)
