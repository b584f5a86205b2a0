"""The whole loop once, without a browser: `goalpost demo`, and what the end-to-end test runs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from app import jobs
from data.catalog.catalog import Catalog
from data.cells.client import CellClient, start_host, stop_host
from data.cells.robots import SIMULATED_FLEET
from data.episodes.index import list_episodes
from data.errors import RunError
from data.labels.truth import label_from_truth
from data.runs.runs import Run
from data.tasks.store import load_tasks
from data.workspace import Workspace, open_workspace
from policy.artefact import load_summary
from sd_model.judging.report_files import load_report
from sd_model.judging.report_tables import report_table


@dataclass(frozen=True, kw_only=True)
class DemoPlan:
    """How much of everything the demo makes."""

    robots: tuple[str, ...] = tuple(robot.name for robot in SIMULATED_FLEET)
    """Cells that record, collect and evaluate."""
    holdout: str = "robot-7"
    """The robot whose data the detector never trains on."""
    tasks: tuple[str, ...] = ("lift-any", "lift-carrot", "place-any")
    """Tasks that are shown to the cameras, judged and trained."""
    pairs: int = 9
    """Success/failure pairs for each task on each robot."""
    clip_seconds: float = 1.0
    """Length of a clip [s], at 5 Hz."""
    episodes_per_robot: int = 25
    """Robot episodes of each scripted behaviour on each robot."""
    detector_recipe: str = "quick"
    detector_overrides: Mapping[str, Any] = field(default_factory=dict)
    """Settings that replace the recipe's."""
    policy_tasks: tuple[str, ...] = ("lift-any",)
    """What the policy learns; it is rewarded by the detector."""
    policy_recipe: str = "cpu"
    policy_overrides: Mapping[str, Any] = field(default_factory=lambda: {"scripted_episodes": 500})
    """Settings that replace the recipe's."""
    updates: int = 1200
    """Gradient steps of the policy."""
    episodes: int = 1200
    """Robot episodes in all at which the robots rest, but for the held-out one, that collect while
    the policy learns."""
    evaluation_episodes: int = 40
    """Episodes of each of its tasks in which the simulator's ground truth judges the policy, and
    the script it began from, on the held-out robot."""


@dataclass
class _Story:
    """What each stage made and how long it took, for the table at the end."""

    rows: list[tuple[str, str, str, str]] = field(default_factory=list)

    @contextmanager
    def stage(self, name: str) -> Iterator[Callable[[str, Path | str], None]]:
        click.echo(f"{name} ...")
        began = time.monotonic()
        made: list[tuple[str, str]] = []
        yield lambda what, where: made.append((what, str(where)))
        seconds = time.monotonic() - began
        for what, where in made:
            self.rows.append((name, what, f"{seconds:.0f}" if what == made[0][0] else "", where))
            click.echo(f"  {what}")

    def table(self) -> str:
        return _table(
            ("stage", "made", "seconds", "where"),
            self.rows,
        )


