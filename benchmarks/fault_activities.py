"""What the fault campaign interrupts: each activity is begun, killed, and begun again.

An activity answers whether the kill came before its end.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from contextlib import ExitStack
from multiprocessing.process import BaseProcess

from playwright.sync_api import Error as PlaywrightError

from benchmarks import fault_work as work
from benchmarks.fault_browser import MOST_ANSWERS, AppUnderTest
from benchmarks.fault_target import HELD_OUT, Target
from data.cells.addresses import is_held
from data.cells.client import CellClient
from data.checking import check_workspace
from data.episodes.index import list_episodes, load_episode
from data.errors import CellError
from data.labels import log as label_log
from data.labels.labels import standing_labels
from data.recording.sealing import FEWEST_FRAMES
from data.runs.runs import Run, create_run

WEIGHTS = {
    "recording": 17, "sealing": 17, "label-log": 20, "compaction": 17, "rebuild": 17,
    "labelling": 4, "review": 2, "collecting": 2, "detector-training": 2, "policy-training": 2,
}  # fmt: skip
"""How often each activity is killed, of 100; what starts quickly is killed more often."""
EPISODES_A_RUN = 3
MOST_LOST_S = 1.0
"""From the last frame that is kept of a clip to the kill."""
PATIENCE_S = 120.0
RUN_PATIENCE_S = 900.0
"""How long a run may take to its end on a busy machine."""


class Activities:
    """All that works in one workspace, named as in `WEIGHTS`."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._stack = ExitStack()
        self._app: AppUnderTest | None = None
        self._hosts: dict[str, BaseProcess] = {}

    def interrupt(self, activity: str, draw: random.Random) -> bool:
        """Begin the activity and kill it at a random moment; False where it was done before."""
        killed: bool = getattr(self, activity.replace("-", "_"))(draw)
        return killed

    def close(self) -> None:
        """End every process."""
        self._stack.close()
        for host in self._hosts.values():
            host.terminate()
            host.join()

    def label_log(self, draw: random.Random) -> bool:
        """A writer of labels."""
        process, pipe = self.target.start(
            work.append, self.target.workspace.root, draw.randrange(1 << 30)
        )
        killed = self.target.kill("label-log", draw, process)
        try:
            while True:
                self.target.confirm(pipe.recv())
        except EOFError:
            return killed

    def compaction(self, draw: random.Random) -> bool:
        """A compaction of a few new shards."""
        for _ in range(draw.randint(2, 5)):
            work.save_robot_episodes(self.target.workspace, 1, time.time_ns())
        before = {each.info.episode_id for each in list_episodes(self.target.catalog)}
        process, _ = self.target.start(work.compact_shards, self.target.workspace.root)
        killed = self.target.kill("compaction", draw, process)
        self._expect_episodes(before, draw)
        return killed

    def rebuild(self, draw: random.Random) -> bool:
        """A rebuild of the catalog."""
        before = {each.info.episode_id for each in list_episodes(self.target.catalog)}
        process, _ = self.target.start(work.rebuild_catalog, self.target.workspace.root)
        killed = self.target.kill("rebuild", draw, process)
        self._expect_episodes(before, draw)
        return killed

    def _expect_episodes(self, expected: set[str], draw: random.Random) -> None:
        check_workspace(self.target.catalog)
        found = {each.info.episode_id for each in list_episodes(self.target.catalog)}
        if found != expected:
            self.target.complain(
                f"{len(expected - found)} episodes lost, {len(found - expected)} new"
            )
        for episode_id in draw.sample(sorted(found), 3):
            load_episode(self.target.catalog, episode_id)

    def _cell(self, robot: str) -> CellClient:
        """A client of the robot's host, started again where it was killed."""
        deadline_s = time.monotonic() + PATIENCE_S
        if robot not in self._hosts or not self._hosts[robot].is_alive():
            self._hosts[robot], _ = self.target.start(
                work.serve_cell, self.target.workspace.root, robot
            )
        while True:
            try:
                return CellClient(self.target.workspace, robot, timeout_s=PATIENCE_S)
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
        while is_held(self.target.workspace, robot) and time.monotonic() < deadline_s:
            time.sleep(0.05)
        if is_held(self.target.workspace, robot):
            self.target.complain(f"the lock of {robot} outlives its host")
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
            taking = cell.status().recording
            taken = 0 if taking is None else taking.frame_count
            killed_ns = self._kill_host(robot)
        last_ns, kept = began_ns, 0
        with self._cell(robot) as cell:
            for each in cell.recovered():
                if each.recording_id == clip and each.frame_count >= FEWEST_FRAMES:
                    cell.keep_recovered(clip)
                    self.target.confirm([f"clip-{clip}"])
                    steps = load_episode(self.target.catalog, clip).steps
                    kept = len(steps)
                    last_ns = max(max(s.frames.timestamps_ns.values()) for s in steps[-1:])
                else:
                    cell.drop_recovered(each.recording_id)
        # Where nothing is kept, all since the beginning is lost.
        loss_s = (killed_ns - last_ns) / 1e9
        if loss_s > MOST_LOST_S:
            self.target.complain(f"{robot}: the last {loss_s:.2f} s of a clip are lost")
        ledger = self.target.ledger
        ledger.clip_loss_s_max = max(ledger.clip_loss_s_max, loss_s)
        # One frame is no clip, and is dropped.
        broken = max(0, taken - kept) if taken >= FEWEST_FRAMES else 0
        ledger.taken_frames_lost_max = max(ledger.taken_frames_lost_max, broken)
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
        stands = standing_labels(self.target.catalog, episode_ids=[clip])
        if len(stands) != (clip not in waiting or keep):
            self.target.ledger.clips_lost += 1
            self.target.complain(f"clip {clip} has {len(stands)} labels")
        if stopped and clip in waiting:
            self.target.complain(f"clip {clip} was confirmed and is offered again")
        self.target.confirm([label.label_id for label in stands])
        return True

    def _stop(self, robot: str, stopped: list[str]) -> None:
        try:
            with CellClient(self.target.workspace, robot, timeout_s=PATIENCE_S) as cell:
                stopped.append(cell.stop_recording().episode_id)
        except CellError:
            pass  # killed first

    def _kill_run(self, activity: str, run: Run, draw: random.Random) -> bool:
        """Kill a run, see that it is told, and let it go on to its end."""
        self.target.window_s.setdefault(activity, 6.0)
        process, _ = self.target.start(work.execute, run.folder)
        killed = self.target.kill(activity, draw, process)
        state = run.status().state
        if killed and state not in ("lost", "queued", "done"):
            self.target.complain(f"a killed run counts as {state}")
        process, _ = self.target.start(work.execute, run.folder)
        process.join(RUN_PATIENCE_S)
        process.kill()
        if run.status().state != "done":
            self.target.ledger.runs_lost += 1
            self.target.complain(f"{run.run_id} did not go on: {run.status()}")
        return killed

    def collecting(self, draw: random.Random) -> bool:
        """A collection of episodes."""
        before = len(list_episodes(self.target.catalog))
        run = create_run(self.target.workspace, "collect", {
            "robots": ["robot-3"], "behaviour": "noisy", "policy": None, "tasks": ["lift-any"],
            "episodes_per_robot": EPISODES_A_RUN, "seed": draw.randrange(1000),
        })  # fmt: skip
        killed = self._kill_run("collecting", run, draw)
        made = len(list_episodes(self.target.catalog)) - before
        if made != EPISODES_A_RUN:
            self.target.complain(f"a collection of {EPISODES_A_RUN} episodes made {made}")
        return killed

    def detector_training(self, draw: random.Random) -> bool:
        """The training of a detector."""
        run = create_run(self.target.workspace, "train-detector", {
            "recipe": "smoke", "overrides": work.TINY, "holdout": [HELD_OUT],
            "tasks": ["lift-any"], "seed": draw.randrange(1000),
        })  # fmt: skip
        return self._kill_run("detector-training", run, draw)

    def policy_training(self, draw: random.Random) -> bool:
        """The training of a policy, with the newest detector as reward."""
        if not any(self.target.workspace.detectors.glob("*/thresholds.json")):
            self.detector_training(draw)
        detectors = sorted(self.target.workspace.detectors.glob("*/thresholds.json"))
        run = create_run(self.target.workspace, "train-policy", {
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
        looked_at = {
            label.episode_id
            for label in standing_labels(self.target.catalog)
            if label.source == "review"
        }
        clips = list_episodes(self.target.catalog, kind="clip", robots=[HELD_OUT])
        used_up = sum(clip.info.episode_id not in looked_at for clip in clips) < MOST_ANSWERS
        if used_up:
            work.save_pairs(self.target.workspace, HELD_OUT, 20, time.time_ns())
        if used_up or not any(self.target.workspace.detectors.glob("*/thresholds.json")):
            self.detector_training(draw)
        return self._answer("review", draw)

    def _answer(self, page: str, draw: random.Random) -> bool:
        if self._app is None:
            self._app = self._stack.enter_context(AppUnderTest(self.target.workspace))
        start_bytes = self.target.workspace.labels_path.stat().st_size
        try:
            answered = self._app.answer_and_kill(page, draw)
        except PlaywrightError as error:
            self.target.complain(f"{page}: {error}")
            self._stack.close()
            self._app = None
            return True
        made = Counter(
            (label.episode_id, label.frame_index)
            for _, label in label_log.read(
                self.target.workspace.labels_path, start_bytes=start_bytes
            ).labels
            if label.label_id.startswith("app-")
        )
        expected = Counter(answered)
        if made != expected:
            self.target.complain(
                f"{page}: {dict(expected - made)} lost, {dict(made - expected)} doubled"
            )
            self.target.ledger.labels_lost += (expected - made).total()
            self.target.ledger.labels_doubled += (made - expected).total()
        return True
