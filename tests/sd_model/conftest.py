"""A small world for detectors: coloured squares decide outcomes, backgrounds tell robots apart."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.catalog.catalog import Catalog
from data.cells.calibration import project, projections_of
from data.cells.robots import load_robots
from data.episodes.episodes import Episode, EpisodeInfo, Step
from data.episodes.frames import CAMERAS, EncodedFrameSet, ImageHWC, encode_jpeg
from data.episodes.gripper import GripperReading
from data.episodes.index import save_episodes
from data.labels.labels import Label, LabelOutcome, append_labels
from data.tasks.changes import define_task
from data.tasks.store import load_tasks
from data.tasks.tasks import Task, TaskSet
from data.workspace import Workspace, open_workspace
from sd_model.config import DetectorConfig, load_recipe
from sd_model.examples.gathering import build_manifest
from sd_model.examples.manifest import Manifest
from sd_model.judging.detector import Detector
from sd_model.learning.training import train

COLOURS = {"red": (200, 40, 40), "green": (40, 170, 60), "none": None}
SQUARES = TaskSet(
    [
        Task(name="show-any", skill="show"),
        Task(name="show-green", skill="show", implies=("show-any",)),
        Task(name="show-red", skill="show", implies=("show-any",), excludes=("show-green",)),
    ]
)
NOW_NS = 1_790_000_000_000_000_000


class SquareWorld:
    """A workspace whose robots show red squares, green squares, or none."""

    gripper: GripperReading | None = None
    """What the robot says of its gripper in the images last made."""

    def __init__(self, folder: Path) -> None:
        self.workspace: Workspace = open_workspace(folder)
        self.catalog = Catalog(self.workspace)
        for task in SQUARES:
            define_task(self.catalog, task)

    def images(self, robot: str, shown: str, generator: np.random.Generator) -> dict[str, ImageHWC]:
        """Three 80x64 views of the robot's own background, with a square where one is shown."""
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

    def episode(
        self,
        robot: str,
        shown: str,
        number: int = 0,
        *,
        steps: int = 4,
        kind: str = "clip",
        pair_id: str | None = None,
        cameras: Sequence[str] = CAMERAS,
    ) -> Episode:
        """Frames that all show one thing; the same arguments give the same pixels."""
        name = f"{robot}-{shown}-{number:03d}"
        seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
        generator = np.random.default_rng(seed)
        robotic = kind == "robot"
        made = []
        for step in range(steps):
            images = self.images(robot, shown, generator)
            frames = EncodedFrameSet(
                jpegs={camera: encode_jpeg(images[camera]) for camera in cameras},
                timestamps_ns=dict.fromkeys(cameras, NOW_NS),
                gripper=self.gripper,
            )
            state = np.array([shown != "none", 0.1 * step], np.float32)
            reading = self.gripper
            made.append(
                Step(
                    frames=frames,
                    state=reading.state() if reading else state if robotic else None,
                    gripper_pose=reading.pose() if reading else None,
                    done=robotic and step >= steps - 2,
                )
            )
        return Episode(
            info=EpisodeInfo(
                episode_id=name,
                robot=robot,
                kind="robot" if robotic else "clip",
                behaviour="scripted-pick" if robotic else "person",
                task="show-red",
                outcome=None if robotic else ("success" if shown == "red" else "failure"),
                pair_id=None if robotic else pair_id or f"pair-{robot}-{number}",
                recorded_at_ns=NOW_NS + number,
                step_count=steps,
            ),
            steps=tuple(made),
        )

    def save(self, *episodes: Episode) -> None:
        """Store episodes of one robot."""
        save_episodes(self.catalog, episodes)

    def label(
        self,
        episode: Episode,
        outcomes: Mapping[str, LabelOutcome],
        *,
        frame_index: int | None = None,
    ) -> None:
        """Label an episode; the label's id tells what it speaks of."""
        self.label_all({episode: outcomes}, frame_index=frame_index)

    def label_all(
        self,
        outcomes_of: Mapping[Episode, Mapping[str, LabelOutcome]],
        *,
        frame_index: int | None = None,
    ) -> None:
        """Label several episodes at once."""
        append_labels(
            self.catalog,
            [
                Label(
                    label_id=f"{episode.info.episode_id}/{frame_index}/{task}",
                    episode_id=episode.info.episode_id,
                    frame_index=frame_index,
                    task=task,
                    outcome=outcome,
                    by="tester",
                    source="person",
                    at_ns=NOW_NS,
                )
                for episode, outcomes in outcomes_of.items()
                for task, outcome in outcomes.items()
            ],
        )

    def record(self, robots: Sequence[str], *, scenes: int, steps: int = 4) -> None:
        """On every robot and in every scene, one labelled clip of each colour and one of none."""
        labels: dict[Episode, Mapping[str, LabelOutcome]] = {}
        for robot in robots:
            episodes = {
                self.episode(robot, shown, number, steps=steps): shown
                for number in range(scenes)
                for shown in COLOURS
            }
            self.save(*episodes)
            for episode, shown in episodes.items():
                nothing = dict.fromkeys(SQUARES.names, "failure")
                labels[episode] = nothing if shown == "none" else {f"show-{shown}": "success"}
        self.label_all(labels)

    def manifest(
        self,
        name: str,
        *,
        holdout: Sequence[str] = (),
        wanted: Sequence[str] | None = None,
        config: DetectorConfig | None = None,
        seed: int = 0,
    ) -> Manifest:
        """Freeze everything labelled so far as the manifest of the detector `name`."""
        return build_manifest(
            self.catalog,
            tasks=load_tasks(self.workspace),
            wanted=wanted,
            holdout=holdout,
            config=config or load_recipe("smoke"),
            seed=seed,
            created_at_ns=NOW_NS,
            path=self.workspace.detectors / name / "manifest.parquet",
        )


