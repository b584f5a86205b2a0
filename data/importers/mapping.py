"""How a dataset is read: whose robot, which camera is which, which task is which; remembered."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from hashlib import blake2b
from pathlib import Path

from data.episodes.frames import CAMERAS
from data.errors import CorruptData, InvalidInput, unknown_name
from data.storage import read_json, write_atomically
from data.tasks.store import load_tasks
from data.workspace import Workspace

_ROBOT = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True, kw_only=True)
class DatasetMapping:
    """What a person said about a dataset that comes from elsewhere."""

    robot: str = ""
    """The robot whose episodes these become."""
    cameras: Mapping[str, str] = field(default_factory=dict)
    """Per camera of ours, the dataset's; one of theirs may stand for several of ours."""
    tasks: Mapping[str, str] = field(default_factory=dict)
    """Per task in the dataset's words, ours; a task that is not named is not taken over."""


@dataclass(frozen=True, kw_only=True)
class KnownDataset:
    """A dataset and how it is read."""

    digest: str
    """Follows from the dataset's content, and is a part of its episodes' identifiers."""
    mapping: DatasetMapping
    first_seen_ns: int
    """[ns since the Unix epoch]"""


def digest_of(parts: Iterable[bytes]) -> str:
    """A short name that only the same content has."""
    digest = blake2b(digest_size=5)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


def settle(
    workspace: Workspace,
    digest: str,
    given: DatasetMapping,
    *,
    cameras: Iterable[str],
    now_ns: int,
    complete: bool = True,
) -> KnownDataset:
    """Complete what is given with what was said before, check it, and remember it.

    Args:
        given: Fields left empty are taken from an earlier import of the same dataset, or else, the
            cameras only, from one of a dataset with the same cameras.
        cameras: The dataset's.
        complete: Whether robot and cameras are needed; an export of Goalpost's own knows them.

    Raises:
        InvalidInput: A camera of ours is not mapped, the robot is missing or has no possible name,
            or the dataset was read in another way before.
        UnknownName: A camera that the dataset does not have, or a task that we do not have.
        CorruptData: What was remembered cannot be read.
    """
    known = _remembered(workspace)
    before = known.get(digest)
    theirs = tuple(cameras)
    said = replace(
        given,
        robot=given.robot or (before.mapping.robot if before else ""),
        cameras=given.cameras or _cameras_before(known, digest, theirs),
        tasks=given.tasks or (before.mapping.tasks if before else {}),
    )
    for camera in said.cameras:
        if camera not in CAMERAS:
            raise unknown_name("camera", camera, CAMERAS)
        if said.cameras[camera] not in theirs:
            raise unknown_name("camera of the dataset", said.cameras[camera], theirs)
    tasks = load_tasks(workspace)
    for task in said.tasks.values():
        tasks[task]
    if complete:
        check_complete(said, theirs)
    if before is not None and (before.mapping.robot, dict(before.mapping.cameras)) != (
        said.robot,
        dict(said.cameras),
    ):
        raise InvalidInput(
            "This dataset was imported before with another robot or other cameras.",
            where=_path(workspace, digest),
            valid=[f"robot {before.mapping.robot}"]
            + [f"{ours}={name}" for ours, name in before.mapping.cameras.items()],
            next_step="Import it as before: its episodes are here already, under that robot.",
        )
    settled = KnownDataset(
        digest=digest, mapping=said, first_seen_ns=before.first_seen_ns if before else now_ns
    )
    write_atomically(_path(workspace, digest), json.dumps(asdict(settled), indent=1).encode())
    return settled


def suggest(workspace: Workspace, digest: str, cameras: Iterable[str]) -> DatasetMapping:
    """What was said before of this dataset, or the cameras of one with the same cameras.

    Raises:
        CorruptData: What was remembered cannot be read.
    """
    known = _remembered(workspace)
    if digest in known:
        return known[digest].mapping
    return DatasetMapping(cameras=_cameras_before(known, digest, tuple(cameras)))


def forget(workspace: Workspace, digest: str) -> None:
    """Forget how a dataset is read, so that it can be read in another way."""
    _path(workspace, digest).unlink(missing_ok=True)


def check_complete(said: DatasetMapping, theirs: tuple[str, ...]) -> None:
    """Raises `InvalidInput` where a camera or the robot of a foreign dataset is not said."""
    missing = [camera for camera in CAMERAS if camera not in said.cameras]
    if missing:
        raise InvalidInput(
            f"It is not said which of the dataset's cameras is {', '.join(missing)}.",
            valid=[f"{missing[0]}={name}" for name in theirs],
            next_step="Say which one (on the command line --camera "
            f"{missing[0]}=NAME); one of theirs may stand for several of ours.",
        )
    if not _ROBOT.fullmatch(said.robot):
        raise InvalidInput(
            f"'{said.robot}' cannot be the robot whose episodes these become."
            if said.robot
            else "It is not said which robot's episodes these are.",
            valid=["lower-case letters and digits, words joined by single hyphens"],
            next_step="Name it (on the command line --robot lab-arm); detectors are held out by "
            "robot.",
        )


def _cameras_before(
    known: Mapping[str, KnownDataset], digest: str, theirs: tuple[str, ...]
) -> Mapping[str, str]:
    if digest in known:
        return known[digest].mapping.cameras
    for each in sorted(known.values(), key=lambda each: -each.first_seen_ns):
        if each.mapping.cameras and set(each.mapping.cameras.values()) <= set(theirs):
            return each.mapping.cameras
    return {}


def unnamed_tasks(words: Iterable[str]) -> str:
    """What to tell of tasks in a dataset's words that nobody gave a task of ours."""
    return (
        f"No task of ours is named for {', '.join(map(repr, words))}: such episodes come without "
        "an outcome. Import again and say which task it is (on the command line --task "
        "'WORDS=TASK')."
    )


def _remembered(workspace: Workspace) -> dict[str, KnownDataset]:
    found: dict[str, KnownDataset] = {}
    for path in sorted(_folder(workspace).glob("*.json")):
        try:
            values = read_json(path)
            mapping = DatasetMapping(**values.pop("mapping"))
            found[path.stem] = KnownDataset(**values, mapping=mapping)
        except (ValueError, TypeError, KeyError) as error:
            raise CorruptData(
                f"What was said about an imported dataset cannot be read ({error}).",
                where=path,
                next_step="Delete the file; the next import asks again.",
            ) from error
    return found


def _folder(workspace: Workspace) -> Path:
    return workspace.root / "imports"


def _path(workspace: Workspace, digest: str) -> Path:
    return _folder(workspace) / f"{digest}.json"
