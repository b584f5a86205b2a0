"""The robot fleet: processes that collect episodes with the newest weights (MT-Opt, Fig. 10).

Collectors and trainer share nothing but files and a few counts: episodes go to the workspace's
shards, weights come from one file that the trainer replaces.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.synchronize
import os
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from multiprocessing.sharedctypes import Synchronized, SynchronizedArray
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import torch

from data.catalog.catalog import Catalog
from data.cells.protocol import Start
from data.cells.robots import Robot
from data.cells.simulated.opening import open_cell
from data.errors import CellError
from data.tasks.store import load_tasks
from data.tasks.tasks import Task
from data.workspace import Workspace
from policy.acting.behaviours import Behaviour, Guided, Noisy, start_of
from policy.acting.collector import CollectionConfig, EpisodeWriter, run_episode
from policy.acting.policy import Policy, PolicyBehaviour
from policy.acting.scripted import PickReflex, Scripted
from policy.config import PolicyConfig
from policy.learning.networks import Network, make_network
from sd_model.device import chosen_device
from sd_model.tensors import load_weights, save_weights

_SPAWN = multiprocessing.get_context("spawn")
_NOISE = 0.12
_FLUSH_EPISODES = 10
_STREAM = 29
"""Of what the fleet draws."""


class Counts:
    """What collectors and trainer tell each other.

    Args:
        tasks: How many there are.
        collected: Episodes of these robots that are in the workspace or about to be.
    """

    def __init__(self, tasks: int, collected: int) -> None:
        self.collected: Synchronized[int] = _SPAWN.Value("q", collected)
        self.resting: Synchronized[int] = _SPAWN.Value("q", 0)
        """Collectors that have nothing left to do and have written all they had."""
        self._greedy: SynchronizedArray[int] = _SPAWN.Array("q", 2 * tasks)

    def add_greedy(self, task: int, success: bool | None) -> None:
        """Count an episode in which the policy acted without noise, and whether it truly
        succeeded; not where nobody knows (None), as of a person's own task."""
        if success is None:
            return
        with self._greedy.get_lock():
            self._greedy[2 * task] += 1
            self._greedy[2 * task + 1] += success

    def take_greedy(self) -> list[tuple[int, int]]:
        """Attempts and successes of each task since the last call."""
        with self._greedy.get_lock():
            counts = self._greedy[:]
            self._greedy[:] = [0] * len(counts)
        return list(zip(counts[::2], counts[1::2], strict=True))


@dataclass(frozen=True, kw_only=True)
class Orders:
    """What a collector is to do; the same for all of a fleet."""

    workspace: Workspace
    robots: Sequence[Robot]
    tasks: Sequence[str]
    """Commanded at random."""
    policy_id: str
    policy_tasks: tuple[str, ...]
    weights: Path
    """Written by the trainer; until it is there, scripts act."""
    config: PolicyConfig
    collection: CollectionConfig
    episodes: int
    """The fleet rests once so many have been collected."""
    seed: int


