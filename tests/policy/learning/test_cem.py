import pytest
import torch
from torch import Tensor

from data.cells.protocol import MAX_ROTATION_RAD
from policy.config import load_recipe
from policy.learning import cem

CPU = torch.device("cpu")


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_finds_the_maximum_of_a_known_function_in_every_state_at_once() -> None:
    """Each state has a best motion of its own; the value there is 0."""
    config = load_recipe("cpu", {"cem_iterations": 8})
    target_BP = torch.tensor([[0.5, -0.4, 0.2], [-0.3, 0.6, -0.7], [0.0, 0.0, -1.0]])
    angle_B = torch.tensor([0.3, -0.5, 0.0])

    def judge(action_BNA: Tensor) -> Tensor:
        distance = (action_BNA[..., :3] - target_BP[:, None]).square().sum(-1)
        angle = torch.atan2(action_BNA[..., 3], action_BNA[..., 4])
        turn = (angle - angle_B[:, None]).square()
        return -distance - turn - action_BNA[..., 5:].sum(-1)

    best = cem.maximise(judge, torch.zeros(3), config=config, generator=_generator(), device=CPU)

    torch.testing.assert_close(best.action_BA[:, :3], target_BP, atol=0.15, rtol=0)
    angle = torch.atan2(best.action_BA[:, 3], best.action_BA[:, 4])
    torch.testing.assert_close(angle, angle_B, atol=0.15, rtol=0)
    assert best.value_B.min() > -0.03


def test_a_motion_leads_to_a_grasp_on_the_floor() -> None:
    motion_BNA = cem.motions(torch.tensor([[[0.5, -1.0, 0.3, 1.0]]]))
    [[grasp_A]] = cem.grasps(motion_BNA, torch.tensor([0.2]))
    # 20 cm down are two steps and a half.
    assert grasp_A[:3].tolist() == pytest.approx([0.5, -1.0, -2.5])
    assert torch.equal(grasp_A[3:5], motion_BNA[0, 0, 3:5])
    assert grasp_A[5:].tolist() == [0, 1, 0]


@pytest.mark.parametrize(("closed", "flag"), [(1.0, 5), (0.0, 6), (0.0, 7), (1.0, 7)])
def test_commands_that_change_something_are_judged_at_rest(closed: float, flag: int) -> None:
    """Open (5) what is closed, close (6) what is open, terminate (7) either."""
    best = cem.maximise(
        lambda action_BNA: action_BNA[..., flag],
        torch.full((2,), closed),
        config=load_recipe("smoke", {"termination": "learned"}),
        generator=_generator(),
        device=CPU,
    )
    expected = torch.zeros(2, 8)
    expected[:, [4, flag]] = 1.0
    assert torch.equal(best.action_BA, expected)


def test_a_scripted_end_is_no_command() -> None:
    config = load_recipe("smoke", {"termination": "scripted"})
    rest_BKA = cem.commands(torch.tensor([0.0, 1.0]), config)
    assert rest_BKA.argmax(-1).tolist() == [[4], [4]]
    assert rest_BKA[:, 0, 5:].tolist() == [[0, 1, 0], [1, 0, 0]]


def test_value_is_the_judge_of_the_action_and_the_best_of_all_rounds() -> None:
    config = load_recipe("cpu")
    seen: list[Tensor] = []

    def judge(action_BNA: Tensor) -> Tensor:
        value_BN = -action_BNA[..., 0].abs()
        seen.append(value_BN)
        return value_BN

    best = cem.maximise(judge, torch.zeros(5), config=config, generator=_generator(), device=CPU)
    assert [value.shape for value in seen] == [(5, 33), (5, 32)]
    torch.testing.assert_close(best.value_B, torch.cat(seen, 1).amax(1))
    torch.testing.assert_close(best.value_B, -best.action_BA[:, 0].abs())


def test_same_generator_gives_the_same_action() -> None:
    config = load_recipe("smoke")

    def find(seed: int) -> Tensor:
        return cem.maximise(
            lambda action_BNA: -action_BNA.square().sum(-1),
            torch.zeros(2),
            config=config,
            generator=_generator(seed),
            device=CPU,
        ).action_BA

    assert torch.equal(find(3), find(3))
    assert not torch.equal(find(3), find(4))


def test_every_sample_is_an_action_a_robot_can_take() -> None:
    action_BNA = cem.motions(cem.first_poses(3, 500, _generator(), CPU))
    assert action_BNA.shape == (3, 500, 8)
    assert action_BNA[..., :3].abs().max() <= 1
    length = action_BNA[..., 3:5].square().sum(-1)
    torch.testing.assert_close(length, torch.ones_like(length))
    angle = torch.atan2(action_BNA[..., 3], action_BNA[..., 4])
    assert angle.abs().max() <= MAX_ROTATION_RAD + 1e-6
    assert not action_BNA[..., 5:].any()
    # A third of each number lies on the border: a sixth goes all the way down.
    assert float((action_BNA[..., 2] == -1).float().mean()) == pytest.approx(1 / 6, abs=0.03)


def test_fit_takes_mean_and_spread_of_the_elites_with_a_floor() -> None:
    pose_BMP = torch.tensor([[[0.0, 0.5, 0.1, 0.1], [0.4, 0.5, 0.1, 0.3]]])
    mean, deviation = cem.fit(pose_BMP)
    torch.testing.assert_close(mean, torch.tensor([[0.2, 0.5, 0.1, 0.2]]))
    torch.testing.assert_close(deviation, torch.tensor([[0.2, 0.05, 0.05, 0.1]]))
