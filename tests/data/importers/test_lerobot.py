"""LeRobot import: datasets that the real library wrote, and our own coming back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.catalog.catalog import Catalog
from data.episodes.frames import CAMERAS, decode_jpeg
from data.episodes.index import list_episodes, load_episode, save_episodes
from data.errors import CorruptData, InvalidInput, UnknownName
from data.exporters.choice import Choice
from data.exporters.labels import export_label_table
from data.exporters.lerobot import export_lerobot
from data.importers.labels import import_labels
from data.importers.lerobot import import_lerobot
from data.importers.mapping import DatasetMapping
from data.labels.labels import append_labels, standing_labels, undo_label
from data.tasks.changes import define_task, rename_task
from data.tasks.tasks import Task
from data.transfers.tally import Tally
from data.workspace import open_workspace

# Written by `lerobot` 0.4.4: two episodes of four and five frames of 64 x 80 pixels at 10 Hz, in
# which the square moves 10 pixels a frame; the second one succeeds in its last frame.
REFERENCE = Path(__file__).with_name("lerobot_v30")
MAPPING = DatasetMapping(
    robot="lab-arm",
    cameras={
        "over_shoulder": "observation.images.top",
        "left": "observation.images.front",
        "right": "observation.images.wrist",
    },
    tasks={"Pick up the can": "lift-can"},
)
NOW_NS = 1_790_000_000_000_000_000


def take_in(
    catalog: Catalog, folder: Path, mapping: DatasetMapping = MAPPING, **more: Any
) -> Tally:
    return import_lerobot(catalog, folder, mapping, by="lab", now_ns=NOW_NS, **more)


@pytest.mark.parametrize("form", ["video", "image"])
def test_a_real_dataset_comes_in(form: str, catalog: Catalog) -> None:
    tally = take_in(catalog, REFERENCE / form)
    assert (tally.episodes, tally.frames, tally.labels, tally.known) == (2, 9, 1, 0)
    assert tally.notes == [
        "No task of ours is named for 'Pick up the carrot': such episodes come without an "
        "outcome. Import again and say which task it is (on the command line --task "
        "'WORDS=TASK')."
    ]
    _, second = list_episodes(catalog)
    assert (second.info.robot, second.info.kind, second.info.task) == (
        "lab-arm",
        "robot",
        "lift-can",
    )
    episode = load_episode(catalog, second.info.episode_id)
    assert len(episode.steps) == 5
    assert [step.done for step in episode.steps] == [False, False, False, True, True]
    assert episode.steps[1].state is not None
    assert episode.steps[1].state.tolist() == pytest.approx([1, 0.1])
    assert [step.action is None for step in episode.steps] == [False] * 4 + [True]
    for index, step in enumerate(episode.steps):
        assert set(step.frames.jpegs) == set(CAMERAS)
        image = decode_jpeg(step.frames.jpegs["left"])
        assert image.shape == (64, 80, 3)
        square = image[16, 14 + 10 * index].tolist()
        assert square == pytest.approx([200, 180, 100], abs=30)  # what two codecs leave of it
    [label] = standing_labels(catalog)
    assert (label.outcome, label.task, label.frame_index) == ("success", "lift-can", 4)
    assert (label.by, label.source) == ("lab", "import")


def test_importing_again_changes_nothing_and_remembers_what_was_said(catalog: Catalog) -> None:
    take_in(catalog, REFERENCE / "video")
    again = take_in(catalog, REFERENCE / "video", DatasetMapping())
    assert (again.episodes, again.known) == (0, 2)
    assert len(list_episodes(catalog)) == 2
    assert len(standing_labels(catalog)) == 1
    other = take_in(catalog, REFERENCE / "image", DatasetMapping(robot="arm-2"))  # same cameras
    assert other.episodes == 2
    with pytest.raises(InvalidInput, match="imported before"):
        take_in(catalog, REFERENCE / "video", DatasetMapping(robot="arm-3"))


def test_a_stopped_import_goes_on(catalog: Catalog) -> None:
    def stop(fraction: float, message: str) -> None:
        if fraction > 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take_in(catalog, REFERENCE / "video", progress=stop)
    assert len(list_episodes(catalog)) == 1
    rest = take_in(catalog, REFERENCE / "video")
    assert (rest.episodes, rest.known, rest.labels) == (1, 1, 1)


def test_cameras_are_asked_for(catalog: Catalog) -> None:
    with pytest.raises(InvalidInput, match="which of the dataset's cameras is over_shoulder"):
        take_in(catalog, REFERENCE / "video", DatasetMapping(robot="lab-arm"))
    with pytest.raises(UnknownName, match=r"observation\.images\.frnt.*Did you mean"):
        take_in(
            catalog,
            REFERENCE / "video",
            DatasetMapping(robot="a", cameras=dict.fromkeys(CAMERAS, "observation.images.frnt")),
        )
    with pytest.raises(InvalidInput, match="which robot's"):
        take_in(
            catalog,
            REFERENCE / "video",
            DatasetMapping(cameras=dict.fromkeys(CAMERAS, "observation.images.top")),
        )
    assert list_episodes(catalog) == []


def test_another_version_names_the_converter(catalog: Catalog, tmp_path: Path) -> None:
    folder = tmp_path / "old"
    shutil.copytree(REFERENCE / "video", folder)
    info = json.loads((folder / "meta/info.json").read_bytes())
    (folder / "meta/info.json").write_text(json.dumps({**info, "codebase_version": "v2.1"}))
    with pytest.raises(InvalidInput, match="convert_dataset_v21_to_v30"):
        take_in(catalog, folder)
    with pytest.raises(InvalidInput, match="no LeRobotDataset here"):
        take_in(catalog, tmp_path)


def test_a_video_shorter_than_its_table_is_told_and_what_came_before_stays(
    catalog: Catalog, tmp_path: Path
) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(REFERENCE / "video", folder)
    table = folder / "meta/episodes/chunk-000/file-000.parquet"
    rows = pq.read_table(table).to_pylist()
    for camera in ("front", "top", "wrist"):
        rows[1][f"videos/observation.images.{camera}/from_timestamp"] = 0.7
    pq.write_table(pa.Table.from_pylist(rows), table)
    with pytest.raises(CorruptData, match=r"shorter than its table: 2 of 5 frames"):
        take_in(catalog, folder)
    assert len(list_episodes(catalog)) == 1
    for path in folder.glob("videos/*/*/*.mp4"):
        path.write_bytes(b"no video")
    with pytest.raises(CorruptData, match="cannot be read"):
        take_in(catalog, folder)


@pytest.mark.parametrize("kind", ["clip", "robot"])
@pytest.mark.parametrize("as_video", [True, False], ids=["video", "images"])
def test_our_own_export_comes_back_as_it_was(
    kind: Any, as_video: bool, catalog: Catalog, make_episode: Any, make_label: Any, tmp_path: Path
) -> None:
    episodes = [make_episode(kind, steps=4), make_episode(kind, steps=3, robot="robot-2")]
    for episode in episodes:
        save_episodes(catalog, [episode])
    said = [
        make_label(each, "failure", frame_index=each.info.step_count - 1, task="lift-can")
        for each in episodes
    ]
    append_labels(catalog, said)
    export_lerobot(catalog, tmp_path / "out", Choice(kind=kind), as_video=as_video)

    other = Catalog(open_workspace(tmp_path / "other"))
    tally = import_lerobot(other, tmp_path / "out", DatasetMapping(), by="nobody")
    assert (tally.episodes, tally.frames, tally.labels) == (2, 7, 2)
    assert standing_labels(other) == said
    for before in episodes:
        after = load_episode(other, before.info.episode_id)
        assert after.info == before.info
        for one, two in zip(before.steps, after.steps, strict=True):
            assert one.frames.timestamps_ns == two.frames.timestamps_ns
            assert (one.state is None, one.action is None) == (
                two.state is None,
                two.action is None,
            )
            if one.action is not None:
                assert np.array_equal(one.action, two.action)
            for camera, jpeg in one.frames.jpegs.items():
                if as_video:
                    difference = decode_jpeg(jpeg).astype(int) - decode_jpeg(
                        two.frames.jpegs[camera]
                    ).astype(int)
                    assert np.abs(difference).mean() < 4
                else:
                    assert two.frames.jpegs[camera] == jpeg
        if kind == "clip":
            assert not any(step.done for step in after.steps)
        else:
            assert after.steps[-1].frames.jpegs == before.steps[-1].frames.jpegs

    back = import_lerobot(catalog, tmp_path / "out", DatasetMapping(), by="nobody")
    assert (back.episodes, back.known) == (0, 2)


def test_what_was_written_before_a_task_was_renamed_is_understood(
    catalog: Catalog, make_episode: Any, make_label: Any, tmp_path: Path
) -> None:
    define_task(catalog, Task(name="lift-cup", skill="lift", description="The cup is up."))
    clip = make_episode(steps=2, task="lift-cup")
    save_episodes(catalog, [clip])
    append_labels(catalog, [make_label(clip, task="lift-cup", frame_index=None)])
    export_lerobot(catalog, tmp_path / "before", Choice(kind="clip"), as_video=False)
    export_label_table(catalog, tmp_path / "labels.csv")
    rename_task(catalog, "lift-cup", "lift-mug")
    export_lerobot(catalog, tmp_path / "after", Choice(kind="clip"), as_video=False)
    told = pd.read_parquet(tmp_path / "after/meta/tasks.parquet")
    assert list(told.index) == ["The cup is up."]

    other = Catalog(open_workspace(tmp_path / "other"))
    define_task(other, Task(name="lift-cup", skill="lift"))
    rename_task(other, "lift-cup", "lift-mug")
    tally = import_lerobot(other, tmp_path / "before", DatasetMapping(), by="nobody")
    assert (tally.episodes, tally.labels) == (1, 1)
    [label] = standing_labels(other)
    undo_label(other, label.label_id, by="ann", at_ns=2)
    table = pd.read_csv(tmp_path / "labels.csv").assign(label_id="another")
    table.to_csv(tmp_path / "another.csv", index=False)
    assert import_labels(other, tmp_path / "another.csv", "table", by="nobody").labels == 1
    assert [label.task for label in standing_labels(other)] == ["lift-mug"]
