"""Episodes and trajectories of known content."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pytest
import torch

from data.cells.protocol import ACTION_SIZE
from data.episodes.episodes import Episode, EpisodeInfo, Step, new_episode_id
from data.episodes.frames import CAMERAS, FrameSet, encode
from policy.experience.trajectory import Trajectory

_numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Sums come out the same on every machine, and small networks do not wait for busy cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def make_trajectory() -> Callable[..., Trajectory]:
    def make(*, steps: int, fill: int = 0, side: int = 4) -> Trajectory:
        """Frame t is filled with `fill + t`."""
        frames = np.arange(steps + 1, dtype=np.uint8) + fill
        generator = np.random.default_rng(fill)
        return Trajectory(
            episode_id=f"episode-{next(_numbers)}",
            robot="robot-1",
            task="lift-any",
            image_THWC=np.broadcast_to(
                frames[:, None, None, None], (steps + 1, side, side, 3)
            ).copy(),
            state_TS=generator.random((steps + 1, 2), dtype=np.float32),
            action_NA=generator.random((steps, ACTION_SIZE), dtype=np.float32),
        )

    return make


@pytest.fixture
def make_episode() -> Callable[..., Episode]:
    def make(
        *,
        steps: int,
        task: str = "lift-any",
        robot: str = "robot-1",
        terminal_grey: int | None = None,
        truth: Mapping[str, bool] | None = None,
    ) -> Episode:
        """Step t shows grey 20 + 10 t (the terminal frame `terminal_grey`, if given)."""
        recorded_at_ns = 1_700_000_000_000_000_000 + next(_numbers) * 10**9

        def frames(step: int) -> FrameSet:
            grey = 20 + 10 * step
            terminal = step == steps
            if terminal and terminal_grey is not None:
                grey = terminal_grey
            shape = (32, 48, 3) if terminal else (16, 24, 3)
            cameras = CAMERAS if terminal else CAMERAS[:1]
            return FrameSet(
                images={camera: np.full(shape, grey, dtype=np.uint8) for camera in cameras},
                timestamps_ns=dict.fromkeys(cameras, recorded_at_ns + step),
            )

        def action(step: int) -> np.ndarray:
            return np.array([step / 10, 0, 0, 0, 1, 0, 0, step == steps - 1], dtype=np.float32)

        return Episode(
            info=EpisodeInfo(
                episode_id=new_episode_id(recorded_at_ns),
                robot=robot,
                kind="robot",
                behaviour="scripted-pick",
                task=task,
                outcome=None,
                pair_id=None,
                start="pick",
                recorded_at_ns=recorded_at_ns,
                step_count=steps + 1,
                truth=truth,
            ),
            steps=tuple(
                Step(
                    frames=encode(frames(step)),
                    state=np.array([0, (step + 1) / 10], dtype=np.float32),
                    action=None if step == steps else action(step),
                    done=step >= steps - 1,
                )
                for step in range(steps + 1)
            ),
        )

    return make
