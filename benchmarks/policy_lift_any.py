"""How often the policy lifts what it was never shown, on a robot that taught it nothing.

    python -m benchmarks.policy_lift_any --workspace DIR --rewards truth
    python -m benchmarks.policy_lift_any --workspace DIR --rewards DETECTOR

Begins where there is nothing: scripts collect, then the policy does, until `--updates` have been
made; interrupted, the same command goes on. Then the policy acts greedily on the holdout robot, the
simulator's truth judges, and `benchmarks/results/policy_lift_any.json` gets its line.
"""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import click

from benchmarks.provenance import provenance
from data.cells.robots import load_robots
from data.cells.simulated.cell import make_cell
from data.runs.runs import find_or_create_run
from data.tasks.store import load_tasks
from data.workspace import open_workspace
from policy.acting.collector import collection_of
from policy.acting.evaluation import evaluate_behaviour
from policy.acting.policy import Policy, PolicyBehaviour
from policy.acting.scripted import ScriptedPick
from policy.artefact import policy_folder
from policy.run import execute_run

TASK = "lift-any"
HOLDOUT = "robot-7"
COLLECTORS = tuple(f"robot-{number}" for number in range(1, 7))
RESULTS = Path(__file__).parent / "results" / "policy_lift_any.json"
JUDGING_SEED = 20_261
"""Of scenes that no other command uses."""


@click.command()
@click.option("--workspace", "root", type=click.Path(path_type=Path), required=True)
@click.option("--rewards", default="truth", show_default=True, help="truth, or a detector's id.")
@click.option("--updates", default=4500, show_default=True)
@click.option("--episodes", default=2250, show_default=True, help="Collected at most, in all.")
@click.option("--attempts", default=100, show_default=True, help="On the holdout robot.")
@click.option("--processes", default=0, help="That collect; 0 leaves one core for training.")
@click.option("--seed", default=0, show_default=True)
def main(
    root: Path,
    rewards: str,
    updates: int,
    episodes: int,
    attempts: int,
    processes: int,
    seed: int,
) -> None:
    """Learn, judge, and write the result."""
    workspace = open_workspace(root)
    spec = {
        "recipe": "cpu",
        "overrides": {},
        "detector": None if rewards == "truth" else rewards,
        "tasks": [TASK],
        "updates": updates,
        "robots": [HOLDOUT],
        "collect_robots": list(COLLECTORS),
        "episodes": episodes,
        "processes": processes,
        "seed": seed,
    }
    run = find_or_create_run(workspace, "train-policy", spec)
    if run.status().state != "done":
        execute_run(run)
    if run.status().state != "done":
        raise click.ClickException(
            f"The run ended as '{run.status().state}'; this command goes on."
        )
    policy = Policy.load(policy_folder(workspace, run.status().result["policy"]))
    rates = {}
    for behaviour in (PolicyBehaviour(policy), ScriptedPick()):
        robot = load_robots(workspace)[HOLDOUT]
        with closing(make_cell(robot)) as cell:
            report = evaluate_behaviour(
                behaviour,
                [cell],
                [load_tasks(workspace)[TASK]],
                attempts,
                seed=JUDGING_SEED,
                report=Quiet(),
                config=collection_of(policy.config, [robot]),
            )
        rates[behaviour.name] = report.by_task[TASK]
        rate = report.by_task[TASK]
        click.echo(f"{behaviour.name}: {rate.successes} of {rate.attempts}")
    learned, script = rates.values()
    rows = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    rows |= {
        "truth" if rewards == "truth" else "detector": provenance()
        | {
            "success": learned.rate,
            "low": learned.low,
            "high": learned.high,
            "attempts": learned.attempts,
            "script": script.rate,
            "episodes": int(run.metrics()[-1]["collected"]),
            "updates": updates,
            "hours": round((run.status().updated_at_ns - run.created_at_ns) / 3.6e12, 2),
        },
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(rows, indent=2) + "\n")


class Quiet:
    """Hears of the progress and says nothing."""

    def progress(self, fraction: float, message: str) -> None:
        """Nothing."""


if __name__ == "__main__":
    main()
