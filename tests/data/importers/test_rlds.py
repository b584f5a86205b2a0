"""RLDS import, from tiny files of MT-Opt's two forms that another library wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tfrecord.writer import TFRecordWriter

from data.catalog.catalog import Catalog
from data.episodes.frames import Size, encode_jpeg, jpeg_size
from data.episodes.index import list_episodes, load_episode
from data.errors import CorruptData, InvalidInput
from data.importers.mapping import DatasetMapping
from data.importers.rlds import import_rlds, split_of
from data.labels.labels import standing_labels
from data.transfers.tally import Tally

MAPPING = DatasetMapping(
    robot="mt-opt",
    cameras={"over_shoulder": "image_0", "left": "image_1", "right": "image_2"},
    tasks={"lift_carrot_code": "lift-carrot", "place_any_code": "place-any"},
)
NOW_NS = 1_790_000_000_000_000_000


def view(height: int, grey: int) -> bytes:
    return encode_jpeg(np.full((height, 640, 3), grey, np.uint8))


def write_detector_set(path: Path, codes: list[str]) -> None:
    """Success on every second example; grey levels tell examples and views apart."""
    writer = TFRecordWriter(str(path))
    for number, code in enumerate(codes):
        writer.write(
            {
                "image_0": (view(512, 10 * number), "byte"),
                "image_1": (view(480, 10 * number + 1), "byte"),
                "image_2": (view(480, 10 * number + 2), "byte"),
                "success": (number % 2, "int"),
                "task_code": (code.encode(), "byte"),
            }
        )
    writer.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "mt_opt_sd" / "1.0.0"
    folder.mkdir(parents=True)
    codes = ["lift_carrot_code", "lift_carrot_code", "place_any_code", "unheard_of"]
    write_detector_set(folder / "mt_opt_sd-train.tfrecord-00000-of-00001", codes)
    write_detector_set(folder / "mt_opt_sd-test.tfrecord-00000-of-00001", codes[:2])
    return folder


def take_in(
    catalog: Catalog, folder: Path, mapping: DatasetMapping = MAPPING, **more: Any
) -> Tally:
    return import_rlds(catalog, folder, mapping, by="mt-opt", now_ns=NOW_NS, **more)


def test_the_detector_set_of_mt_opt_comes_in(catalog: Catalog, folder: Path) -> None:
    tally = take_in(catalog, folder)
    assert (tally.episodes, tally.frames, tally.labels) == (6, 6, 5)
    assert tally.notes == [
        "No task of ours is named for 'unheard_of': such episodes come without an "
        "outcome. Import again and say which task it is (on the command line --task "
        "'WORDS=TASK')."
    ]
    trained = list_episodes(catalog, robots=["mt-opt"])
    assert [each.info.task for each in trained] == ["lift-carrot", "lift-carrot", "place-any", None]
    assert len(list_episodes(catalog, robots=["mt-opt-test"])) == 2
    [step] = load_episode(catalog, trained[1].info.episode_id).steps
    assert step.done
    assert {camera: jpeg_size(jpeg) for camera, jpeg in step.frames.jpegs.items()} == {
        "over_shoulder": Size(640, 512), "left": Size(640, 480), "right": Size(640, 480),
    }  # fmt: skip
    assert step.frames.jpegs["right"] == view(480, 12)
    labels = standing_labels(catalog, task="lift-carrot")
    assert sorted((each.outcome, each.split, each.frame_index) for each in labels) == [
        ("failure", "test", 0), ("failure", "train", 0), ("success", "test", 0),
        ("success", "train", 0),
    ]  # fmt: skip


def test_importing_again_changes_nothing(catalog: Catalog, folder: Path) -> None:
    take_in(catalog, folder)
    again = take_in(catalog, folder, DatasetMapping())
    assert (again.episodes, again.known) == (0, 6)
    assert len(standing_labels(catalog)) == 5


def test_a_file_cut_off_keeps_what_came_before_and_goes_on_when_it_is_whole(
    catalog: Catalog, folder: Path
) -> None:
    path = folder / "mt_opt_sd-train.tfrecord-00000-of-00001"
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])  # a download that was not finished
    with pytest.raises(CorruptData, match="after 3 whole records"):
        take_in(catalog, folder)
    assert len(list_episodes(catalog)) == 5
    path.write_bytes(whole)
    rest = take_in(catalog, folder)
    assert (rest.episodes, rest.known) == (1, 5)


def test_an_rlds_episode_has_steps_and_state(catalog: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "mt_opt_rlds-train.tfrecord-00000-of-00001"
    writer = TFRecordWriter(str(path))
    images = [view(512, grey) for grey in (50, 60, 70)]
    writer.write(
        {
            "episode_id": (b"e1", "byte"),
            "task_code": (b"lift_carrot_code", "byte"),
            "steps/observation/image": (images, "byte"),
            "steps/observation/gripper_closed": ([0, 0, 1], "int"),
            "steps/observation/height_to_bottom": ([0.1, 0.05, 0.2], "float"),
            "steps/reward": ([0.0, 0.0, 1.0], "float"),
        }
    )
    writer.close()
    mapping = DatasetMapping(
        robot="mt-opt",
        cameras=dict.fromkeys(("over_shoulder", "left", "right"), "steps/observation/image"),
        tasks=MAPPING.tasks,
    )
    tally = take_in(catalog, tmp_path, mapping, outcome="steps/reward")
    assert (tally.episodes, tally.frames, tally.labels) == (1, 3, 1)
    [found] = list_episodes(catalog)
    steps = load_episode(catalog, found.info.episode_id).steps
    assert [step.done for step in steps] == [False, True, True]
    assert steps[2].state is not None
    assert steps[2].state.tolist() == pytest.approx([1, 0.2])
    assert steps[0].frames.jpegs["left"] == images[0]
    [label] = standing_labels(catalog)
    assert (label.outcome, label.frame_index) == ("success", 2)


def test_bad_input_is_told(catalog: Catalog, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="over_shoulder=image_0"):
        take_in(catalog, folder, DatasetMapping(robot="mt-opt"))
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InvalidInput, match="no TFRecord file"):
        take_in(catalog, empty)


def test_the_split_stands_in_the_name() -> None:
    assert split_of(Path("mt_opt_sd-test.tfrecord-00003-of-00256")) == "test"
    assert split_of(Path("bridge-train.tfrecord-00000-of-01024")) == "train"
    assert split_of(Path("recordings.tfrecord")) == "train"
