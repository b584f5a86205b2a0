"""`goalpost data record`: one clip, without a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from data.command_line import existing_workspace


@click.command("record")
@click.argument("robot")
@click.argument("task")
@click.argument("outcome", type=click.Choice(["success", "failure"]))
@click.option("--seconds", default=10.0, show_default=True, help="How long to record [s].")
@click.option(
    "--pair", help="Pair of the scene, as an earlier clip printed it; default: a new one."
)
@click.option("--by", help="Who shows it; default: your user name.")
@click.option("--near-miss", is_flag=True, help="Simulated robots: show a failure that is nearly "
              "the other outcome.")  # fmt: skip
@click.pass_obj
def record(
    root: Path | None,
    robot: str,
    task: str,
    outcome: Any,
    seconds: float,
    pair: str | None,
    by: str | None,
    near_miss: bool,
) -> None:
    """Record a clip that shows OUTCOME of TASK at ROBOT; a simulated person arranges it.

    Starts the robot's cell host where none runs, and leaves it running.
    """
    import getpass
    import secrets
    import time

    from data.cells.client import CellClient, start_host
    from data.episodes.episodes import new_episode_id
    from data.tasks.store import load_tasks

    workspace = existing_workspace(root)
    name = load_tasks(workspace)[task].name
    start_host(workspace, robot)
    pair = pair or f"pair-{new_episode_id(time.time_ns())}"
    with CellClient(workspace, robot) as cell:
        if cell.status().kind == "simulated":
            cell.demonstrate(name, outcome, near_miss, secrets.randbelow(2**31))
        cell.start_recording(task=name, outcome=outcome, pair_id=pair, by=by or getpass.getuser())
        time.sleep(seconds)
        summary = cell.stop_recording()
    click.echo(
        f"{summary.episode_id}  {summary.frame_count} frames, one every "
        f"{summary.median_interval_ms:.0f} ms, {summary.dropped_frames} missed"
    )
    click.echo(f"For the other outcome of the same scene: --pair {pair}")
