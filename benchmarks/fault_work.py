"""What the fault campaign kills: each function is the whole work of one process.

Each is given a pipe: it says that it has begun, and some say what they have done so far.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import random
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from data.catalog.catalog import Catalog, rebuild
from data.episodes.compaction import compact
from data.episodes.episodes import Episode, EpisodeInfo, Step, new_episode_id
from data.episodes.frames import CAMERAS, EncodedFrameSet, encode_jpeg
from data.episodes.index import list_episodes, save_episodes
from data.labels.labels import Label, append_labels, new_label_id
from data.runs.priority import HOST_NICENESS
from data.runs.runs import open_run
from data.workspace import Workspace, open_workspace

TINY = {
    "image_px": 32, "channels": 4, "stages": [[2, 1, 3]], "grid": 2, "projection": 8,
    "hidden": 8, "batch_size": 4, "checkpoint_every": 2, "report_every": 1, "steps": 12,
}  # fmt: skip
"""Overrides of the detector's smoke recipe: all of a training, and nothing learned."""


def append(pipe: Connection, root: Path, seed: int) -> None:
    """Append labels in small batches; says each batch's ids once they are appended."""
    catalog = Catalog(open_workspace(root, create=False))
    draw = random.Random(seed)
    episodes = [each.info for each in list_episodes(catalog, kind="robot", limit=50)]
    pipe.send("begun")
    for _ in range(200):
        labels = [_label(draw.choice(episodes), draw) for _ in range(draw.randint(1, 6))]
        append_labels(catalog, labels)
        pipe.send([label.label_id for label in labels])


def compact_shards(pipe: Connection, root: Path) -> None:
    """Merge the small shards."""
    catalog = Catalog(open_workspace(root, create=False))
    pipe.send("begun")
    compact(catalog)


def rebuild_catalog(pipe: Connection, root: Path) -> None:
    """Fill the catalog anew."""
    workspace = open_workspace(root, create=False)
    pipe.send("begun")
    rebuild(workspace)


def serve_cell(pipe: Connection, root: Path, robot: str) -> None:
    """Be the cell host of `robot`, as far before all others as the system allows."""
    from data.cells.host import run_host

    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, HOST_NICENESS)
    pipe.send("begun")
    run_host(open_workspace(root, create=False), robot)


def execute(pipe: Connection, folder: Path) -> None:
    """Carry out a run, or go on with it."""
    logging.disable()
    run = open_run(folder)
    pipe.send("begun")
    if run.kind == "train-detector":
        from sd_model.run import execute_run as execute_detector_run

        execute_detector_run(run)
    else:
        import policy.run
        from policy.learning import training

        training.CHECKPOINT_UPDATES = 5
        policy.run.execute_run(run)


def _label(info: EpisodeInfo, draw: random.Random) -> Label:
    return Label(
        label_id=new_label_id(),
        episode_id=info.episode_id,
        frame_index=info.step_count - 1,
        task="lift-any",
        outcome=draw.choice(["success", "failure", "unsure"]),
        by="campaign",
        source="person",
        at_ns=info.recorded_at_ns,
    )


def save_robot_episodes(workspace: Workspace, count: int, at_ns: int) -> None:
    """Store robots' episodes of two actions in a shard of their own."""
    save_episodes(Catalog(workspace), [_robot_episode(at_ns + number) for number in range(count)])


def _robot_episode(at_ns: int) -> Episode:
    jpeg = encode_jpeg(np.full((48, 64, 3), at_ns % 250, np.uint8))
    frames = EncodedFrameSet(
        jpegs=dict.fromkeys(CAMERAS, jpeg), timestamps_ns=dict.fromkeys(CAMERAS, at_ns)
    )
    state = np.array([0.0, 0.1], np.float32)
    steps = tuple(
        Step(
            frames=frames,
            state=state,
            action=None if index == 2 else np.zeros(8, np.float32),
            done=index > 0,
        )
        for index in range(3)
    )
    info = EpisodeInfo(
        episode_id=new_episode_id(at_ns),
        robot="robot-1",
        kind="robot",
        behaviour="noisy",
        task="lift-any",
        start="pick",
        recorded_at_ns=at_ns,
        step_count=3,
    )
    return Episode(info=info, steps=steps)


def save_pairs(workspace: Workspace, robot: str, scenes: int, at_ns: int) -> None:
    """Store labelled clips of lift-any: bright frames are successes, dark ones failures."""
    catalog = Catalog(workspace)
    clips = [
        _clip(robot, scene, outcome, shade, at_ns)
        for scene in range(scenes)
        for outcome, shade in (("success", 220), ("failure", 40))
    ]
    save_episodes(catalog, clips)
    append_labels(
        catalog,
        [
            Label(
                label_id=f"clip-{clip.info.episode_id}",
                episode_id=clip.info.episode_id,
                frame_index=None,
                task="lift-any",
                outcome=clip.info.outcome or "unsure",
                by="campaign",
                source="clip",
                at_ns=at_ns,
            )
            for clip in clips
        ],
    )


def _clip(robot: str, scene: int, outcome: Any, shade: int, at_ns: int) -> Episode:
    image = np.random.default_rng(scene).integers(shade - 30, shade + 30, (48, 64, 3))
    frames = EncodedFrameSet(
        jpegs=dict.fromkeys(CAMERAS, encode_jpeg(image.astype(np.uint8))),
        timestamps_ns=dict.fromkeys(CAMERAS, at_ns),
    )
    info = EpisodeInfo(
        episode_id=f"{robot}-{at_ns}-{scene:02d}-{outcome}",
        robot=robot,
        kind="clip",
        behaviour="person",
        task="lift-any",
        outcome=outcome,
        pair_id=f"{robot}-{at_ns}-{scene}",
        recorded_at_ns=at_ns,
        step_count=2,
    )
    return Episode(info=info, steps=(Step(frames=frames),) * 2)


def read_json(path: Path) -> dict[str, Any]:
    """A small JSON file; empty where there is none."""
    return dict(json.loads(path.read_bytes())) if path.exists() else {}
