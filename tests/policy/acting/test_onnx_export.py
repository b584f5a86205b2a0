"""ONNX and torch say the same of actions, on frames that the simulator rendered."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from data.cells.calibration import projections_of
from data.cells.robots import SIMULATED_FLEET
from data.cells.simulated.cell import make_cell
from data.episodes.frames import Size
from policy import artefact
from policy.acting.onnx_export import INPUTS, Judging, export_policy
from policy.config import PolicyConfig, load_recipe
from policy.experience.sight import see_frame
from policy.experience.trajectory import POLICY_CAMERA
from policy.learning import cem
from policy.learning.augmentation import central_view, see
from policy.learning.bellman_updater import as_input
from policy.learning.checkpoint import load_network, save_weights
from policy.learning.networks import Network, build_network

onnxruntime = pytest.importorskip("onnxruntime")

# onnxscript and torch.export warn about their own insides, and take their time on a busy machine.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(1200)]

TASKS = ("lift-any", "lift-can")
TASK_B = np.asarray([0, 1, 0])


def store(folder: Path, config: PolicyConfig) -> Network:
    """An untrained policy in `folder`; its network as it is loaded from there."""
    folder.mkdir()
    artefact.save_summary(folder, tasks=TASKS, config=config, created_at_ns=1, lineage={})
    save_weights(folder, build_network(config, len(TASKS), seed=3))
    return load_network(artefact.load_summary(folder))


def rendered(config: PolicyConfig) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """What a policy sees of three scenes, (3, H, W, 3), and the states that go with it."""
    robot = SIMULATED_FLEET[2]
    cell = make_cell(robot)
    try:
        sights = []
        for seed in range(3):
            cell.new_scene(seed)
            seen = cell.read({POLICY_CAMERA: Size(config.view_width_px, config.view_height_px)})
            assert seen.gripper is not None
            projection_34 = projections_of(robot)[POLICY_CAMERA]
            sights.append(
                see_frame(seen.images[POLICY_CAMERA], seen.gripper, projection_34, config)
            )
    finally:
        cell.close()
    images, states = zip(*sights, strict=True)
    return np.stack(images), np.stack(states).astype(np.float32)


def candidates(state_BS: NDArray[np.float32], config: PolicyConfig) -> Tensor:
    """Actions as the search's first round judges them."""
    generator = torch.Generator().manual_seed(1)
    poses_BNP = cem.first_poses(len(state_BS), 20, generator, torch.device("cpu"))
    rest_BKA = cem.commands(torch.from_numpy(state_BS[:, 0]), config)
    return torch.cat([cem.motions(poses_BNP), rest_BKA], dim=1)


def judged(
    network: Network,
    image_BHWC: NDArray[np.uint8],
    action_BNA: Tensor,
    state_BS: NDArray[np.float32],
    config: PolicyConfig,
) -> NDArray[np.float32]:
    """The values by torch alone, the way a policy acts."""
    seen_BHWC = see(image_BHWC, central_view(len(image_BHWC), config), config)
    with torch.inference_mode():
        logit_BN = network(
            as_input(seen_BHWC, torch.device("cpu")),
            action_BNA,
            torch.from_numpy(state_BS),
            torch.eye(len(TASKS))[TASK_B],
        )
    value_BN: NDArray[np.float32] = torch.sigmoid(logit_BN).numpy()
    assert value_BN.std() > 1e-4  # or the comparison would say nothing
    return value_BN


def test_onnx_agrees_with_torch(tmp_path: Path) -> None:
    config = load_recipe("cpu")
    network = store(tmp_path / "policy", config)
    image_BHWC, state_BS = rendered(config)
    action_BNA = candidates(state_BS, config)
    expected_BN = judged(network, image_BHWC, action_BNA, state_BS, config)

    files = export_policy(tmp_path / "policy", tmp_path / "onnx")
    session = onnxruntime.InferenceSession(files[0], providers=["CPUExecutionProvider"])
    given = dict(zip(INPUTS, (image_BHWC, action_BNA.numpy(), state_BS, TASK_B), strict=True))
    [value_BN] = session.run(None, given)
    assert value_BN == pytest.approx(expected_BN, abs=1e-3)
    alone = {name: value[:1] for name, value in given.items()} | {"action": given["action"][:1, :5]}
    [value_15] = session.run(None, alone)  # any number of states and of actions
    assert value_15 == pytest.approx(expected_BN[:1, :5], abs=1e-3)

    described = json.loads(files[1].read_bytes())
    assert described["tasks"] == list(TASKS)
    assert len(described["state"]) == state_BS.shape[1]
    assert described["search"]["motions"] == config.cem_samples


@pytest.mark.parametrize("heads", ["one", "each"])
def test_what_is_written_sees_what_a_policy_sees(tmp_path: Path, heads: str) -> None:
    """The papers' sight too, with an edge that is repeated; without the export, which is slow."""
    config = load_recipe("smoke", {"image_px": 34, "heads": heads})
    network = store(tmp_path / "policy", config)
    image_BHWC, state_BS = rendered(config)
    action_BNA = candidates(state_BS, config)
    expected_BN = judged(network, image_BHWC, action_BNA, state_BS, config)
    with torch.inference_mode():
        value_BN = Judging(network)(
            torch.from_numpy(image_BHWC),
            action_BNA,
            torch.from_numpy(state_BS),
            torch.from_numpy(TASK_B),
        )
    assert value_BN.numpy() == pytest.approx(expected_BN, abs=1e-5)
