"""`goalpost sd`: train, score and report success detectors."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click
from click.core import ParameterSource

from data.command_line import CommandGroup, existing_workspace, parse_settings, workspace_option

# torch, pyarrow and DuckDB are imported by the command that needs them: `--help` stays quick.


@click.group(cls=CommandGroup)
@workspace_option
@click.pass_context
def sd(context: click.Context, root: Path | None) -> None:
    """Success detectors: train, score, report."""
    context.obj = root


@sd.command()
@click.option("--recipe", default="cpu", show_default=True, help="smoke, quick, cpu or paper.")
@click.option("--holdout", multiple=True, help="A robot that only judges; may be repeated.")
@click.option("--task", "tasks", multiple=True, help="A task to learn; default: all that can be.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change the recipe.")
@click.option("--seed", default=0, show_default=True, help="Of weights, batches and splits.")
@click.option(
    "--from-detector",
    help="Go on from this one with the labels of now, in a fifth of the updates.",
)
@click.pass_context
def train(
    context: click.Context,
    recipe: str,
    holdout: Sequence[str],
    tasks: Sequence[str],
    settings: Sequence[str],
    seed: int,
    from_detector: str | None,
) -> None:
    """Train a detector here and now, and print its report."""
    from data.runs.runs import create_run
    from sd_model.judging.report_files import load_report
    from sd_model.judging.report_tables import report_table
    from sd_model.run import execute_run

    workspace = existing_workspace(context.obj)
    spec: dict[str, object] = {"tasks": list(tasks) or None}
    if from_detector is None:
        spec |= {"recipe": recipe, "overrides": parse_settings(settings)}
        spec |= {"holdout": list(holdout), "seed": seed}
    else:
        for name in ("recipe", "settings", "holdout", "seed"):
            if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
                raise click.UsageError(
                    f"--from-detector keeps the {name} of '{from_detector}': leave that option out."
                )
        spec["from_detector"] = from_detector
    run = create_run(workspace, "train-detector", spec)
    click.echo(f"Training in {run.folder}; interrupted, it goes on with:")
    click.echo(f"  goalpost sd execute {run.folder}")
    folder = execute_run(run)
    if folder is None:
        raise click.ClickException("The training was cancelled.")
    click.echo(report_table(load_report(folder)))
    click.echo(f"Detector: {folder}")


@sd.command()
@click.argument("run_folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
def execute(run_folder: Path) -> None:
    """Carry out the run in RUN_FOLDER, or go on with it: train-detector or score-episodes."""
    from data.runs.runs import open_run
    from sd_model.judging.score_run import execute_score_run
    from sd_model.run import execute_run

    run = open_run(run_folder)
    if run.kind == "score-episodes":
        judged = execute_score_run(run)
        click.echo("The run was cancelled." if judged is None else f"Judged: {judged}")
        return
    folder = execute_run(run)
    click.echo("The run was cancelled." if folder is None else f"Detector: {folder}")


@sd.command()
@click.argument("detector_id")
@click.option("--json", "as_json", is_flag=True, help="Print report.json.")
@click.option("--again", is_flag=True, help="Write the report again from the stored scores.")
@click.pass_obj
def report(root: Path | None, detector_id: str, as_json: bool, again: bool) -> None:
    """Print the report of DETECTOR_ID, per robot and task, the holdout first."""
    from sd_model.artefact import MANIFEST, detector_folder, load_summary
    from sd_model.examples.manifest import Manifest
    from sd_model.judging.report_files import HTML, JSON, load_report, write_report
    from sd_model.judging.report_tables import report_table

    folder = detector_folder(existing_workspace(root), detector_id)
    if again:
        write_report(load_summary(folder), Manifest.load(folder / MANIFEST))
    loaded = load_report(folder)
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

    from sd_model.artefact import damaged_detectors, list_detectors

    workspace = existing_workspace(root)
    for error in damaged_detectors(workspace):
        click.echo(f"Left out: {error}", err=True)
    found = list_detectors(workspace)
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
    """Judge the terminal frames of EPISODE_IDS and print the scores; * marks a success.

    The scores are remembered in the workspace's cache.
    """
    from data.catalog.catalog import Catalog
    from sd_model.artefact import detector_folder
    from sd_model.judging.detector import Detector
    from sd_model.judging.episode_scores import score_episodes
    from sd_model.judging.score_cache import ScoreCache

    workspace = existing_workspace(root)
    detector = Detector.load(detector_folder(workspace, detector_id))
    scores_NT = score_episodes(detector, Catalog(workspace), episode_ids)
    ScoreCache(workspace, detector).add(dict(zip(episode_ids, scores_NT, strict=True)))
    for episode_id, score_T, decision_T in zip(
        episode_ids, scores_NT, detector.decide(scores_NT), strict=True
    ):
        click.echo(episode_id)
        for task, value, success in zip(detector.tasks, score_T, decision_T, strict=True):
            click.echo(f"  {value:.3f} {'*' if success else ' '} {task}")


@sd.command("approve")
@click.argument("detector")
@click.option("--withdraw", "taken_back", is_flag=True, help="Take the approval back.")
@click.option("--by", help="Who says so; default: your user name.")
@click.pass_obj
def approve_(root: Path | None, detector: str, taken_back: bool, by: str | None) -> None:
    """Let DETECTOR be served: `goalpost serve` uses the one approved last."""
    import getpass
    import time

    from sd_model.approval import approve, withdraw

    workspace = existing_workspace(root)
    if taken_back:
        withdraw(workspace, detector)
        click.echo(f"{detector} is not approved any more.")
        return
    approve(workspace, detector, by=by or getpass.getuser(), at_ns=time.time_ns())
    click.echo(f"{detector} is approved; `goalpost serve` takes it in within seconds.")


@sd.command("export")
@click.argument("detector_id")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--robot", help="Whose frames it will judge; default: robots in general.")
@click.pass_obj
def export_(root: Path | None, detector_id: str, folder: Path, robot: str | None) -> None:
    """Write DETECTOR_ID as ONNX files into FOLDER; needs the extra `onnx`."""
    from sd_model.artefact import detector_folder
    from sd_model.serving.onnx_export import export_detector

    detector = detector_folder(existing_workspace(root), detector_id)
    for path in export_detector(detector, folder, robot=robot):
        click.echo(str(path))


if __name__ == "__main__":
    sys.exit(sd())
