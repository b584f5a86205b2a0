"""Policies as ONNX files, for programs without torch.

`policy.onnx` judges candidate actions: what a policy sees, and N actions a state, to their values;
cutting and scaling of pixels are inside. `policy.json` says in words and numbers what is left to do
around it: what is seen of a camera's image, how an action is laid out, and the search for the best
action, which asks the network once a round.

Differs: the network is written in float32, also where the policy itself thinks in bfloat16.

Shapes: B states, N candidate actions a state, H height, W width, C colour, S state, A action.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from data.cells.protocol import ACTION_SIZE, MAX_ROTATION_RAD, MAX_TRANSLATION_M
from data.storage import write_atomically
from policy.artefact import PolicySummary, load_summary
from policy.config import PolicyConfig
from policy.experience.sight import ABOVE_FLOOR_M, state_size
from policy.experience.trajectory import POLICY_CAMERA
from policy.learning import cem
from policy.learning.augmentation import central_view
from policy.learning.checkpoint import load_network
from policy.learning.networks import Network
from sd_model.serving.onnx_export import write_onnx

POLICY_FILE = "policy.onnx"
DESCRIPTION_FILE = "policy.json"
INPUTS = ("image", "action", "state", "task")


def export_policy(policy: Path, folder: Path) -> list[Path]:
    """Write the policy whose folder is given into `folder`; returns the files.

    Needs the extra `onnx`. Values agree with torch's float32 to 1e-3: a test compares rendered
    frames.

    Raises:
        CorruptData: A file of the policy is missing or damaged.
        StorageFull: The disk is full.
    """
    summary = load_summary(policy)
    config = summary.config
    folder.mkdir(parents=True, exist_ok=True)
    states, actions = 2, 3
    width, height = config.frame_size
    example = (
        torch.zeros(states, height, width, 3, dtype=torch.uint8),
        torch.zeros(states, actions, ACTION_SIZE),
        torch.zeros(states, state_size(config)),
        torch.zeros(states, dtype=torch.int64),
    )
    written = [folder / POLICY_FILE, folder / DESCRIPTION_FILE]
    write_onnx(
        Judging(load_network(summary)),
        example,
        written[0],
        inputs=INPUTS,
        output="value",
        dynamic=({0: "states"}, {0: "states", 1: "actions"}, {0: "states"}, {0: "states"}),
    )
    write_atomically(written[1], json.dumps(_description(summary), indent=1).encode())
    return written


class Judging(nn.Module):
    """What is seen of each state, and candidate actions, to the actions' values in [0, 1]."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network.folded()
        rows, columns = _central_cut(network.config)
        self.register_buffer("row_H", rows)
        self.register_buffer("column_W", columns)
        self.register_buffer("codes_TT", torch.eye(network.task_count))

    def forward(
        self, image_BHWC: Tensor, action_BNA: Tensor, state_BS: Tensor, task_B: Tensor
    ) -> Tensor:
        """Values, shape (B, N), as `Policy.judge` asks for them; `task_B` counts from 0."""
        cut_BHWC = image_BHWC.index_select(1, self.get_buffer("row_H"))
        cut_BHWC = cut_BHWC.index_select(2, self.get_buffer("column_W"))
        image_BCHW = cut_BHWC.permute(0, 3, 1, 2).float() / 255
        task_BT = self.get_buffer("codes_TT").index_select(0, task_B)
        logit_BN: Tensor = self.network(image_BCHW, action_BNA, state_BS, task_BT)
        return torch.sigmoid(logit_BN)


def _central_cut(config: PolicyConfig) -> tuple[Tensor, Tensor]:
    """The rows and columns of the stored image that a policy acts on; the edge is repeated."""
    view = central_view(1, config)
    width, height = config.frame_size
    side = np.arange(config.image_px) - config.shift_px
    row_H = np.clip(view.top_B[0] + side, 0, height - 1)
    column_W = np.clip(view.left_B[0] + side, 0, width - 1)
    return torch.from_numpy(row_H), torch.from_numpy(column_W)


def _description(summary: PolicySummary) -> dict[str, Any]:
    config = summary.config
    width, height = config.frame_size
    return {
        "policy": summary.policy_id,
        "tasks": list(summary.tasks),
        "camera": POLICY_CAMERA,
        "image": f"uint8 RGB, (states, {height}, {width}, 3). {_sight(config)}",
        "state": ["gripper closed (0 or 1)", "height of the fingertips [m]"]
        + (["x [m]", "y [m]", "turn [rad]"] if config.sight == "ground" else []),
        "task": "Which of the tasks, counted from 0.",
        "action": {
            "layout": ["dx", "dy", "dz", "sin", "cos", "open", "close", "terminate"],
            "meaning": f"Motion in the robot's base frame, 1 being {MAX_TRANSLATION_M} m; sine and "
            f"cosine of a turn of at most {MAX_ROTATION_RAD} rad; gripper commands, 0 or 1.",
        },
        "value": _value(config),
        "search": {
            "method": "Cross-entropy method (QT-Opt, Sec. 4.2): judge motions and the gripper "
            "commands at rest that change something; fit a Gaussian to the best motions, draw "
            "again; act on the best action of all rounds. Drawn are dx, dy, dz and the turn as a "
            "share of the largest, limited to [-1, 1].",
            "rounds": config.cem_iterations,
            "motions": config.cem_samples,
            "elites": config.cem_elites,
            "first_round": f"even within +-{cem.FIRST_REACH}, then limited",
            "least_deviation": cem.LEAST_DEVIATION,
            "termination": config.termination,
        },
    }


def _value(config: PolicyConfig) -> str:
    if config.method == "supervised":
        return (
            "Of each grasp, in [0, 1]: how likely it succeeds. Only grasps are judged: of what is "
            "drawn, dx, dy and the turn; dz down to the floor, though that may be longer than a "
            "step; close 1. On the way there each step searches anew; where something stops the "
            "gripper it closes, and is lifted."
        )
    return (
        "Of each action, in [0, 1]: how likely the task succeeds after it, discounted by "
        f"{config.gamma} a step."
    )


def _sight(config: PolicyConfig) -> str:
    if config.sight == "view":
        return "The camera's whole image, scaled."
    return (
        "The floor round the fingertips as from straight above: the camera's image projected onto "
        f"a level plane, {config.ground_pixel_mm} mm a pixel, the fingertips' x and y in the "
        "middle, columns along x and rows along y of the base frame; bilinear, black where the "
        f"camera sees nothing. The plane lies at {ABOVE_FLOOR_M} m, or while the gripper is closed "
        "that much above the fingertips; policy/experience/sight.py is how."
    )
