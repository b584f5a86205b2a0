"""What the fault campaign attacks: one workspace, its processes, and what was lost so far."""

from __future__ import annotations

import json
import multiprocessing
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np

from benchmarks import fault_work as work
from data.catalog.catalog import Catalog
from data.cells.robots import Robot, load_robots, register_robot
from data.checking import check_workspace
from data.episodes.frames import CAMERAS
from data.labels import log as label_log
from data.storage import write_atomically
from data.workspace import open_workspace

PRELOADED = [
    "benchmarks.fault_work", "data.cells.host", "data.cells.simulated.cell", "sd_model.run",
    "policy.run",
]  # fmt: skip


HELD_OUT = "robot-2"
"""The robot on which detectors are judged, so that its clips are what is reviewed."""


@dataclass(kw_only=True)
class Ledger:
    """What the campaign has counted so far."""

    tries: int = 0
    kills: int = 0
    labels_lost: int = 0
    labels_doubled: int = 0
    clip_loss_s_max: float = 0.0
    """By the clock from the last frame that is kept (or the beginning) to the kill: what a person
    loses of a clip."""
    taken_frames_lost_max: int = 0
    """Of the frames that the host said it had taken, how many are not kept."""
    clips_lost: int = 0
    runs_lost: int = 0
    damaged_files: int = 0
    by_activity: dict[str, int] = field(default_factory=dict)
    by_commit: dict[str, int] = field(default_factory=dict)
    """A campaign may go on after what it found was mended."""
    complaints: list[str] = field(default_factory=list)

    def plus(self, other: Ledger) -> Ledger:
        """What two campaigns have counted together."""
        both: dict[str, Any] = {}
        for name, ours in asdict(self).items():
            theirs = getattr(other, name)
            if name.endswith("_max"):
                both[name] = max(ours, theirs)
            elif isinstance(ours, dict):
                both[name] = dict(Counter(ours) + Counter(theirs))
            else:
                both[name] = ours + theirs
        return Ledger(**both)


class Target:
    """One workspace, and the processes that are killed in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ledger = Ledger(**work.read_json(folder / "ledger.json"))
        self.workspace = open_workspace(folder / "workspace")
        self.catalog = Catalog(self.workspace)
        self.confirmed = folder / "confirmed.txt"
        """The ids of all labels that somebody was told are saved."""
        self.known: set[str] = set()
        if self.confirmed.exists():
            self.known = set(self.confirmed.read_text().split())
        self._counted: set[str] = set()
        """The ids of labels of which it is noted that they are lost or doubled."""
        self.window_s: dict[str, float] = {}
        """Per activity, within how many seconds after its beginning the kill falls."""
        self._processes = multiprocessing.get_context("forkserver")
        self._processes.set_forkserver_preload(PRELOADED)
        self._prepare()

    def _prepare(self) -> None:
        if "bench" in load_robots(self.workspace):
            return
        sources = {}
        for camera in CAMERAS:
            path = self.folder / f"{camera}.avi"
            writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 30, (64, 48))
            for number in range(3600):
                writer.write(np.full((48, 64, 3), number % 250, np.uint8))
            writer.release()
            sources[camera] = str(path)
        work.save_robot_episodes(self.workspace, 400, time.time_ns())
        for robot in ("robot-1", HELD_OUT):
            work.save_pairs(self.workspace, robot, 5, time.time_ns())
        register_robot(self.catalog, Robot(name="bench", kind="hardware", cameras=sources))

    def together(self, beside: Sequence[Path]) -> Ledger:
        """What this campaign and those of other folders have counted."""
        counted = self.ledger
        for folder in beside:
            counted = counted.plus(Ledger(**work.read_json(folder / "ledger.json")))
        return counted

    def check(self) -> None:
        """What `goalpost data check` says, and every confirmed label: there, and only once."""
        for error in check_workspace(self.catalog):
            if "of the log of labels is not a label" not in str(error):
                self.ledger.damaged_files += 1
                self.complain(f"check: {error}")
        written = Counter(
            label.label_id for _, label in label_log.read(self.workspace.labels_path).labels
        )
        lost = self.known - set(written) - self._counted
        doubled = {label_id for label_id, count in written.items() if count > 1} - self._counted
        with self.catalog.transaction() as transaction:
            [indexed] = transaction.rows("SELECT count(*) AS labels FROM labels")
        if indexed["labels"] != len(written):
            self.complain(f"{indexed['labels']} labels are indexed of {len(written)}")
        self.ledger.labels_lost += len(lost)
        self.ledger.labels_doubled += len(doubled)
        self._counted |= lost | doubled
        write_atomically(
            self.folder / "ledger.json", json.dumps(asdict(self.ledger), indent=1).encode()
        )

    def confirm(self, label_ids: list[str]) -> None:
        """Somebody was told that these are saved."""
        self.known.update(label_ids)
        with self.confirmed.open("a") as file:
            file.writelines(f"{label_id}\n" for label_id in label_ids)

    def complain(self, words: str) -> None:
        """Note what should not have been."""
        click.echo(words, err=True)
        self.ledger.complaints.append(words[:500])

    def start(self, target: Callable[..., None], *arguments: Any) -> tuple[BaseProcess, Any]:
        """A process that has begun, and the pipe it speaks through."""
        hears, speaks = self._processes.Pipe(duplex=False)
        process = self._processes.Process(target=target, args=(speaks, *arguments), daemon=True)
        process.start()
        speaks.close()
        hears.recv()
        return process, hears

    def kill(self, activity: str, draw: random.Random, process: BaseProcess) -> bool:
        """Kill a process at a random moment of its work; False where it was done before."""
        window_s = self.window_s.setdefault(activity, 0.3)
        process.join(draw.uniform(0.0, window_s))
        process.kill()
        process.join()
        killed = process.exitcode == -signal.SIGKILL
        # The moments drawn cover the whole of the work, of which they learn how long it takes.
        self.window_s[activity] = min(20.0, window_s * (1.15 if killed else 0.7))
        return killed
