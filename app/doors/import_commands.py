"""`goalpost data import`: recordings and labels, from the forms that other tools write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.doors.terminal import shown_progress, tell
from data.command_line import CommandGroup, existing_workspace

if TYPE_CHECKING:
    from app.doors.imports import ImportForm
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
    _import(root, "lerobot", folder, robot=robot, cameras=pairs(cameras), tasks=pairs(tasks), by=by)


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
    _import(
        root, "rlds", folder,
        robot=robot, cameras=pairs(cameras), tasks=pairs(tasks), by=by, outcome=outcome,
    )  # fmt: skip


@import_group.command("labels")
@click.argument("path", type=click.Path(path_type=Path, exists=True))
@click.option("--from", "form", default="table", show_default=True,
              type=click.Choice(["table", "label-studio", "fiftyone"]),
              help="A CSV or Parquet table, or what another tool wrote.")  # fmt: skip
@click.option("--by", help="Who said what the file names nobody for; default: the file's name.")
@click.pass_obj
def labels(root: Path | None, path: Path, form: ImportForm, by: str | None) -> None:
    """Take in the labels in PATH; those that are known change nothing."""
    _import(root, form, path, by=by)


@import_group.command("list")
@click.pass_obj
def list_(root: Path | None) -> None:
    """List what was imported and can be undone, the newest first."""
    from app.wording import counted, when
    from data.importers.receipts import list_receipts

    for receipt in list_receipts(existing_workspace(root)):
        episodes, labels = receipt.counts()
        click.echo(
            f"{receipt.digest}  {when(receipt.first_ns)}  {counted(episodes, 'episode')}, "
            f"{counted(labels, 'label')}  {receipt.source}"
        )


@import_group.command("undo")
@click.argument("name")
@click.option("--by", help="Who says so; default: your user name.")
@click.pass_obj
def undo(root: Path | None, name: str, by: str | None) -> None:
    """Take back the episodes and labels that the import NAME brought."""
    import getpass

    from data.importers.undo import undo_import

    by = by or getpass.getuser()
    tell(undo_import(_catalog(root), name, by=by, progress=shown_progress()), "Took back")


def pairs(texts: Sequence[str]) -> dict[str, str]:
    """The values of a repeated option `KEY=VALUE`. Raises `BadParameter`."""
    found: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.rpartition("=")
        if not equals or not key or not value:
            raise click.BadParameter(f"'{text}' is not KEY=VALUE.")
        found[key.strip()] = value.strip()
    return found


def _import(root: Path | None, form: ImportForm, path: Path, **said: Any) -> None:
    from app.doors.imports import Import, carry_out_import

    wanted = Import(form=form, path=str(path), **said)
    tell(carry_out_import(_catalog(root), wanted, shown_progress()))


def _catalog(root: Path | None) -> Catalog:
    from data.catalog.catalog import Catalog

    return Catalog(existing_workspace(root))
