"""`goalpost data import`: recordings and labels, from the forms that other tools write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.doors.terminal import shown_progress, tell
from data.command_line import CommandGroup, existing_workspace

if TYPE_CHECKING:
    from data.catalog.catalog import Catalog


@click.group("import", cls=CommandGroup)
def import_group() -> None:
    """Take in recordings and labels that other tools wrote.

    What is there already is passed over, so an import that was stopped goes on when it is repeated.
    """


def dataset_options(command: Callable[..., None]) -> Callable[..., None]:
    """Options that say how a data set is read; what is left out is remembered from before."""
    for option in (
        click.option("--by", help="Whose word its outcomes are; default: the folder's name."),
        click.option(
            "--task", "tasks", multiple=True, metavar="WORDS=TASK",
            help="Which of our tasks the data set's words mean; may be repeated.",
        ),
        click.option(
            "--camera", "cameras", multiple=True, metavar="OURS=THEIRS",
            help="Which camera is over_shoulder, left, right; asked for once.",
        ),
        click.option("--robot", default="", help="Whose episodes these become, such as lab-arm."),
    ):  # fmt: skip
        command = option(command)
    return command


@import_group.command("lerobot")
@click.argument("folder", type=click.Path(path_type=Path))
@dataset_options
@click.pass_obj
def lerobot(
    root: Path | None,
    folder: Path,
    robot: str,
    cameras: tuple[str, ...],
    tasks: tuple[str, ...],
    by: str | None,
) -> None:
    """Take in the LeRobotDataset v3.0 in FOLDER."""
    from data.importers.lerobot import import_lerobot
    from data.importers.mapping import DatasetMapping

    mapping = DatasetMapping(robot=robot, cameras=pairs(cameras), tasks=pairs(tasks))
    tell(
        import_lerobot(
            _catalog(root),
            folder,
            mapping,
            by=by or folder.resolve().name,
            progress=shown_progress(),
        )
    )


@import_group.command("rlds")
@click.argument("folder", type=click.Path(path_type=Path))
@dataset_options
@click.option("--outcome", default="success", show_default=True, metavar="FEATURE",
              help="Which feature says success, by a value above 0.")  # fmt: skip
@click.pass_obj
def rlds(
    root: Path | None,
    folder: Path,
    robot: str,
    cameras: tuple[str, ...],
    tasks: tuple[str, ...],
    by: str | None,
    outcome: str,
) -> None:
    """Take in the RLDS or TFDS data set (TFRecord files) below FOLDER."""
    from data.importers.mapping import DatasetMapping
    from data.importers.rlds import import_rlds

    tell(
        import_rlds(
            _catalog(root),
            folder,
            DatasetMapping(robot=robot, cameras=pairs(cameras), tasks=pairs(tasks)),
            by=by or folder.resolve().name,
            outcome=outcome,
            progress=shown_progress(),
        )
    )


@import_group.command("labels")
@click.argument("path", type=click.Path(path_type=Path, exists=True))
@click.option("--from", "form", default="table", show_default=True,
              type=click.Choice(["table", "label-studio", "fiftyone"]),
              help="A CSV or Parquet table, or what another tool wrote.")  # fmt: skip
@click.option("--by", help="Who said what the file names nobody for; default: the file's name.")
@click.pass_obj
def labels(root: Path | None, path: Path, form: str, by: str | None) -> None:
    """Take in the labels in PATH; those that are known change nothing."""
    from data.importers.labels import import_labels

    tell(import_labels(_catalog(root), path, form, by=by or path.stem, progress=shown_progress()))


def pairs(texts: Sequence[str]) -> dict[str, str]:
    """The values of a repeated option `KEY=VALUE`. Raises `BadParameter`."""
    found: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.rpartition("=")
        if not equals or not key or not value:
            raise click.BadParameter(f"'{text}' is not KEY=VALUE.")
        found[key.strip()] = value.strip()
    return found


def _catalog(root: Path | None) -> Catalog:
    from data.catalog.catalog import Catalog

    return Catalog(existing_workspace(root))
