"""The trainer: labels transitions and updates the Q network from them, in one process.

Shapes: B transitions, N actions a state, T tasks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import one_hot

from policy.config import PolicyConfig
from policy.learning import bellman
from policy.learning.augmentation import draw_view, see, turn
from policy.learning.averaging import WeightAverage
from policy.learning.bellman_updater import BellmanUpdater, Sampler, as_input
from policy.learning.networks import Network
from policy.learning.train_buffer import Labelled, TrainBuffer

METRICS_UPDATES = 20
"""Updates whose metrics are averaged into one report."""
CHECKPOINT_UPDATES = 500
"""Updates between two checkpoints."""

_WAIT_S = 0.5
_UPDATING, _LABELLING, _SEEING = 0, 1, 2
"""Streams of random numbers."""


class Progress(Protocol):
    """Where a training says how far it is; `data.runs.runs.RunReporter` is one."""

    def progress(self, fraction: float, message: str) -> None:
        """May raise to cancel the training."""

    def metrics(self, step: int, **values: float) -> None:
        """Numbers of one moment."""


class Trainer:
    """Updates a Q network from transitions it has labelled itself.

    labelled : trained is explicit: before an update transitions are labelled until each has served
    `uses_per_label` updates on average. What is random in update `n` and labelling `n` is drawn
    from the seed and `n`, so that a resumed training draws what an unbroken one would.

    Args:
        network: Trained in place, on `device`.
        tasks: In the order of the one-hot codes.
        sampler: Balanced transitions from the replay buffers.
        config: Of the network and of learning.
        seed: Of everything random but the initial weights.
        device: Where the network is.
    """

    def __init__(
        self,
        network: Network,
        tasks: Sequence[str],
        sampler: Sampler,
        config: PolicyConfig,
        *,
        seed: int,
        device: torch.device,
    ) -> None:
        self.tasks = tuple(tasks)
        self.config = config
        self.updates = 0
        self.labellings = 0
        self.restarted_at = 0
        """Updates that other networks had made before this one began."""
        self._device = device
        self._begin(network)
        self._updater = BellmanUpdater(sampler, config, task_count=len(tasks), device=device)
        self._seed = seed

    def _begin(self, network: Network) -> None:
        config = self.config
        self.network = network.to(self._device).to(memory_format=torch.channels_last).train()
        self.optimizer = make_optimizer(network, config)
        self.average = WeightAverage(network, config)
        self.buffer = TrainBuffer(config.train_capacity)
        self.copies = self.average.copies(version=self.updates // config.publish_updates)

    def restart(self, network: Network) -> None:
        """Go on with `network`, untrained; counts and random draws go on from where they are.

        A network that began on little experience clings to what it learned there; one that begins
        on all of it soon does better (Nikishin et al. 2022, the primacy bias).

        Differs: the papers train one network throughout.
        """
        self._begin(network)
        self.restarted_at = self.updates

    @property
    def labelled(self) -> int:
        """Transitions labelled so far."""
        return self.labellings * self.config.label_batch_size

    @property
    def trained(self) -> int:
        """Transitions trained on so far, counted once for each use."""
        return self.updates * self.config.batch_size

    def update(self) -> dict[str, float]:
        """Label what is due and make one update; returns its metrics."""
        while self._labels_are_due():
            self._label()
        batch = self.buffer.sample(self.config.batch_size, self._generator(_UPDATING, self.updates))
        logit_B, target_B = self.step(batch)
        self.updates += 1
        self.average.update(self.network)
        if self.updates % self.config.publish_updates == 0:
            self.publish()
        return _metrics(batch, logit_B, target_B, self.tasks) | {
            "labelled": float(self.labelled),
            "trained": float(self.trained),
            "labels_dropped": float(self.buffer.dropped),
        }

    def publish(self) -> None:
        """Make new target copies of the average, and drop labels of copies long gone."""
        version = self.updates // self.config.publish_updates
        self.copies = self.average.copies(version)
        self.buffer.drop_stale(version - self.config.max_label_age)

    def _labels_are_due(self) -> bool:
        needed = self.trained + self.config.batch_size
        return self.labelled * self.config.uses_per_label < needed or not len(self.buffer)

    def _label(self) -> None:
        generator = self._generator(_LABELLING, self.labellings)
        self.buffer.add(self._updater.label(self.copies, generator))
        self.labellings += 1

    def step(self, batch: Labelled) -> tuple[Tensor, Tensor]:
        """One gradient step on `batch`; its logits and targets, on the CPU."""
        device = self._device
        view = draw_view(len(batch), self.config, self._generator(_SEEING, self.updates))
        seen_BHWC = see(batch.image_BHWC, view, self.config)
        target_B = torch.from_numpy(batch.target_B).to(device)
        task_BT = one_hot(torch.from_numpy(batch.task_B), len(self.tasks)).to(device)
        with torch.autocast(
            device.type, torch.bfloat16, enabled=self.config.precision == "bfloat16"
        ):
            logit_BN = self.network(
                as_input(seen_BHWC, device),
                torch.from_numpy(batch.action_BA).to(device)[:, None],
                torch.from_numpy(turn(batch.state_BS, view, self.config)).to(device),
                task_BT.float(),
            )
        logit_B = logit_BN[:, 0]
        self.optimizer.zero_grad()
        bellman.cross_entropy(logit_B, target_B).backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return logit_B.detach().cpu(), target_B.cpu()

    def _generator(self, stream: int, number: int) -> np.random.Generator:
        return np.random.default_rng([self._seed, stream, number])


def train(
    trainer: Trainer,
    updates: int,
    report: Progress,
    *,
    refill: Callable[[], None],
    save: Callable[[], None],
    experience_lasts: Callable[[int], bool] = lambda updates: True,
    publish: Callable[[], None] = lambda: None,
    fresh_network: Callable[[int], Network] | None = None,
) -> None:
    """Update until `updates` in all have been made, saying how it goes.

    Args:
        trainer: May have made some of the updates already.
        updates: In all.
        report: Hears of progress and metrics; may cancel by raising.
        refill: Called every `log_replay_updates`, to bring in what robots collected meanwhile.
        save: Called every `CHECKPOINT_UPDATES`.
        experience_lasts: Whether so many updates may have been made with the experience there is;
            where not, training refills and waits.
        publish: Called every `publish_updates`, for the robots to reload the weights; not while a
            network that began anew has made less than half of `restart_updates`.
        fresh_network: Makes the untrained network for a restart after so many updates. They come
            every `restart_updates`, the last one no later than that before the end; None: never.
    """
    between = trainer.config.restart_updates
    collected: list[dict[str, float]] = []
    while trainer.updates < updates:
        if not experience_lasts(trainer.updates + 1):
            report.progress(trainer.updates / updates, "Waiting for the robots")
            time.sleep(_WAIT_S)
            refill()
            continue
        collected.append(trainer.update())
        done = trainer.updates
        if done % METRICS_UPDATES == 0 or done == updates:
            values = average_metrics(collected)
            collected.clear()
            report.metrics(done, **values)
            report.progress(
                done / updates, f"Update {done} of {updates}, loss {values['loss']:.3f}"
            )
        if done < updates and done % trainer.config.log_replay_updates == 0:
            refill()
        young = trainer.restarted_at and done - trainer.restarted_at < between / 2
        if done % trainer.config.publish_updates == 0 and not young:
            publish()
        if fresh_network and between and done % between == 0 and done <= updates - between:
            trainer.restart(fresh_network(done))
        if done % CHECKPOINT_UPDATES == 0:
            save()


def make_optimizer(network: nn.Module, config: PolicyConfig) -> torch.optim.Optimizer:
    """Adam with decoupled decay, or SGD with momentum and L2; on weights only, never on biases or
    normalisation.

    Differs: the papers train with SGD alone.
    """
    weights = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    groups = [
        {"params": weights, "weight_decay": config.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=config.learning_rate, momentum=config.momentum)
    return torch.optim.AdamW(groups, lr=config.learning_rate)


def average_metrics(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """The mean of each number over the rows that have it; counts keep their last value."""
    names = dict.fromkeys(name for row in rows for name in row)
    means = {n: float(np.mean([row[n] for row in rows if n in row])) for n in names}
    return means | {n: rows[-1][n] for n in ("labelled", "trained", "labels_dropped")}


def _metrics(
    batch: Labelled, logit_B: Tensor, target_B: Tensor, tasks: Sequence[str]
) -> dict[str, float]:
    difference_B = bellman.temporal_difference(logit_B, target_B).abs().numpy()
    values = {
        "loss": float(bellman.cross_entropy(logit_B, target_B)),
        "mean_q": float(torch.sigmoid(logit_B).mean()),
        "mean_target": float(target_B.mean()),
        "td_error": float(difference_B.mean()),
    }
    value_B = torch.sigmoid(logit_B).numpy()
    for outcome, ended_so_B in (("success", batch.success_B), ("failure", ~batch.success_B)):
        if ended_so_B.any():
            values[f"mean_q/{outcome}"] = float(value_B[ended_so_B].mean())
    for index, task in enumerate(tasks):
        own_B: NDArray[np.bool_] = batch.task_B == index
        values[f"batch_share/{task}"] = float(own_B.mean())
        if own_B.any():
            values[f"td_error/{task}"] = float(difference_B[own_B].mean())
            values[f"success_share/{task}"] = float(batch.success_B[own_B].mean())
    return values