def run_demo(root: Path | None, plan: DemoPlan | None = None) -> Workspace:
    """Record, collect, label, train, report, retrain and evaluate in a workspace of its own.

    Raises:
        RunError: A stage failed; names the run's folder and the end of its log.
    """
    plan = plan or DemoPlan()
    root = root or Path("demo") / datetime.now().strftime("%Y-%m-%d-%H%M%S")
    workspace = open_workspace(root)
    catalog = Catalog(workspace)
    tasks = load_tasks(workspace)
    story = _Story()
    # The robots' own cells collect while people's clips are recorded, at five frames a second.
    with ThreadPoolExecutor(len(plan.robots) + 1) as pool:
        collecting = pool.submit(_collect, workspace, plan)
        with story.stage("Record") as made:
            clips = sum(pool.map(lambda robot: _record(workspace, robot, plan), plan.robots))
            made(f"{clips} clips of {len(plan.tasks)} tasks on {len(plan.robots)} robots",
                 workspace.episodes)  # fmt: skip
        with story.stage("Collect") as made:
            for behaviour, run in collecting.result().items():
                made(f"{run.status().result['episodes']} episodes, {behaviour}", run.folder)
    with story.stage("Label") as made:
        episodes = list_episodes(catalog, kind="robot")
        count = label_from_truth(catalog, episodes, tasks.only(plan.tasks), at_ns=time.time_ns())
        made(f"{count} labels from the simulator's ground truth", workspace.labels_path)
    with story.stage("Train detector") as made:
        run = _finish(workspace, "train-detector", {
            "recipe": plan.detector_recipe, "overrides": dict(plan.detector_overrides),
            "holdout": [plan.holdout], "tasks": list(plan.tasks), "seed": 0,
        })  # fmt: skip
        detector = str(run.status().result["detector"])
        folder = workspace.detectors / detector
        made(f"detector {detector}", folder)
        made(f"report of the held-out {plan.holdout}", folder / "report.html")
    with story.stage("Retrain policy") as made:
        run = _finish(workspace, "train-policy", {
            "recipe": plan.policy_recipe, "overrides": dict(plan.policy_overrides),
            "detector": detector, "tasks": list(plan.policy_tasks), "strategy": "skill",
            "success_share": 1.0, "failure_share": 1.0, "updates": plan.updates,
            "from_policy": None, "collect_robots": [each for each in plan.robots
                                                    if each != plan.holdout],
            "episodes": plan.episodes, "processes": os.cpu_count() or 1,
            "evaluation_episodes": plan.evaluation_episodes, "robots": [plan.holdout],
            "compare_script": True, "seed": 0,
        })  # fmt: skip
        policy = str(run.status().result["policy"])
        made(f"policy {policy} after {plan.updates} updates", workspace.policies / policy)
    click.echo(f"\nDetector, judged on {plan.holdout} and by validation")
    click.echo(report_table(load_report(folder)))
    click.echo(f"\nPolicy, judged on {plan.holdout} by the simulator's ground truth")
    click.echo(_evaluation_table(workspace.policies / policy))
    click.echo("\nWhat was made")
    click.echo(story.table())
    click.echo(f"\nLook at it in the browser: goalpost up --workspace {workspace.root}")
    return workspace


def _record(workspace: Workspace, robot: str, plan: DemoPlan) -> int:
    """Record every pair of every task on one robot's cell; the number of clips."""
    clips = 0
    start_host(workspace, robot)
    try:
        with CellClient(workspace, robot) as cell:
            for number in range(plan.pairs):
                for index, task in enumerate(plan.tasks):
                    scene = number * len(plan.tasks) + index
                    cell.new_scene(scene)
                    pair = f"{robot}-{task}-{number}"
                    for outcome in ("success", "failure"):
                        near_miss = outcome == "failure" and number % 2 == 1
                        cell.demonstrate(task, outcome, near_miss, scene)
                        cell.start_recording(task=task, outcome=outcome, pair_id=pair, by="demo")
                        time.sleep(plan.clip_seconds)
                        cell.stop_recording()
                        clips += 1
    finally:
        stop_host(workspace, robot)
    return clips


def _collect(workspace: Workspace, plan: DemoPlan) -> dict[str, Run]:
    """Let the scripts pick and place on every robot, side by side; the runs by behaviour."""
    task_of = {"scripted-pick": "lift-any", "scripted-place": "place-any"}

    def collected(behaviour: str) -> Run:
        return _finish(workspace, "collect", {
            "robots": list(plan.robots), "behaviour": behaviour, "policy": None,
            "tasks": [task_of[behaviour]], "episodes_per_robot": plan.episodes_per_robot, "seed": 0,
        })  # fmt: skip

    with ThreadPoolExecutor(len(task_of)) as pool:
        return dict(zip(task_of, pool.map(collected, task_of), strict=True))


def _finish(workspace: Workspace, kind: str, spec: dict[str, Any]) -> Run:
    """Start a background run as the app does, and wait for it."""
    run = jobs.start(workspace, kind, spec)
    while (status := run.status()).state in ("queued", "running"):
        time.sleep(0.5)
    if status.state != "done":
        raise RunError(
            f"The {kind} run ended as '{status.state}': {status.error or status.message}",
            where=run.folder,
            next_step=f"Read {run.folder / 'log.txt'}; its end:\n{run.log_tail(20)}",
        )
    return run


def _evaluation_table(folder: Path) -> str:
    evaluation = load_summary(folder).evaluation or {"by_task": {}}
    tried = {"policy": evaluation, "script": evaluation.get("script", {"by_task": {}})}
    return _table(
        ("task", "", "successes", "rate", "95% interval"),
        [
            (
                task,
                name,
                f"{rate['successes']} of {rate['attempts']}",
                f"{rate['rate']:.0%}",
                f"{rate['low']:.0%} to {rate['high']:.0%}",
            )
            for task in evaluation["by_task"]
            for name, found in tried.items()
            if (rate := found["by_task"].get(task))
        ],
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
