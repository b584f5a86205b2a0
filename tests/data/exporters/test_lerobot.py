"""LeRobot export: the facts of the format, as files that the real library wrote show them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from data.catalog.catalog import Catalog
from data.episodes.frames import CAMERAS, decode_jpeg, encode_jpeg
from data.episodes.index import save_episodes
from data.errors import InvalidInput
from data.exporters.choice import Choice
from data.exporters.lerobot import export_lerobot, labelled_outcomes
from data.labels.labels import append_labels
from data.recording.clips import trim_clip

# What `lerobot` 0.4.4 writes for a dataset of two episodes (kept beside the import's tests).
REFERENCE = Path(__file__).parents[1] / "importers" / "lerobot_v30"


@pytest.fixture
def clips(catalog: Catalog, make_episode: Any, make_label: Any) -> list[Any]:
    episodes = [make_episode(steps=4), make_episode(steps=3, outcome="failure")]
    save_episodes(catalog, episodes)
    append_labels(
        catalog,
        [make_label(each, each.info.outcome, frame_index=None) for each in episodes]
        + [make_label(episodes[0], "failure", task="place-any")],
    )
    return episodes


def rows_of(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(
        folder / "data/chunk-000/file-000.parquet"
    ).to_pylist()
    return rows


def test_a_dataset_of_clips_has_the_files_and_keys_of_the_real_library(
    catalog: Catalog, clips: list[Any], tmp_path: Path
) -> None:
    folder = tmp_path / "dataset"
    tally = export_lerobot(
        catalog, folder, Choice(kind="clip"), outcomes=labelled_outcomes(catalog)
    )
    assert (tally.episodes, tally.frames, tally.labels) == (2, 7, 3)

    reference = json.loads((REFERENCE / "video/meta/info.json").read_bytes())
    info = json.loads((folder / "meta/info.json").read_bytes())
    assert info.keys() == reference.keys()
    assert {name: info[name] for name in ("codebase_version", "data_path", "video_path")} == {
        name: reference[name] for name in ("codebase_version", "data_path", "video_path")
    }
    assert (info["fps"], info["total_episodes"], info["total_frames"]) == (5, 2, 7)
    assert info["splits"] == {"train": "0:2"}
    camera, theirs = "observation.images.left", "observation.images.front"
    assert info["features"][camera].keys() == reference["features"][theirs].keys()
    assert info["features"][camera]["info"].keys() == reference["features"][theirs]["info"].keys()
    assert info["features"][camera]["shape"] == [8, 10, 3]
    for name in ("timestamp", "frame_index", "episode_index", "index", "task_index", "next.done"):
        assert info["features"][name] == reference["features"][name], name

    ours = pq.read_table(folder / "meta/episodes/chunk-000/file-000.parquet")
    real = pq.read_table(REFERENCE / "video/meta/episodes/chunk-000/file-000.parquet")
    not_ours = ("observation.state", "action", "note", "gripper_pose", "wrist", "top")
    for name in real.column_names:
        mine = name.replace(theirs, camera)
        if not any(each in name for each in not_ours):
            assert mine in ours.column_names
            if not name.startswith("stats/"):
                assert ours.schema.field(mine).type == real.schema.field(name).type, mine
    first, second = ours.to_pylist()
    assert (second["dataset_from_index"], second["dataset_to_index"]) == (4, 7)
    assert second[f"videos/{camera}/from_timestamp"] == pytest.approx(0.8)
    assert second[f"videos/{camera}/to_timestamp"] == pytest.approx(1.4)
    assert first["tasks"] == ["The gripper holds any one object clear of the bin."]

    tasks = pd.read_parquet(folder / "meta/tasks.parquet")
    assert list(tasks.index) == first["tasks"]
    assert list(tasks.columns) == ["task_index"]


def test_every_frame_of_a_clip_carries_its_outcome(
    catalog: Catalog, clips: list[Any], tmp_path: Path
) -> None:
    folder = tmp_path / "dataset"
    export_lerobot(catalog, folder, Choice(kind="clip"), outcomes=labelled_outcomes(catalog))
    rows = rows_of(folder)
    assert [row["next.success"] for row in rows] == [True] * 4 + [False] * 3
    assert [row["next.reward"] for row in rows] == [1.0] * 4 + [0.0] * 3
    assert [row["next.done"] for row in rows] == [False] * 3 + [True] + [False] * 2 + [True]
    assert [row["index"] for row in rows] == list(range(7))
    assert [row["frame_index"] for row in rows] == [0, 1, 2, 3, 0, 1, 2]
    assert rows[5]["timestamp"] == pytest.approx(0.2)
    assert rows[0]["timestamp_ns.left"] == clips[0].steps[0].frames.timestamps_ns["left"]


def test_frames_that_were_trimmed_off_a_clip_are_no_success(
    catalog: Catalog, clips: list[Any], tmp_path: Path
) -> None:
    trim_clip(catalog, clips[0].info, first=1, last=2, by="ann", at_ns=1)
    folder = tmp_path / "dataset"
    export_lerobot(catalog, folder, Choice(kind="clip"), outcomes=labelled_outcomes(catalog))
    rows = rows_of(folder)
    assert [row["next.success"] for row in rows] == [False, True, True, False] + [False] * 3
    assert [row["next.reward"] for row in rows] == [0.0, 1.0, 1.0, 0.0] + [0.0] * 3


def test_videos_show_the_frames(catalog: Catalog, clips: list[Any], tmp_path: Path) -> None:
    export_lerobot(catalog, tmp_path / "dataset", Choice(kind="clip"))
    path = tmp_path / "dataset/videos/observation.images.right/chunk-000/file-000.mp4"
    with av.open(str(path)) as container:
        shown = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        assert container.streams.video[0].average_rate == 5
    stored = [step.frames.jpegs["right"] for clip in clips for step in clip.steps]
    assert len(shown) == len(stored)
    for image, jpeg in zip(shown, stored, strict=True):
        assert np.abs(image.astype(int) - decode_jpeg(jpeg).astype(int)).mean() < 3


def test_images_are_the_stored_ones(catalog: Catalog, clips: list[Any], tmp_path: Path) -> None:
    folder = tmp_path / "dataset"
    export_lerobot(catalog, folder, Choice(kind="clip"), as_video=False)
    rows = rows_of(folder)
    assert rows[1]["observation.images.left"]["bytes"] == clips[0].steps[1].frames.jpegs["left"]
    schema = pq.read_schema(folder / "data/chunk-000/file-000.parquet")
    real = pq.read_schema(REFERENCE / "image/data/chunk-000/file-000.parquet")
    described = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    theirs = json.loads(real.metadata[b"huggingface"])["info"]["features"]
    assert described["observation.images.left"] == theirs["observation.images.front"]
    for name in ("timestamp", "index", "next.done"):
        assert described[name] == theirs[name]
        assert schema.field(name).type == real.field(name).type
    assert not (folder / "videos").exists()


def test_a_robots_episode_ends_with_its_terminal_frame(
    catalog: Catalog, make_episode: Any, make_label: Any, tmp_path: Path
) -> None:
    episode = make_episode("robot", steps=4)
    unlabelled = make_episode("robot", steps=3)
    save_episodes(catalog, [episode, unlabelled])
    append_labels(catalog, [make_label(episode, "success", frame_index=3)])
    folder = tmp_path / "dataset"
    tally = export_lerobot(
        catalog, folder, Choice(kind="robot"), outcomes=labelled_outcomes(catalog)
    )
    assert (tally.episodes, dict(tally.left_out)) == (1, {"its success is not known": 1})
    rows = rows_of(folder)
    assert [row["next.reward"] for row in rows] == [0, 0, 1, 1]
    assert [row["next.done"] for row in rows] == [False, False, True, True]
    assert [row["action"][0] for row in rows] == [0, 0.25, 0.5, 0]
    assert [row["observation.state"][1] for row in rows] == [0, 0.125, 0.25, 0.375]
    [own] = pq.read_table(folder / "goalpost/episodes.parquet").to_pylist()
    assert [view["camera"] for view in own["views"]] == ["over_shoulder", "left", "right"]
    assert own["views"][1]["jpeg"] == episode.steps[-1].frames.jpegs["left"]
    assert json.loads(own["info"])["episode_id"] == episode.info.episode_id
    statistics = json.loads((folder / "meta/stats.json").read_bytes())
    assert statistics["action"]["mean"][0] == pytest.approx(0.1875)  # (0 + 0.25 + 0.5 + 0) / 4
    assert statistics["action"]["count"] == [4]
    assert statistics["observation.images.over_shoulder"]["mean"][0][0][0] == pytest.approx(
        15 / 255, abs=0.01  # grey levels 0, 10, 20, 30
    )  # fmt: skip


@pytest.mark.parametrize(
    ("as_video", "shape"), [(True, [204, 256, 3]), (False, [205, 256, 3])], ids=["video", "images"]
)
def test_every_picture_has_the_size_that_is_told(
    catalog: Catalog, make_episode: Any, tmp_path: Path, as_video: bool, shape: list[int]
) -> None:
    """As the `cpu` recipe records: an odd height, and a larger view at the end."""
    episode = make_episode("robot", steps=3, size=(205, 256))
    end = episode.steps[-1]
    larger = {camera: encode_jpeg(np.zeros((256, 320, 3), np.uint8)) for camera in CAMERAS}
    end = replace(end, frames=replace(end.frames, jpegs=larger))
    save_episodes(catalog, [replace(episode, steps=(*episode.steps[:-1], end))])
    folder = tmp_path / "dataset"
    export_lerobot(catalog, folder, Choice(kind="robot"), as_video=as_video)
    info = json.loads((folder / "meta/info.json").read_bytes())
    assert info["features"]["observation.images.over_shoulder"]["shape"] == shape
    if as_video:
        path = folder / "videos/observation.images.over_shoulder/chunk-000/file-000.mp4"
        with av.open(str(path)) as container:
            pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    else:
        jpegs = [row["observation.images.over_shoulder"]["bytes"] for row in rows_of(folder)]
        assert jpegs[0] == episode.steps[0].frames.jpegs["over_shoulder"]
        pictures = [decode_jpeg(jpeg) for jpeg in jpegs]
    assert [list(picture.shape) for picture in pictures] == [shape] * 3
    [own] = pq.read_table(folder / "goalpost/episodes.parquet").to_pylist()
    assert own["views"][0]["jpeg"] == larger["over_shoulder"]


def test_a_kind_is_asked_for_and_nothing_is_written_over(
    catalog: Catalog, clips: list[Any], tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput, match="clips or robots' episodes"):
        export_lerobot(catalog, tmp_path / "dataset", Choice())
    with pytest.raises(InvalidInput, match="No episode fits"):
        export_lerobot(catalog, tmp_path / "dataset", Choice(kind="robot"))
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").write_text("mine")
    with pytest.raises(InvalidInput, match="something at this place"):
        export_lerobot(catalog, tmp_path / "full", Choice(kind="clip"))


def test_a_stopped_export_leaves_nothing(
    catalog: Catalog, clips: list[Any], tmp_path: Path
) -> None:
    def stop(fraction: float, message: str) -> None:
        if fraction > 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_lerobot(catalog, tmp_path / "dataset", Choice(kind="clip"), progress=stop)
    assert [path.name for path in tmp_path.iterdir()] == ["workspace"]
