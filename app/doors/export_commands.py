"""`goalpost data export`: episodes and labels, in the forms that other tools read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.doors.terminal import shown_progress, tell
from data.command_line import CommandGroup, existing_workspace

if TYPE_CHECKING:
    from app.doors.exports import ExportForm


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
    _export(root, "lerobot", folder, kind=kind, success=success, images=images, **chosen)
    click.echo(f"LeRobotDataset v3.0: {folder}")


@export_group.command("labels")
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def labels(root: Path | None, file: Path) -> None:
    """Write every label that stands into the new FILE, .csv or .parquet."""
    _export(root, "table", file)


@export_group.command("label-studio")
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("asked")
@click.option("--kind", type=click.Choice(["clip", "robot"]), help="Only of this kind.")
@choice_options
@click.pass_obj
def label_studio(root: Path | None, /, folder: Path, asked: str, **chosen: Any) -> None:
    """Write frames for Label Studio into the new FOLDER, which asks for outcomes of one task."""
    _export(root, "label-studio", folder, asked=asked, **chosen)
    click.echo(f"Labelling interface: {folder / 'config.xml'}  Tasks: {folder / 'tasks.json'}")


@export_group.command("fiftyone")
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("asked")
@click.option("--kind", type=click.Choice(["clip", "robot"]), help="Only of this kind.")
@choice_options
@click.pass_obj
def fiftyone(root: Path | None, /, folder: Path, asked: str, **chosen: Any) -> None:
    """Write frames and outcomes of one task for FiftyOne into the new FOLDER."""
    _export(root, "fiftyone", folder, asked=asked, **chosen)
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
    _export(root, "rerun", file, episode=episode_id, detector=detector, policy=policy)
    click.echo(f"Look at it with: rerun {file}")


def _export(root: Path | None, form: ExportForm, place: Path, **chosen: Any) -> None:
    from app.doors.exports import Export, carry_out_export
    from data.catalog.catalog import Catalog

    wanted = Export(form=form, path=str(place), **chosen)
    tell(carry_out_export(Catalog(existing_workspace(root)), wanted, shown_progress()))
