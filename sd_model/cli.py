"""`goalpost sd`: train, score and report success detectors."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from data.workspace import Workspace

# torch, pyarrow and DuckDB are imported by the command that needs them: `--help` stays quick.


@click.group()
@click.option(
    "--workspace",
    "root",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="The workspace's folder; $GOALPOST_WORKSPACE, or workspace/ here.",
)
@click.pass_context
def sd(context: click.Context, root: Path | None) -> None:
    """Success detectors: train, score, report."""
    context.obj = root


@sd.command()
@click.option("--recipe", default="cpu", show_default=True, help="smoke, cpu or paper.")
@click.option("--holdout", multiple=True, help="A robot that only judges; may be repeated.")
@click.option("--task", "tasks", multiple=True, help="A task to learn; default: all that can be.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change the recipe.")
@click.option("--seed", default=0, show_default=True, help="Of weights, batches and splits.")
@click.pass_obj
def train(
    root: Path | None,
    recipe: str,
    holdout: Sequence[str],
    tasks: Sequence[str],
    settings: Sequence[str],
    seed: int,
) -> None:
    """Train a detector here and now, and print its report."""
    from data.errors import GoalpostError
    from data.runs import create_run
    from sd_model.report import load_report, report_table
    from sd_model.run import execute_run

    try:
        workspace = _workspace(root)
        spec = {
            "recipe": recipe,
            "overrides": dict(_setting(text) for text in settings),
            "holdout": list(holdout),
            "tasks": list(tasks) or None,
            "seed": seed,
        }
        run = create_run(workspace, "train-detector", spec)
        click.echo(f"Training in {run.folder}; interrupted, it goes on with:")
        click.echo(f"  goalpost sd execute {run.folder}")
        folder = execute_run(run)
    except GoalpostError as error:
        raise click.ClickException(str(error)) from error
    if folder is None:
        raise click.ClickException("The training was cancelled.")
    click.echo(report_table(load_report(folder)))
    click.echo(f"Detector: {folder}")


@sd.command()
@click.argument("run_folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
def execute(run_folder: Path) -> None:
    """Carry out the train-detector run in RUN_FOLDER, or go on with it."""
    from data.errors import GoalpostError
    from data.runs import open_run
    from sd_model.run import execute_run

    try:
        folder = execute_run(open_run(run_folder))
    except GoalpostError as error:
        raise click.ClickException(str(error)) from error
    click.echo("The run was cancelled." if folder is None else f"Detector: {folder}")


@sd.command()
@click.argument("detector_id")
@click.option("--json", "as_json", is_flag=True, help="Print report.json.")
@click.option("--again", is_flag=True, help="Write the report again from the stored scores.")
@click.pass_obj
def report(root: Path | None, detector_id: str, as_json: bool, again: bool) -> None:
    """Print the report of DETECTOR_ID, per robot and task, the holdout first."""
    from data.errors import GoalpostError
    from sd_model.artefact import MANIFEST, detector_folder, load_summary
    from sd_model.manifest import Manifest
    from sd_model.report import HTML, JSON, load_report, report_table, write_report

    try:
        folder = detector_folder(_workspace(root), detector_id)
        if again:
            write_report(load_summary(folder), Manifest.load(folder / MANIFEST))
        loaded = load_report(folder)
    except GoalpostError as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo((folder / JSON).read_text("utf-8"))
        return
    click.echo(report_table(loaded))
    for cell in loaded.cells:
        if cell.split == "holdout":
            for step in cell.advice:
                click.echo(f"- {step}")
    click.echo(f"Page: {folder / HTML}")


@sd.command("list")
@click.pass_obj
def list_command(root: Path | None) -> None:
    """List the trained detectors, the newest first."""
    from datetime import UTC, datetime

    from data.errors import GoalpostError
    from sd_model.artefact import list_detectors

    try:
        found = list_detectors(_workspace(root))
    except GoalpostError as error:
        raise click.ClickException(str(error)) from error
    if not found:
        click.echo("No detector yet. Train one with `goalpost sd train --holdout ROBOT`.")
    for each in found:
        created = datetime.fromtimestamp(each.created_at_ns / 1e9, UTC)
        click.echo(
            f"{each.detector_id}  {created:%Y-%m-%d %H:%M} UTC  {len(each.tasks)} tasks  "
            f"held out: {', '.join(each.holdout) or 'none'}"
        )


@sd.command()
@click.argument("detector_id")
@click.argument("episode_ids", nargs=-1, required=True)
@click.pass_obj
def score(root: Path | None, detector_id: str, episode_ids: Sequence[str]) -> None:
    """Judge the terminal frames of EPISODE_IDS and print the scores; * marks a success."""
    from data.catalog import Catalog
    from data.errors import GoalpostError
    from sd_model.artefact import detector_folder
    from sd_model.detector import Detector
    from sd_model.episode_scores import score_episodes

    try:
        workspace = _workspace(root)
        detector = Detector.load(detector_folder(workspace, detector_id))
        scores_NT = score_episodes(detector, Catalog(workspace), episode_ids)
    except GoalpostError as error:
        raise click.ClickException(str(error)) from error
    for episode_id, score_T, decision_T in zip(
        episode_ids, scores_NT, detector.decide(scores_NT), strict=True
    ):
        click.echo(episode_id)
        for task, value, success in zip(detector.tasks, score_T, decision_T, strict=True):
            click.echo(f"  {value:.3f} {'*' if success else ' '} {task}")


def _workspace(root: Path | None) -> Workspace:
    from data.workspace import default_root, open_workspace

    return open_workspace(root or default_root(), create=False)


def _setting(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals:
        raise click.BadParameter(f"'{text}' is not KEY=VALUE, such as steps=500.")
    try:
        return key.strip(), json.loads(value)
    except ValueError:
        return key.strip(), value


if __name__ == "__main__":
    sys.exit(sd())