class Fleet:
    """Collectors as processes of one thread each, within a `with` block.

    Args:
        orders: For all of them; the robots are dealt out among them.
        processes: How many; no more than robots.
        collected: Episodes of these robots that the workspace has already.
    """

    def __init__(self, orders: Orders, *, processes: int, collected: int) -> None:
        self.counts = Counts(len(orders.tasks), collected)
        self._orders = orders
        self._stop = _SPAWN.Event()
        count = min(processes, len(orders.robots))
        self._processes = [
            _SPAWN.Process(
                target=_collect,
                args=(orders, orders.robots[rank::count], rank, self.counts, self._stop),
                name=f"collector-{rank}",
                daemon=True,
            )
            for rank in range(count)
        ]

    def __enter__(self) -> Self:
        for process in self._processes:
            process.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let each finish its episode and write what it has."""
        self._stop.set()
        for process in self._processes:
            process.join()

    def publish(self, network: Network) -> None:
        """Give the robots these weights. Raises `StorageFull`."""
        save_weights(self._orders.weights, network)

    @property
    def rests(self) -> bool:
        """Whether everything that was to be collected lies in the workspace."""
        return self.counts.resting.value == len(self._processes)

    def check(self) -> None:
        """Raises `CellError` where a collector has died."""
        for process in self._processes:
            if process.exitcode not in (None, 0):
                raise CellError(
                    f"The process {process.name} died with exit code {process.exitcode}.",
                    next_step="Read the run's log, then execute the run again: it goes on.",
                )


def _collect(
    orders: Orders,
    robots: Sequence[Robot],
    rank: int,
    counts: Counts,
    stop: multiprocessing.synchronize.Event,
) -> None:
    """A collector's process: episode after episode until `stop`."""
    torch.set_num_threads(1)
    generator = np.random.default_rng([orders.seed, _STREAM, rank, counts.collected.value])
    catalog = Catalog(orders.workspace)
    known = load_tasks(orders.workspace)
    newest = _Newest(orders)
    parent = os.getppid()
    with ExitStack() as stack:
        cells = [stack.enter_context(closing(open_cell(robot))) for robot in robots]
        writers = {
            robot.name: stack.enter_context(
                EpisodeWriter(catalog, flush_episodes=_FLUSH_EPISODES, announce=lambda ids: None)
            )
            for robot in robots
        }
        resting = False
        while not stop.is_set() and os.getppid() == parent:
            if not _take_turn(counts, orders.episodes):
                if not resting:
                    for writer in writers.values():
                        writer.flush()
                    with counts.resting.get_lock():
                        counts.resting.value += 1
                    resting = True
                time.sleep(0.5)
                continue
            policy = newest.policy() if counts.collected.value > _scripted(orders) else None
            cell = cells[int(generator.integers(len(cells)))]
            number = int(generator.integers(len(orders.tasks)))
            task = known[orders.tasks[number]]
            greedy = policy is not None and generator.random() < orders.config.greedy_share
            behaviour = _behaviour(policy, orders.config, task, greedy, generator)
            episode = run_episode(
                cell,
                behaviour,
                task,
                seed=int(generator.integers(2**31)),
                config=orders.collection,
            )
            writers[cell.robot].add(episode)
            if greedy:
                counts.add_greedy(number, (episode.info.truth or {}).get(task.name))


def _take_turn(counts: Counts, episodes: int) -> bool:
    with counts.collected.get_lock():
        if counts.collected.value >= episodes:
            return False
        counts.collected.value += 1
        return True


def _scripted(orders: Orders) -> int:
    return min(orders.config.scripted_episodes, orders.episodes)


def _behaviour(
    policy: Policy | None,
    config: PolicyConfig,
    task: Task,
    greedy: bool,
    generator: np.random.Generator,
) -> Behaviour:
    """Scripts at first, half of them with noise; then the policy: greedy, guided or noisy."""
    if policy is None:
        return Noisy(Scripted()) if generator.random() < 0.5 else Scripted()
    if greedy:
        return PolicyBehaviour(policy)
    behaviour = PolicyBehaviour(policy, epsilon=config.epsilon, deviation=_NOISE)
    guided = generator.random() * (1 - config.greedy_share) < config.guided_share
    if guided and start_of(task) is Start.PICK:
        return Guided(behaviour, PickReflex())
    return behaviour


class _Newest:
    """The policy of the newest weights that were published."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._stamp = 0
        self._policy: Policy | None = None

    def policy(self) -> Policy | None:
        """None while nothing has been published."""
        orders = self._orders
        if not orders.weights.exists():
            return None
        stamp = orders.weights.stat().st_mtime_ns
        if stamp != self._stamp:
            network = make_network(orders.config, len(orders.policy_tasks))
            load_weights(orders.weights, network)
            self._policy = Policy(
                orders.policy_id, network, orders.policy_tasks, device=chosen_device()
            )
            self._stamp = stamp
        return self._policy
