"""Runs that import, export and take back: carried out for real, and refused for what is missing."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from app.doors.exports import Export
from app.doors.imports import Import, look, sample_images
from app.doors.transfer_run import execute_transfer, read_spec
from data.episodes.frames import decode_jpeg
from data.episodes.index import list_episodes
from data.errors import InvalidInput, UnknownName
from data.importers.receipts import list_receipts
from data.runs.runs import Run, create_run

THEIRS = Path(__file__).parents[2] / "data" / "importers" / "lerobot_v30" / "video"
SAID = Import(
    form="lerobot",
    path=str(THEIRS),
    robot="lab-arm",
    cameras={
        "over_shoulder": "observation.images.top",
        "left": "observation.images.front",
        "right": "observation.images.wrist",
    },
    tasks={"Pick up the can": "lift-can"},
)


def execute(world: Any, kind: str, spec: dict[str, Any]) -> Run:
    run = create_run(world.workspace, kind, spec)
    execute_transfer(run)
    return run


def test_an_import_says_what_came_and_is_taken_back(world: Any) -> None:
    run = execute(world, "import", asdict(SAID))
    status = run.status()
    assert status.state == "done"
    assert status.message == "Imported 2 episodes, 9 frames, 1 label."
    assert status.result["notes"] == [
        "No task of ours is named for 'Pick up the carrot': such episodes come without an "
        "outcome. Import again and say which task it is (on the command line --task "
        "'WORDS=TASK')."
    ]
    [receipt] = list_receipts(world.workspace)
    run = execute(world, "undo-import", {"digest": receipt.digest, "by": "ann"})
    assert run.status().message == "Took back 2 episodes, 1 label."
    assert list_episodes(world.catalog) == []


def test_a_cancelled_import_keeps_what_came_and_a_cancelled_export_nothing(
    world: Any, tmp_path: Path
) -> None:
    run = create_run(world.workspace, "import", asdict(SAID))
    run.cancel_path.touch()
    assert execute_transfer(run) is None
    assert run.status().state == "cancelled"
    world.record_pair("robot-1", "lift-can")
    out = tmp_path / "out"
    spec = asdict(Export(form="fiftyone", path=str(out), asked="lift-can", kind="clip"))
    run = create_run(world.workspace, "export", spec)
    run.cancel_path.touch()
    assert execute_transfer(run) is None
    assert [path.name for path in tmp_path.iterdir()] == ["workspace"]
    assert execute(world, "export", spec).status().result["episodes"] == 2
    assert (out / "labels.json").is_file()


def test_what_was_said_before_is_suggested(world: Any) -> None:
    assert look(world.workspace, SAID).suggested.robot == ""
    execute(world, "import", asdict(SAID))
    seen = look(world.workspace, SAID)
    assert (seen.own, seen.episodes, seen.suggested.robot) == (False, 2, "lab-arm")
    assert seen.suggested.cameras == SAID.cameras
    samples = sample_images(SAID)
    assert set(samples) == set(seen.cameras)
    assert decode_jpeg(samples["observation.images.top"]).shape == (64, 80, 3)


def test_a_spec_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(InvalidInput, match="There is no setting 'pth'"):
        read_spec(Import, {"form": "lerobot", "pth": "/x"})
    with pytest.raises(InvalidInput, match="form"):
        read_spec(Export, {"form": "zip", "path": "/x"})


def test_another_kind_of_run_is_refused(world: Any) -> None:
    with pytest.raises(UnknownName, match="Unknown kind of run 'collect'"):
        execute(world, "collect", {})
