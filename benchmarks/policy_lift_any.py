"""How often the policy lifts what it was never shown, on a robot that taught it nothing.

    python -m benchmarks.policy_lift_any --workspace DIR --rewards truth
    python -m benchmarks.policy_lift_any --workspace DIR --rewards DETECTOR

Begins where there is nothing: scripts collect, then the policy does, until `--updates` have been
made; interrupted, the same command goes on. Then the policy acts greedily on the holdout robot, the
simulator's truth judges, and `benchmarks/results/policy_lift_any.json` gets its line.
"""

from __future__ import annotations

import json
from pathlib import Path

import click

from benchmarks.policy_learning import COLLECTORS, HOLDOUT, hours, judged, learned
from benchmarks.provenance import provenance
from data.cells.robots import load_robots
from data.workspace import open_workspace
from policy.acting.collector import collection_of
from policy.acting.policy import Policy, PolicyBehaviour
from policy.acting.scripted import ScriptedPick
from policy.artefact import policy_folder

TASK = "lift-any"
RESULTS = Path(__file__).parent / "results" / "policy_lift_any.json"


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
    run = learned(
        workspace,
        {
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
        },
    )
    policy = Policy.load(policy_folder(workspace, run.status().result["policy"]))
    config = collection_of(policy.config, [load_robots(workspace)[HOLDOUT]])
    rates = {}
    for behaviour in (PolicyBehaviour(policy), ScriptedPick()):
        rate = judged(workspace, behaviour, [TASK], attempts, config).by_task[TASK]
        rates[behaviour.name] = rate
        click.echo(f"{behaviour.name}: {rate.successes} of {rate.attempts}")
    of_policy, of_script = rates.values()
    rows = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    rows |= {
        "truth" if rewards == "truth" else "detector": provenance()
        | {
            "success": of_policy.rate,
            "low": of_policy.low,
            "high": of_policy.high,
            "attempts": of_policy.attempts,
            "script": of_script.rate,
            "episodes": int(run.metrics()[-1]["collected"]),
            "updates": updates,
            "hours": hours(run),
        },
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
