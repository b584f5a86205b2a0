"""A small world for detectors: coloured squares decide outcomes, backgrounds tell robots apart."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from data.episodes import Episode, EpisodeInfo, Step
from data.frames import CAMERAS, EncodedFrameSet, ImageHWC, encode_jpeg
from data.tasks import Task, TaskSet
from data.workspace import Workspace, open_workspace

COLOURS = {"red": (200, 40, 40), "green": (40, 170, 60), "none": None}
SQUARES = TaskSet(
    [
        Task(name="show-any", skill="show"),
        Task(name="show-red", skill="show", implies=("show-any",), excludes=("show-green",)),
        Task(name="show-green", skill="show", implies=("show-any",)),
    ]
)
NOW_NS = 1_790_000_000_000_000_000


def square_images(robot: str, shown: str, generator: np.random.Generator) -> dict[str, ImageHWC]:
    """Three 80x64 views of the robot's background, with a square of the shown colour in each."""
    digest = hashlib.sha256(robot.encode()).digest()
    images = {}
    for view, camera in enumerate(CAMERAS):
        tint = 90 + np.frombuffer(digest[3 * view : 3 * view + 3], dtype=np.uint8) % 60
        image = np.clip(generator.normal(tint, 8, (64, 80, 3)), 0, 255).astype(np.uint8)
        colour = COLOURS[shown]
        if colour is not None:
            row, column = generator.integers(8, 36), generator.integers(8, 52)
            image[row : row + 20, column : column + 20] = colour
        images[camera] = image
    return images


def square_episode(
    robot: str,
    shown: str,
    number: int,
    *,
    steps: int = 4,
    kind: str = "clip",
    pair_id: str | None = None,
    task: str = "show-red",
    cameras: tuple[str, ...] = CAMERAS,
) -> Episode:
    """An episode of `steps` frames that all show one thing; the same arguments, the same pixels."""
    name = f"{robot}-{shown}-{number:03d}"
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
    generator = np.random.default_rng(seed)
    frames = []
    for _ in range(steps):
        images = square_images(robot, shown, generator)
        frames.append(
            EncodedFrameSet(
                jpegs={camera: encode_jpeg(images[camera]) for camera in cameras},
                timestamps_ns=dict.fromkeys(cameras, NOW_NS),
            )
        )
    robotic = kind == "robot"
    return Episode(
        info=EpisodeInfo(
            episode_id=name,
            robot=robot,
            kind="robot" if robotic else "clip",
            behaviour="scripted-pick" if robotic else "person",
            task=task,
            outcome=None if robotic else ("success" if task.endswith(shown) else "failure"),
            pair_id=None if robotic else pair_id or f"pair-{robot}-{number}",
            recorded_at_ns=NOW_NS + number,
            step_count=steps,
        ),
        steps=tuple(
            Step(
                frames=frame,
                state=np.array([shown != "none", 0.1 * step], np.float32) if robotic else None,
                done=robotic and step >= steps - 2,
            )
            for step, frame in enumerate(frames)
        ),
    )


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return open_workspace(tmp_path / "workspace")


class Recorder:
    """Remembers what training reported; may stop it after some updates."""

    def __init__(self, before: Callable[[int], None] = lambda step: None) -> None:
        self.lines: list[tuple[int, dict[str, float]]] = []
        self.fractions: list[float] = []
        self._before = before

    def progress(self, fraction: float, message: str) -> None:
        self.fractions.append(fraction)

    def metrics(self, step: int, **values: float) -> None:
        self._before(step)
        self.lines.append((step, values))


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()
