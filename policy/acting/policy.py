"""A trained policy that chooses actions: the argmax of Q by the cross-entropy method.

Shapes: H height, W width, C colour, S state, A action.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from data.cells.protocol import ActionA, RobotState
from data.episodes.gripper import GripperReading
from data.errors import unknown_name
from policy.acting.behaviours import Observation, begun, random_action, with_noise
from policy.acting.scripted import PickReflex
from policy.artefact import load_summary
from policy.config import PolicyConfig
from policy.experience.sight import see_frame
from policy.learning import cem
from policy.learning.augmentation import central_view, see
from policy.learning.averaging import inference_copy
from policy.learning.bellman_updater import as_input, torch_generator
from policy.learning.checkpoint import load_network
from policy.learning.networks import Network
from sd_model.device import chosen_device


class Policy:
    """Acts greedily on the average of the trained weights (QT-Opt, Sec. 4.1).

    Args:
        policy_id: Its name in the workspace.
        network: Trained; copied, folded for inference.
        tasks: In the order of the network's one-hot codes.
        device: Where it thinks.
    """

    def __init__(
        self, policy_id: str, network: Network, tasks: tuple[str, ...], *, device: torch.device
    ) -> None:
        self.policy_id = policy_id
        self.tasks = tasks
        self.config: PolicyConfig = network.config
        self._network = inference_copy(network, getattr(torch, network.config.precision)).to(device)
        self._device = device

    @classmethod
    def load(cls, folder: Path, *, device: str | torch.device | None = None) -> Self:
        """The policy stored in `folder`.

        Args:
            device: Where it thinks; see `sd_model.device`.

        Raises:
            ConfigurationError: This machine does not have the device.
            CorruptData: A file is missing or cannot be read.
        """
        summary = load_summary(folder)
        return cls(
            summary.policy_id,
            load_network(summary),
            summary.tasks,
            device=chosen_device(device),
        )

    def act(self, observation: Observation, task: str, generator: np.random.Generator) -> ActionA:
        """The best action for `task` that one search finds.

        A `supervised` policy gives the best grasp, which takes several steps: see
        `PolicyBehaviour`.

        Args:
            observation: What the robot sees and says of its gripper.
            task: One of `tasks`.
            generator: Of the search's samples.

        Raises:
            UnknownName: The policy was not trained on `task`.
            InvalidInput: The policy needs a calibrated camera and a gripper that tells its pose.
        """
        action_A, _ = self.judge(observation, task, generator)
        return action_A

    def judge(
        self, observation: Observation, task: str, generator: np.random.Generator
    ) -> tuple[ActionA, float]:
        """The best action found and its value in [0, 1]; arguments as for `act`."""
        if task not in self.tasks:
            raise unknown_name(
                "task",
                task,
                self.tasks,
                where=f"policy {self.policy_id}",
                next_step="Choose a task it was trained on, fine-tune it with this task added, or "
                "let it collect for the task acting as for one it knows.",
            )
        image_HWC, state_S = see_frame(
            observation.image_HWC,
            observation.gripper or _without_pose(observation.state),
            observation.projection_34,
            self.config,
        )
        seen_1HWC = see(image_HWC[None], central_view(1, self.config), self.config)
        state_1S = torch.from_numpy(state_S).to(self._device)[None]
        index_1 = torch.tensor([self.tasks.index(task)], device=self._device)
        task_1T = one_hot(index_1, len(self.tasks)).float()
        with torch.inference_mode():
            map_1Dhw = self._network.forward_image(as_input(seen_1HWC, self._device))
            best = cem.maximise(
                lambda action_1NA: self._network.forward_action(
                    map_1Dhw, self._meant(action_1NA, state_1S), state_1S, task_1T
                ),
                state_1S[:, 0],
                config=self.config,
                generator=torch_generator(generator, self._device),
                device=self._device,
            )
            action_1NA = self._meant(best.action_BA[:, None], state_1S)
        action_A: ActionA = action_1NA[0, 0].cpu().numpy()
        return action_A, float(torch.sigmoid(best.value_B[0]))

    def _meant(self, action_1NA: Tensor, state_1S: Tensor) -> Tensor:
        """What the network judges: the actions, or the grasps that they lead to."""
        if self.config.method == "supervised":
            return cem.grasps(action_1NA, state_1S[:, 1])
        return action_1NA


def _without_pose(state: RobotState) -> GripperReading:
    return GripperReading(state.gripper_closed, 0.0, 0.0, state.height_m, 0.0)


class PolicyBehaviour:
    """A policy as a behaviour: greedy to be evaluated, with random actions to collect.

    A `supervised` policy chooses anew in each step where to grasp; the rest goes as in the script:
    down until something stops the gripper, close, lift.

    Differs: Levine et al. (2016) close once closing here promises nearly as much as the best
    motion, and raise the gripper where nothing promises much.

    Args:
        policy: What acts.
        epsilon: Probability of a random action instead (QT-Opt, Appendix B).
        deviation: Gaussian noise on motions, as a share of the largest of a step.
    """

    def __init__(self, policy: Policy, *, epsilon: float = 0.0, deviation: float = 0.0) -> None:
        self.name = f"policy:{policy.policy_id}"
        self._policy = policy
        self._epsilon = epsilon
        self._deviation = deviation
        self._reflex = PickReflex() if policy.config.method == "supervised" else None
        self._task = ""
        self._generator: np.random.Generator | None = None

    def begin(self, task: str, generator: np.random.Generator) -> None:
        """Start an episode of `task`."""
        self._task = task
        self._generator = generator
        if self._reflex is not None:
            self._reflex.begin(task, generator)

    def act(self, observation: Observation) -> ActionA:
        """The policy's action, or now and then a random one."""
        generator = begun(self._generator, self.name)
        if generator.random() < self._epsilon:
            return random_action(generator)
        action = self._chosen(observation, generator)
        return with_noise(action, self._deviation, generator) if self._deviation else action

    def _chosen(self, observation: Observation, generator: np.random.Generator) -> ActionA:
        if self._reflex is None:
            return self._policy.act(observation, self._task, generator)
        step = self._reflex.act(observation)
        if observation.state.gripper_closed < 0.5 and not (step[5:] > 0.5).any():
            grasp = self._policy.act(observation, self._task, generator)
            step[[0, 1, 3, 4]] = grasp[[0, 1, 3, 4]]
        return step
