"""kill -9 at random moments of everything that works, and what was lost by it.

    python -m benchmarks.fault_campaign [--kills 1000] [--seed 0] [--folder build/fault-campaign]

Each kill hits one process (a cell host, a writer of labels, the web server under a browser, a
compaction, a rebuild, a run) at a moment drawn at random while it works. Then it is started again,
the workspace is checked as `goalpost data check` does, and every label and clip that was confirmed
is looked for. May be ended at any time; started again, it goes on.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import platform
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np

from benchmarks import fault_work as work
from data.catalog.catalog import Catalog
from data.cells.addresses import is_held
from data.cells.client import CellClient
from data.cells.robots import Robot, load_robots, register_robot
from data.checking import check_workspace
from data.episodes.frames import CAMERAS
from data.episodes.index import list_episodes, load_episode
from data.errors import CellError, GoalpostError
from data.labels import log as label_log
from data.labels.labels import standing_labels
from data.runs.runs import Run, create_run
from data.storage import write_atomically
from data.workspace import open_workspace

RESULTS = Path("benchmarks/results/faults.json")
PRELOADED = [
    "benchmarks.fault_work", "data.cells.host", "data.cells.simulated.cell", "sd_model.run",
    "policy.run",
]  # fmt: skip
WEIGHTS = {
    "recording": 17, "sealing": 17, "label-log": 20, "compaction": 17, "rebuild": 17,
    "labelling": 4, "review": 2, "collecting": 2, "detector-training": 2, "policy-training": 2,
}  # fmt: skip
"""How often each activity is killed, of 100; what starts quickly is killed more often."""
EPISODES_A_RUN = 3
PATIENCE_S = 120.0
RUN_PATIENCE_S = 900.0
"""How long a run may take to its end on a busy machine."""


@dataclass(kw_only=True)
class Ledger:
    """What the campaign has counted so far."""

    tries: int = 0
    kills: int = 0
    labels_lost: int = 0
    labels_doubled: int = 0
    clip_loss_s_max: float = 0.0
    clips_lost: int = 0
    runs_lost: int = 0
    damaged_files: int = 0
    by_activity: dict[str, int] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)


class Campaign:
    """One workspace, and the processes that are killed in it."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.seed = seed
        self.ledger = Ledger(**work.read_json(folder / "ledger.json"))
        self.workspace = open_workspace(folder / "workspace")
        self.catalog = Catalog(self.workspace)
        self.confirmed = folder / "confirmed.txt"
        """The ids of all labels that somebody was told are saved."""
        self.known: set[str] = set()
        if self.confirmed.exists():
            self.known = set(self.confirmed.read_text().split())
        self.window_s: dict[str, float] = {}
        """Per activity, within how many seconds after its beginning the kill falls."""
        self.stack = ExitStack()
        self._processes = multiprocessing.get_context("forkserver")
        self._processes.set_forkserver_preload(PRELOADED)
        self._hosts: dict[str, BaseProcess] = {}
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
        for robot in ("robot-1", "robot-2"):
            work.save_pairs(self.workspace, robot, 5, time.time_ns())
        register_robot(self.catalog, Robot(name="bench", kind="hardware", cameras=sources))

    def try_once(self, activities: list[str]) -> None:
        """Draw an activity, kill it, and look at what is left."""
        self.ledger.tries += 1
        draw = random.Random(f"{self.seed}/{self.ledger.tries}")
        activity = draw.choices(activities, [WEIGHTS[name] for name in activities])[0]
        act: Callable[[random.Random], bool] = getattr(self, activity.replace("-", "_"))
        try:
            killed = act(draw)
        except GoalpostError as error:
            self.complain(f"{activity}: {error}")
            killed = True
        if killed:
            self.ledger.kills += 1
            counted = self.ledger.by_activity
            counted[activity] = counted.get(activity, 0) + 1
        self.check()

    def check(self) -> None:
        """What `goalpost data check` says, and every confirmed label: there, and only once."""
        for error in check_workspace(self.catalog):
            if "of the log of labels is not a label" not in str(error):
                self.ledger.damaged_files += 1
                self.complain(f"check: {error}")
        written = Counter(
            label.label_id for _, label in label_log.read(self.workspace.labels_path).labels
        )
        lost = self.known - set(written)
        doubled = [label_id for label_id, count in written.items() if count > 1]
        with self.catalog.transaction() as transaction:
            [indexed] = transaction.rows("SELECT count(*) AS labels FROM labels")
        if indexed["labels"] != len(written):
            self.complain(f"{indexed['labels']} labels are indexed of {len(written)}")
        self.ledger.labels_lost = len(lost)
        self.ledger.labels_doubled = len(doubled)
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

    def label_log(self, draw: random.Random) -> bool:
        """A writer of labels."""
        process, pipe = self.start(work.append, self.workspace.root, draw.randrange(1 << 30))
        killed = self.kill("label-log", draw, process)
        try:
            while True:
                self.confirm(pipe.recv())
        except EOFError:
            return killed

    def compaction(self, draw: random.Random) -> bool:
        """A compaction of a few new shards."""
        for _ in range(draw.randint(2, 5)):
            work.save_robot_episodes(self.workspace, 1, time.time_ns())
        before = {each.info.episode_id for each in list_episodes(self.catalog)}
        process, _ = self.start(work.compact_shards, self.workspace.root)
        killed = self.kill("compaction", draw, process)
        self._expect_episodes(before, draw)
        return killed

    def rebuild(self, draw: random.Random) -> bool:
        """A rebuild of the catalog."""
        before = {each.info.episode_id for each in list_episodes(self.catalog)}
        process, _ = self.start(work.rebuild_catalog, self.workspace.root)
        killed = self.kill("rebuild", draw, process)
        self._expect_episodes(before, draw)
        return killed

    def _expect_episodes(self, expected: set[str], draw: random.Random) -> None:
        check_workspace(self.catalog)
        found = {each.info.episode_id for each in list_episodes(self.catalog)}
        if found != expected:
            self.complain(f"{len(expected - found)} episodes lost, {len(found - expected)} new")
        for episode_id in draw.sample(sorted(found), 3):
            load_episode(self.catalog, episode_id)

    def _cell(self, robot: str) -> CellClient:
        """A client of the robot's host, started again where it was killed."""
        deadline_s = time.monotonic() + PATIENCE_S
        if robot not in self._hosts or not self._hosts[robot].is_alive():
            self._hosts[robot], _ = self.start(work.serve_cell, self.workspace.root, robot)
        while True:
            try:
                return CellClient(self.workspace, robot, timeout_s=PATIENCE_S)
            except CellError:
                if time.monotonic() > deadline_s:
                    raise
                time.sleep(0.02)

    def _kill_host(self, robot: str) -> int:
        host = self._hosts.pop(robot)
        killed_ns = time.time_ns()
        host.kill()
        host.join()
        # Who removes a dead host's address holds the lock for a moment.
        deadline_s = time.monotonic() + PATIENCE_S
        while is_held(self.workspace, robot) and time.monotonic() < deadline_s:
            time.sleep(0.05)
        if is_held(self.workspace, robot):
            self.complain(f"the lock of {robot} outlives its host")
        return killed_ns

    def recording(self, draw: random.Random) -> bool:
        """A cell host in mid-recording."""
        robot = draw.choice(["bench", "bench", "robot-1"])
        with self._cell(robot) as cell:
            clip = cell.start_recording(
                task="lift-any", outcome="success", pair_id=None, by="campaign"
            )
            began_ns = time.time_ns()
            time.sleep(draw.uniform(0.0, 2.5))
            killed_ns = self._kill_host(robot)
        last_ns = began_ns
        with self._cell(robot) as cell:
            for each in cell.recovered():
                if each.recording_id == clip and each.frame_count >= 2:
                    cell.keep_recovered(clip)
                    self.confirm([f"clip-{clip}"])
                    steps = load_episode(self.catalog, clip).steps
                    last_ns = max(max(s.frames.timestamps_ns.values()) for s in steps[-1:])
                else:
                    cell.drop_recovered(each.recording_id)
        loss_s = (killed_ns - last_ns) / 1e9
        if loss_s > 1.0:
            self.complain(f"{robot}: the last {loss_s:.2f} s of a clip are lost")
        self.ledger.clip_loss_s_max = max(self.ledger.clip_loss_s_max, loss_s)
        return True

    def sealing(self, draw: random.Random) -> bool:
        """A cell host that is storing a clip."""
        robot = "bench"
        with self._cell(robot) as cell:
            clip = cell.start_recording(
                task="lift-any", outcome="failure", pair_id=None, by="campaign"
            )
            time.sleep(0.7)
        stopped: list[str] = []
        stopping = threading.Thread(target=self._stop, args=(robot, stopped))
        stopping.start()
        time.sleep(draw.uniform(0.0, 0.4))
        self._kill_host(robot)
        stopping.join()
        with self._cell(robot) as cell:
            waiting = [each.recording_id for each in cell.recovered()]
            keep = draw.random() < 0.5
            if clip in waiting and keep:
                cell.keep_recovered(clip)
            elif clip in waiting:
                cell.drop_recovered(clip)
        stands = standing_labels(self.catalog, episode_ids=[clip])
        if len(stands) != (clip not in waiting or keep):
            self.ledger.clips_lost += 1
            self.complain(f"clip {clip} has {len(stands)} labels")
        if stopped and clip in waiting:
            self.complain(f"clip {clip} was confirmed and is offered again")
        self.confirm([label.label_id for label in stands])
        return True

    def _stop(self, robot: str, stopped: list[str]) -> None:
        try:
            with CellClient(self.workspace, robot, timeout_s=PATIENCE_S) as cell:
                stopped.append(cell.stop_recording().episode_id)
        except CellError:
            pass  # killed first

    def _kill_run(self, activity: str, run: Run, draw: random.Random) -> bool:
        """Kill a run, see that it is told, and let it go on to its end."""
        self.window_s.setdefault(activity, 6.0)
        process, _ = self.start(work.execute, run.folder)
        killed = self.kill(activity, draw, process)
        state = run.status().state
        if killed and state not in ("lost", "queued", "done"):
            self.complain(f"a killed run counts as {state}")
        process, _ = self.start(work.execute, run.folder)
        process.join(RUN_PATIENCE_S)
        process.kill()
        if run.status().state != "done":
            self.ledger.runs_lost += 1
            self.complain(f"{run.run_id} did not go on: {run.status()}")
        return killed

    def collecting(self, draw: random.Random) -> bool:
        """A collection of episodes."""
        before = len(list_episodes(self.catalog))
        run = create_run(self.workspace, "collect", {
            "robots": ["robot-3"], "behaviour": "noisy", "policy": None, "tasks": ["lift-any"],
            "episodes_per_robot": EPISODES_A_RUN, "seed": draw.randrange(1000),
        })  # fmt: skip
        killed = self._kill_run("collecting", run, draw)
        made = len(list_episodes(self.catalog)) - before
        if made != EPISODES_A_RUN:
            self.complain(f"a collection of {EPISODES_A_RUN} episodes made {made}")
        return killed

    def detector_training(self, draw: random.Random) -> bool:
        """The training of a detector."""
        run = create_run(self.workspace, "train-detector", {
            "recipe": "smoke", "overrides": work.TINY, "holdout": ["robot-2"],
            "tasks": ["lift-any"], "seed": draw.randrange(1000),
        })  # fmt: skip
        return self._kill_run("detector-training", run, draw)

    def policy_training(self, draw: random.Random) -> bool:
        """The training of a policy, with the newest detector as reward."""
        if not any(self.workspace.detectors.glob("*/thresholds.json")):
            self.detector_training(draw)
        detectors = sorted(self.workspace.detectors.glob("*/thresholds.json"))
        run = create_run(self.workspace, "train-policy", {
            "recipe": "smoke", "overrides": {"batch_size": 4, "label_batch_size": 8},
            "detector": detectors[-1].parent.name, "tasks": ["lift-any"], "strategy": "orig",
            "success_share": 1.0, "failure_share": 1.0, "updates": 15, "from_policy": None,
            "evaluation_episodes": 0, "robots": [], "seed": draw.randrange(1000),
        })  # fmt: skip
        return self._kill_run("policy-training", run, draw)

    def labelling(self, draw: random.Random) -> bool:
        """The web server, while somebody labels in a browser."""
        return self._answer("label", draw)

    def review(self, draw: random.Random) -> bool:
        """The web server, while somebody reviews mistakes in a browser."""
        if not any(self.workspace.detectors.glob("*/thresholds.json")):
            self.detector_training(draw)
        return self._answer("review", draw)

    def _answer(self, page: str, draw: random.Random) -> bool:
        from benchmarks.fault_browser import AppUnderTest

        if not hasattr(self, "_app"):
            self._app = self.stack.enter_context(AppUnderTest(self.workspace))
        start_bytes = self.workspace.labels_path.stat().st_size
        answered = self._app.answer_and_kill(page, draw)
        made = Counter(
            (label.episode_id, label.frame_index)
            for _, label in label_log.read(
                self.workspace.labels_path, start_bytes=start_bytes
            ).labels
            if label.label_id.startswith("app-")
        )
        expected = Counter(answered)
        if made != expected:
            self.complain(f"{page}: {dict(expected - made)} lost, {dict(made - expected)} doubled")
            self.ledger.labels_lost += (expected - made).total()
        return True

    def close(self) -> None:
        """End every process."""
        self.stack.close()
        for host in self._hosts.values():
            host.terminate()
            host.join()