@pytest.fixture
def world(tmp_path: Path) -> SquareWorld:
    return SquareWorld(tmp_path / "workspace")


class MarkerWorld(SquareWorld):
    """What counts is the colour inside a marker at the fingertips; squares elsewhere mislead.

    The markers are where the simulated fleet's cameras show the fingertips, black, on 160 x 128
    pixels; each holds a patch of 6 pixels.
    """

    def images(self, robot: str, shown: str, generator: np.random.Generator) -> dict[str, ImageHWC]:
        pose = generator.uniform([0.48, -0.2, 0.05, -1], [0.64, 0.2, 0.28, 1])
        self.gripper = GripperReading(0.0, *pose.tolist())
        digest = hashlib.sha256(robot.encode()).digest()
        known = load_robots(self.workspace)[robot]
        images = {}
        for view, camera in enumerate(CAMERAS):
            tint = 90 + np.frombuffer(digest[3 * view : 3 * view + 3], dtype=np.uint8) % 60
            image = np.clip(generator.normal(tint, 8, (128, 160, 3)), 0, 255).astype(np.uint8)
            for colour in ("red", "green"):
                row, column = generator.integers(4, 116), generator.integers(4, 148)
                image[row : row + 8, column : column + 8] = COLOURS[colour]
            tip = project(projections_of(known)[camera], pose[None, :3])[0]
            column, row = np.clip(tip * (160, 128), 12, (147, 115)).astype(int)
            image[row - 12 : row + 12, column - 12 : column + 12] = 0
            if COLOURS[shown] is not None:
                image[row - 3 : row + 3, column - 3 : column + 3] = COLOURS[shown]
            images[camera] = image
        return images


@pytest.fixture
def marker_world(tmp_path: Path) -> MarkerWorld:
    return MarkerWorld(tmp_path / "workspace")


class Recorder:
    """Remembers what training reported; `before` is called ahead of each line of metrics."""

    def __init__(self, before: Callable[[int], None] = lambda step: None) -> None:
        self.lines: list[tuple[int, dict[str, float]]] = []
        self.fractions: list[float] = []
        self.before = before

    def progress(self, fraction: float, message: str) -> None:
        self.fractions.append(fraction)

    def metrics(self, step: int, **values: float) -> None:
        self.before(step)
        self.lines.append((step, values))


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@dataclass(frozen=True)
class Trained:
    """A detector that is trained once for all tests, and what it was trained on."""

    detector: Detector
    world: SquareWorld
    manifest: Manifest
    recorder: Recorder


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """The smoke recipe on three robots, with `robot-4` held out."""
    world = SquareWorld(tmp_path_factory.mktemp("trained") / "workspace")
    world.record(["robot-1", "robot-2", "robot-3", "robot-4"], scenes=8)
    manifest = world.manifest("squares", holdout=["robot-4"])
    recorder = Recorder()
    detector = train(
        manifest,
        load_recipe("smoke", {"steps": 80}),
        world.workspace.detectors / "squares",
        workspace=world.workspace,
        report=recorder,
        seed=0,
        device="cpu",
    )
    return Trained(detector, world, manifest, recorder)


@pytest.fixture
def tiny() -> dict[str, Any]:
    """Overrides of the smoke recipe for tests that need a training, but nothing learned."""
    return {
        "image_px": 32, "channels": 4, "stages": [[2, 1, 3]], "grid": 2, "projection": 8,
        "hidden": 8, "steps": 6, "batch_size": 4, "checkpoint_every": 2, "report_every": 1,
    }  # fmt: skip
