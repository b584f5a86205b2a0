"""How often one policy does each of the twelve tasks, on a robot that taught it nothing.

    python -m benchmarks.policy_twelve_tasks --workspace DIR --rewards DETECTOR

Begins where there is nothing: scripts collect, then the policy does, until `--updates` have been
made; interrupted, the same command goes on. Then the policy acts greedily on the holdout robot, the
simulator's truth judges, and `benchmarks/results/policy_twelve_tasks.json` is written, with the
success on the training robots along the way. What the truth would have taught comes under `truth`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.policy_learning import COLLECTORS, HOLDOUT, hours, judged, learned
from benchmarks.provenance import provenance
from data.cells.robots import load_robots
from data.runs.runs import Run
from data.tasks.tasks import SEED_TASKS
from data.workspace import open_workspace
from policy.acting.collector import collection_of
from policy.acting.evaluation import EvaluationReport
from policy.acting.policy import Policy, PolicyBehaviour
from policy.acting.scripted import Scripted
from policy.artefact import policy_folder

RESULTS = Path(__file__).parent / "results" / "policy_twelve_tasks.json"
CURVE_POINTS = 20


@click.command()
@click.option("--workspace", "root", type=click.Path(path_type=Path), required=True)
@click.option("--rewards", required=True, help="truth, or a detector's id.")
@click.option("--updates", default=18_000, show_default=True)
@click.option("--restart-updates", default=6_000, show_default=True)
@click.option("--bootstrap-share", default=0.0, show_default=True)
@click.option("--replay-capacity", default=1_000_000, show_default=True, help="Transitions.")
@click.option("--episodes", default=9_000, show_default=True, help="Collected at most, in all.")
@click.option("--scripted-episodes", default=2_400, show_default=True, help="Of them, at first.")
@click.option("--attempts", default=100, show_default=True, help="Of each task.")
@click.option("--processes", default=0, help="That collect; 0 leaves one core for training.")
@click.option("--seed", default=0, show_default=True)
@click.option("--results", default=RESULTS, type=click.Path(path_type=Path), show_default=True)
def main(
    root: Path,
    rewards: str,
    updates: int,
    restart_updates: int,
    bootstrap_share: float,
    replay_capacity: int,
    episodes: int,
    scripted_episodes: int,
    attempts: int,
    processes: int,
    seed: int,
    results: Path,
) -> None:
    """Learn, judge, and write the result."""
    workspace = open_workspace(root)
    tasks = list(SEED_TASKS.names)
    run = learned(
        workspace,
        {
            "recipe": "cpu",
            "overrides": {
                "restart_updates": restart_updates,
                "bootstrap_share": bootstrap_share,
                "scripted_episodes": scripted_episodes,
                "replay_capacity": replay_capacity,
            },
            "detector": None if rewards == "truth" else rewards,
            "tasks": tasks,
            "updates": updates,
            "robots": [HOLDOUT],
            "collect_robots": list(COLLECTORS),
            "episodes": episodes,
            "processes": processes,
            "seed": seed,
        },
    )
    policy = Policy.load(policy_folder(workspace, run.status().result["policy"]))
    config = collection_of(policy.config, [load_robots(workspace)[HOLDOUT]])
    of_policy = judged(workspace, PolicyBehaviour(policy), tasks, attempts, config)
    of_script = judged(workspace, Scripted(), tasks, attempts, config)
    content = provenance() | {
        "rewards": rewards,
        "mean_success": _mean(of_policy),
        "script_mean_success": _mean(of_script),
        "by_task": {
            task: {
                "success": rate.rate, "low": rate.low, "high": rate.high,
                "attempts": rate.attempts, "script": of_script.by_task[task].rate,
            }
            for task, rate in of_policy.by_task.items()
        },
        "episodes": int(run.metrics()[-1]["collected"]),
        "updates": updates,
        "replay_capacity": replay_capacity,
        "hours": hours(run),
        "curve": _curve(run),
    }  # fmt: skip
    found = json.loads(results.read_text()) if results.exists() else {}
    if rewards == "truth":
        content = {**found, "truth": content}
    elif "truth" in found:
        content["truth"] = found["truth"]
    results.write_text(json.dumps(content, indent=2) + "\n")
    for task, rate in of_policy.by_task.items():
        click.echo(f"{task}: {rate.successes} of {rate.attempts}")


def _mean(report: EvaluationReport) -> float:
    return float(np.mean([rate.rate for rate in report.by_task.values()]))


def _curve(run: Run) -> list[dict[str, Any]]:
    """The policy without noise on the training robots, tasks mixed, along updates and episodes."""
    rows = [row for row in run.metrics() if "greedy_attempts" in row]
    points = []
    for part in np.array_split(np.arange(len(rows)), CURVE_POINTS):
        own = [rows[index] for index in part]
        attempts = sum(row["greedy_attempts"] for row in own)
        if attempts:
            points.append({
                "updates": int(own[-1]["step"]), "episodes": int(own[-1]["collected"]),
                "attempts": int(attempts),
                "success": sum(row["greedy_successes"] for row in own) / attempts,
            })  # fmt: skip
    return points


if __name__ == "__main__":
    main()
