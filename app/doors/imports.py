"""An import, whatever its form: what it needs to be told, and its carrying out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from data.catalog.catalog import Catalog
from data.errors import InvalidInput
from data.importers.labels import import_labels
from data.importers.lerobot import import_lerobot
from data.importers.lerobot_dataset import LeRobotDataset
from data.importers.mapping import DatasetMapping, check_complete, suggest
from data.importers.rlds import describe, first_images, import_rlds
from data.transfers.tally import Progress, Tally
from data.workspace import Workspace

ImportForm = Literal["lerobot", "rlds", "table", "label-studio", "fiftyone"]


@dataclass(frozen=True, kw_only=True)
class Import:
    """What to import; the spec of an `import` run."""

    form: ImportForm
    path: str
    """The dataset's folder, or the file of labels."""
    robot: str = ""
    """Datasets only: whose episodes these become; empty: as before."""
    cameras: Mapping[str, str] = field(default_factory=dict)
    """Datasets only: per camera of ours, the dataset's; empty: as before."""
    tasks: Mapping[str, str] = field(default_factory=dict)
    """Datasets only: per task in the dataset's words, ours."""
    by: str | None = None
    """Whose word it is where the source names nobody; None: the name of the folder or file."""
    outcome: str = "success"
    """RLDS only: the feature that says success."""

    def check_path(self) -> Path:
        """The path. Raises `InvalidInput` where there is nothing."""
        place = Path(self.path).expanduser()
        if not self.path or not place.exists():
            raise InvalidInput(
                "There is nothing to import at this path.",
                where=place if self.path else None,
                next_step="Type the whole path of the folder or file, as this computer knows it.",
            )
        return place

    @property
    def brings_episodes(self) -> bool:
        """Whether it is a dataset, and not only labels of episodes that are here."""
        return self.form in ("lerobot", "rlds")

    @property
    def mapping(self) -> DatasetMapping:
        """How a dataset is read."""
        return DatasetMapping(robot=self.robot, cameras=self.cameras, tasks=self.tasks)


@dataclass(frozen=True, kw_only=True)
class Look:
    """What a dataset says of itself before it is read."""

    own: bool
    """Goalpost exported it, so nothing has to be said about it."""
    cameras: tuple[str, ...]
    tasks: tuple[str, ...]
    """In its own words, as far as it lists them."""
    episodes: int | None
    """None: not said."""
    suggested: DatasetMapping
    """What was said of this dataset, or of one with the same cameras, before."""

    def completed(self, said: DatasetMapping) -> DatasetMapping:
        """What is said now, and for the rest what was said before."""
        return DatasetMapping(
            robot=said.robot or self.suggested.robot,
            cameras=said.cameras or self.suggested.cameras,
            tasks=said.tasks or self.suggested.tasks,
        )


def look(workspace: Workspace, wanted: Import) -> Look:
    """Look at a dataset. Raises `InvalidInput` and `CorruptData` like its import."""
    if wanted.form == "lerobot":
        dataset = LeRobotDataset(wanted.check_path())
        return Look(
            own=dataset.is_own,
            cameras=dataset.cameras,
            tasks=tuple(dataset.tasks),
            episodes=int(dataset.info["total_episodes"]),
            suggested=suggest(workspace, dataset.digest(), dataset.cameras),
        )
    described = describe(wanted.check_path())
    return Look(
        own=False,
        cameras=described.cameras,
        tasks=(),
        episodes=None,
        suggested=suggest(workspace, described.digest, described.cameras),
    )


def sample_images(wanted: Import) -> dict[str, bytes]:
    """The first image of every camera of a dataset, JPEG or PNG; none where it has no episode.

    Raises:
        CorruptData: A file is damaged.
    """
    if wanted.form == "rlds":
        return first_images(wanted.check_path())
    dataset = LeRobotDataset(wanted.check_path())
    return {
        camera: next(iter(dataset.jpegs(first, camera)))
        for first in dataset.episodes()[:1]
        for camera in dataset.cameras
    }


def carry_out_import(catalog: Catalog, wanted: Import, progress: Progress) -> Tally:
    """Import it. Raises like the importer of its form."""
    place = wanted.check_path()
    if wanted.form == "lerobot":
        by = wanted.by or place.resolve().name
        return import_lerobot(catalog, place, wanted.mapping, by=by, progress=progress)
    if wanted.form == "rlds":
        return import_rlds(
            catalog,
            place,
            wanted.mapping,
            by=wanted.by or place.resolve().name,
            outcome=wanted.outcome,
            progress=progress,
        )
    by = wanted.by or place.stem
    return import_labels(catalog, place, wanted.form, by=by, progress=progress)


def check_import(workspace: Workspace, wanted: Import) -> None:
    """Whether it is said all that an import needs; a damaged file shows only on the way.

    Raises:
        InvalidInput: Something is missing or cannot be.
        CorruptData: The dataset does not describe itself.
    """
    if not wanted.brings_episodes:
        wanted.check_path()
        return
    seen = look(workspace, wanted)
    if not seen.own:
        check_complete(seen.completed(wanted.mapping), seen.cameras)