def write_results(campaign: Campaign, path: Path, command: str) -> None:
    """The figures as they stand."""
    values = asdict(campaign.ledger)
    values |= {
        "command": command,
        "commit": _commit(),
        "machine": f"{os.cpu_count()} cores {platform.machine()}, shared with other work",
    }
    write_atomically(path, json.dumps(values, indent=1).encode() + b"\n")


def _commit() -> str:
    asked = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True)
    return asked.stdout.strip()


@click.command()
@click.option("--kills", default=1000, show_default=True, help="End after so many.")
@click.option("--seed", default=0, show_default=True)
@click.option(
    "--folder", default=Path("build/fault-campaign"), type=click.Path(path_type=Path),
    help="What it works on; started again with the same folder, it goes on.",
)  # fmt: skip
@click.option("--results", default=RESULTS, type=click.Path(path_type=Path))
@click.option("--without", multiple=True, type=click.Choice(list(WEIGHTS)), help="Leave out.")
def main(kills: int, seed: int, folder: Path, results: Path, without: tuple[str, ...]) -> None:
    """Kill, start again, check, and count what was lost."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads that spin starve the rest
    os.environ["GOALPOST_VIDEO_FOLDERS"] = str(folder.resolve())
    folder.mkdir(parents=True, exist_ok=True)
    command = f"python -m benchmarks.fault_campaign --kills {kills} --seed {seed}"
    campaign = Campaign(folder.resolve(), seed)
    activities = [name for name in WEIGHTS if name not in without]
    try:
        while campaign.ledger.kills < kills:
            campaign.try_once(activities)
            write_results(campaign, results, command)
    finally:
        campaign.close()
    counted = asdict(campaign.ledger)
    for name, value in counted.items():
        click.echo(f"{name:16} {value}")


if __name__ == "__main__":
    main()
