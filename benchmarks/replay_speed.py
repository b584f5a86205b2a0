"""What a frame costs to replay: the first time, and by a later training of the same episodes.

    python -m benchmarks.replay_speed --workspace FOLDER [--robot robot-1 ...]

The episodes are linked into a workspace of this command, so that nothing is known of them; the
simulator's truth rewards, so that no detector's network counts. Each filling ends with a look at
every image that is held, since the second one only maps them into memory. Times of the process
alone (a busy machine changes them little) and on the clock, which counts waiting for the disk. What
is resident and mapped is the store, which the system may drop from memory and all trainings share.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import cv2
import psutil

from benchmarks.provenance import provenance
from data.catalog.catalog import Catalog, rebuild
from data.cells.calibration import projections_of
from data.cells.robots import load_robots
from data.episodes.index import list_episodes
from data.tasks.store import load_tasks
from data.workspace import Workspace, open_workspace
from policy.config import load_recipe
from policy.experience.log_replay import LogReplay
from policy.experience.replay import ReplayBuffers
from policy.experience.trajectory import POLICY_CAMERA

RESULTS = Path(__file__).parent / "results" / "replay_speed.json"


def linked(source: Workspace, folder: Path, robots: tuple[str, ...]) -> Catalog:
    """A new workspace with the episodes of `robots` of `source`, which takes no room."""
    workspace = open_workspace(folder)
    for robot in robots:
        shutil.copytree(source.episodes / robot, workspace.episodes / robot, copy_function=os.link)
    for path in (source.robots_path, source.tasks_path):
        if path.exists():
            shutil.copy(path, workspace.root)
    return rebuild(workspace)


def fill(catalog: Catalog) -> dict[str, float]:
    """What one filling of empty buffers costs a frame [ms], as a training with the `cpu` recipe."""
    config = load_recipe("cpu")
    workspace = catalog.workspace
    tasks = load_tasks(workspace).names
    robots = load_robots(workspace).items()
    projections = {name: projections_of(robot)[POLICY_CAMERA] for name, robot in robots}
    frames = sum(each.info.step_count for each in list_episodes(catalog, kind="robot"))
    began_s, cpu_s = time.perf_counter(), time.process_time()
    buffers = ReplayBuffers(tasks, config.replay_capacity)
    report = LogReplay(catalog, None, config, tasks, seed=0, projections=projections).fill(buffers)
    held = {
        trajectory.episode_id: trajectory
        for task in range(len(tasks))
        for success in (False, True)
        for trajectory in buffers.buffer(task, success).trajectories
    }
    for trajectory in held.values():
        trajectory.image_THWC.max()
    memory = psutil.Process().memory_info()
    return {
        "episodes": report.episodes,
        "frames": frames,
        "frames_held": sum(len(trajectory.image_THWC) for trajectory in held.values()),
        "resident_gib": round(memory.rss / 2**30, 2),
        "mapped_gib": round(memory.shared / 2**30, 2),
        "process_ms": round(1000 * (time.process_time() - cpu_s) / frames, 4),
        "clock_ms": round(1000 * (time.perf_counter() - began_s) / frames, 4),
    }


@click.command()
@click.option("--workspace", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--robot", "robots", multiple=True, help="Only this robot's; may be repeated.")
def main(workspace: Path, robots: tuple[str, ...]) -> None:
    """Replay the robots' episodes of a workspace twice, and write what a frame cost."""
    cv2.setNumThreads(1)
    source = open_workspace(workspace, create=False)
    chosen = robots or tuple(path.name for path in sorted(source.episodes.iterdir()))
    with tempfile.TemporaryDirectory(dir=source.root.parent) as folder:
        catalog = linked(source, Path(folder) / "workspace", chosen)
        first, second = fill(catalog), fill(catalog)
    found: dict[str, Any] = {
        "first": first,
        "second": second,
        "ratio": round(first["process_ms"] / second["process_ms"], 1),
        "load": round(os.getloadavg()[0], 1),
        **provenance(),
    }
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    click.echo(RESULTS.read_text())


if __name__ == "__main__":
    main()
