"""`goalpost data import`: recordings and labels, from the forms that other tools write."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.doors.terminal import shown_progress, tell
from data.command_line import CommandGroup, existing_workspace

if TYPE_CHECKING:
    from data.catalog import Catalog


@click.group("import", cls=CommandGroup)
def import_group() -> None:
    """Take in recordings and labels that other tools wrote.

    What is there already is passed over, so an import that was stopped goes on when it is repeated.
    """


@import_group.command("lerobot")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--robot", default="", help="Whose episodes these become, such as lab-arm.")
@click.option("--camera", "cameras", multiple=True, metavar="OURS=THEIRS",
              help="Which camera is over_shoulder, left, right; asked for once.")  # fmt: skip
@click.option("--task", "tasks", multiple=True, metavar="WORDS=TASK",
              help="Which of our tasks the dataset's words mean; may be repeated.")  # fmt: skip
@click.option("--by", help="Whose word its outcomes are; default: the dataset's folder.")
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
    from data.catalog import Catalog

    return Catalog(existing_workspace(root))
