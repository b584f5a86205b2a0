"""The Import and export page: what it asks, which runs it starts, and what it says of their end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from tfrecord.writer import TFRecordWriter

from app import jobs
from app.doors.transfer_run import execute_transfer
from data.episodes.frames import CAMERAS, encode_jpeg
from data.episodes.index import list_episodes
from data.runs.runs import list_runs

THEIRS = Path(__file__).parents[2] / "data" / "importers" / "lerobot_v30" / "image"


def _page() -> None:
    from app.views.transfers import render

    render()


@pytest.fixture(autouse=True)
def _no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs are written down but not carried out: the page is what is tested."""
    monkeypatch.setattr(jobs, "launch", lambda run, command: None)


def test_a_dataset_is_asked_about_imported_and_taken_back(world: Any) -> None:
    at = AppTest.from_function(_page).run()
    assert at.button(key="import").disabled
    at.text_input(key="import-path").set_value(str(THEIRS)).run()
    assert not at.exception
    assert any("It holds 2 episodes, cameras" in each.value for each in at.markdown)
    at.button(key="import").click().run()
    assert "It is not said which of the dataset's cameras" in at.error[0].value
    assert list_runs(world.workspace) == []

    at.text_input(key=f"import-robot-{THEIRS}").set_value("lab-arm")
    for camera, theirs in (("over_shoulder", "top"), ("left", "front"), ("right", "wrist")):
        key = f"import-camera-{camera}-{THEIRS}"
        at.selectbox(key=key).set_value(f"observation.images.{theirs}")
    at.selectbox(key=f"import-task-Pick up the can-{THEIRS}").set_value("lift-can").run()
    at.button(key="import").click().run()
    assert not at.exception
    [run] = list_runs(world.workspace)
    assert run.kind == "import"
    assert run.spec["cameras"]["left"] == "observation.images.front"
    assert run.spec["tasks"] == {"Pick up the can": "lift-can"}

    execute_transfer(run)
    at.run()
    assert [each.value for each in at.success] == ["Imported 2 episodes, 9 frames, 1 label."]
    assert "No task of ours is named for 'Pick up the carrot'" in at.warning[0].value
    assert [tab.label for tab in at.tabs][-1] == "What was imported (1)"

    at.session_state["transfers-tab"] = "What was imported (1)"
    at.run()
    [undo] = [each for each in at.button if (each.key or "").startswith("undo-")]
    undo.click().run()
    assert not at.exception
    execute_transfer(list_runs(world.workspace)[0])
    at.run()
    assert list_episodes(world.catalog) == []
    assert at.success[0].value == "Took back 2 episodes, 1 label."


def test_an_rlds_data_set_is_asked_about_in_typed_words(world: Any, tmp_path: Path) -> None:
    folder = tmp_path / "sd"
    folder.mkdir()
    jpeg = encode_jpeg(np.full((8, 8, 3), 90, np.uint8))
    writer = TFRecordWriter(str(folder / "sd-train.tfrecord-00000-of-00001"))
    views = {f"image_{number}": (jpeg, "byte") for number in range(3)}
    writer.write({**views, "success": (1, "int"), "task_code": (b"carrot up", "byte")})
    writer.close()
    at = AppTest.from_function(_page).run()
    at.selectbox(key="import-form").set_value("rlds")
    at.text_input(key="import-path").set_value(str(folder)).run()
    at.text_input(key=f"import-robot-{folder}").set_value("mt-opt")
    for number, camera in enumerate(CAMERAS):
        at.selectbox(key=f"import-camera-{camera}-{folder}").set_value(f"image_{number}")
    at.text_area(key=f"import-words-{folder}").set_value("carrot up").run()
    assert "does not say which task of ours" in at.error[0].value
    at.text_area(key=f"import-words-{folder}").set_value("carrot up = lift-carrot").run()
    at.button(key="import").click().run()
    assert not at.exception
    [run] = list_runs(world.workspace)
    execute_transfer(run)
    at.run()
    assert at.success[0].value == "Imported 1 episode, 1 frame, 1 label."
    at.button(key="import").click().run()
    execute_transfer(list_runs(world.workspace)[0])
    assert at.run().info[0].value == "1 was there already."


def test_what_cannot_be_imported_is_told_in_place(world: Any, tmp_path: Path) -> None:
    at = AppTest.from_function(_page).run()
    at.text_input(key="import-path").set_value(str(tmp_path / "gone")).run()
    assert "There is nothing to import at this path" in at.error[0].value
    at.text_input(key="import-path").set_value(str(tmp_path)).run()
    assert "There is no LeRobotDataset here" in at.error[0].value
    at.selectbox(key="import-form").set_value("rlds").run()
    assert "There is no TFRecord file here" in at.error[0].value
    assert at.button(key="import").disabled


def test_an_export_is_asked_about_and_started(world: Any, tmp_path: Path) -> None:
    world.record_pair("robot-1", "lift-can")
    at = AppTest.from_function(_page)
    at.session_state["transfers-tab"] = "Export"
    at.run()
    at.text_input(key="export-path-lerobot").set_value("exported").run()
    at.button(key="export").click().run()
    assert "whole path" in at.error[0].value
    at.text_input(key="export-path-lerobot").set_value(str(tmp_path / "out"))
    at.multiselect(key="export-robots").select("robot-1")
    at.checkbox(key="export-images").check().run()
    at.button(key="export").click().run()
    assert not at.exception
    [run] = list_runs(world.workspace)
    execute_transfer(run)
    at.run()
    assert at.success[0].value == "Exported 2 episodes, 4 frames, 2 labels."
    assert (tmp_path / "out" / "meta" / "info.json").is_file()


@pytest.mark.parametrize("form", ["table", "label-studio", "fiftyone", "rerun"])
def test_every_form_of_export_can_be_started(world: Any, form: str) -> None:
    world.record_pair("robot-1", "lift-can")
    at = AppTest.from_function(_page)
    at.session_state["transfers-tab"] = "Export"
    at.session_state["export-form"] = form
    at.run()
    at.button(key="export").click().run()
    assert not at.exception
    assert list_runs(world.workspace)[0].spec["form"] == form
