"""`goalpost data export`: episodes and labels, in the forms that other tools read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.doors.terminal import shown_progress, tell
from data.command_line import CommandGroup, existing_workspace

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from data.catalog.catalog import Catalog
    from data.episodes.episodes import Episode
    from data.exporters.choice import Choice
    from data.exporters.lerobot import Outcomes


@click.group("export", cls=CommandGroup)
def export_group() -> None:
    """Write episodes and labels in the forms that other tools read."""


def choice_options(command: Callable[..., None]) -> Callable[..., None]:
    """Options that say which episodes an export is about."""
    for option in (
        click.option("--limit", type=click.IntRange(1), help="Only the newest so many."),
        click.option("--behaviour", help="Only of this behaviour, such as scripted-pick."),
        click.option("--task", help="Only those that show or were commanded this task."),
        click.option("--robot", "robots", multiple=True, help="Of this robot; may be repeated."),
    ):
        command = option(command)
    return command


@export_group.command("lerobot")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--kind", type=click.Choice(["clip", "robot"]), required=True, help="Of which kind; not both."
)
@choice_options
@click.option(
    "--success",
    default="labels",
    show_default=True,
    metavar="labels|none|DETECTOR",
    help="Where next.success and next.reward come from.",
)
@click.option("--images", is_flag=True, help="The stored JPEGs, without loss, instead of videos.")
@click.pass_obj
def lerobot(
    root: Path | None, /, folder: Path, kind: Any, success: str, images: bool, **chosen: Any
) -> None:
    """Write a LeRobotDataset v3.0 into the new FOLDER."""
    from data.exporters.lerobot import export_lerobot

    catalog = _catalog(root)
    tally = export_lerobot(
        catalog,
        folder,
        _choice(kind=kind, **chosen),
        outcomes=outcomes_from(catalog, success),
        as_video=not images,
        progress=shown_progress(),
    )
    tell(tally)
    click.echo(f"LeRobotDataset v3.0: {folder}")


@export_group.command("labels")
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def labels(root: Path | None, file: Path) -> None:
    """Write every label that stands into the new FILE, .csv or .parquet."""
    from data.exporters.labels import export_label_table

    tell(export_label_table(_catalog(root), file))


@export_group.command("label-studio")
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("asked")
@click.option("--kind", type=click.Choice(["clip", "robot"]), help="Only of this kind.")
@choice_options
@click.pass_obj
def label_studio(root: Path | None, /, folder: Path, asked: str, **chosen: Any) -> None:
    """Write frames for Label Studio into the new FOLDER, which asks for outcomes of one task."""
    from data.exporters.labels import export_label_studio

    choice = _choice(**chosen)
    tell(export_label_studio(_catalog(root), folder, choice, asked, progress=shown_progress()))
    click.echo(f"Labelling interface: {folder / 'config.xml'}  Tasks: {folder / 'tasks.json'}")


@export_group.command("fiftyone")
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("asked")
@click.option("--kind", type=click.Choice(["clip", "robot"]), help="Only of this kind.")
@choice_options
@click.pass_obj
def fiftyone(root: Path | None, /, folder: Path, asked: str, **chosen: Any) -> None:
    """Write frames and outcomes of one task for FiftyOne into the new FOLDER."""
    from data.exporters.labels import export_fiftyone

    choice = _choice(**chosen)
    tell(export_fiftyone(_catalog(root), folder, choice, asked, progress=shown_progress()))
    click.echo("Load it with dataset_type=fiftyone.types.FiftyOneImageClassificationDataset")


@export_group.command("rerun")
@click.argument("episode_id")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--detector", help="Show this detector's scores along time.")
@click.option("--policy", help="Show what this policy expected along time.")
@click.pass_obj
def rerun(
    root: Path | None, episode_id: str, file: Path, detector: str | None, policy: str | None
) -> None:
    """Write EPISODE_ID with frames, state and actions into the new FILE (.rrd) for Rerun."""
    import goalpost
    from data.episodes.index import load_episode
    from data.exporters.rerun import export_rerun
    from sd_model.judging.episode_scores import score_steps

    catalog = _catalog(root)
    episode = load_episode(catalog, episode_id)
    curves = {}
    if detector is not None:
        judge = goalpost.load_detector(detector, workspace=catalog.workspace.root)
        for task, scores_N in score_steps(judge, episode).items():
            curves[f"detector/{task}"] = scores_N
    if policy is not None:
        curves["policy/value"] = _expected(catalog, policy, episode)
    export_rerun(episode, file, curves)
    click.echo(f"Look at it with: rerun {file}")


def _expected(catalog: Catalog, policy: str, episode: Episode) -> NDArray[np.float32]:
    """What the policy expected at each step of the episode's own task; NaN where it saw too little.

    Raises:
        InvalidInput: Nobody said what the robot was to do.
    """
    import numpy as np

    import goalpost
    from data.cells.calibration import projections_of
    from data.cells.robots import load_robots
    from data.errors import InvalidInput
    from policy.acting.values import episode_values
    from policy.experience.trajectory import POLICY_CAMERA

    if episode.info.task is None:
        raise InvalidInput(
            "The episode has no task, so a policy expects nothing of it.",
            where=episode.info.episode_id,
            next_step="Leave --policy out.",
        )
    robot = load_robots(catalog.workspace).get(episode.info.robot)
    projection_34 = None if robot is None else projections_of(robot).get(POLICY_CAMERA)
    actor = goalpost.load_policy(policy, workspace=catalog.workspace.root)
    values_N = np.full(len(episode.steps), np.nan, dtype=np.float32)
    found = episode_values(actor, episode, episode.info.task, projection_34)
    values_N[: len(found)] = found
    return values_N


def outcomes_from(catalog: Catalog, success: str) -> Outcomes | None:
    """Where successes come from: `labels`, `none`, or the identifier of a detector.

    Raises:
        UnknownName: There is no such detector.
    """
    if success == "none":
        return None
    if success == "labels":
        from data.exporters.lerobot import labelled_outcomes

        return labelled_outcomes(catalog)
    from sd_model.judging.detector import Detector, detector_folder
    from sd_model.judging.episode_scores import detected_outcomes

    return detected_outcomes(Detector.load(detector_folder(catalog.workspace, success)), catalog)


def _choice(
    *,
    kind: Any,
    robots: tuple[str, ...],
    task: str | None,
    behaviour: str | None,
    limit: int | None,
) -> Choice:
    from data.exporters.choice import Choice

    return Choice(kind=kind, robots=robots or None, task=task, behaviour=behaviour, limit=limit)


def _catalog(root: Path | None) -> Catalog:
    from data.catalog.catalog import Catalog

    return Catalog(existing_workspace(root))
