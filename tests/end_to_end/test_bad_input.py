"""Bad input, on the command line and in the app: told in words, named, and nothing lost."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from streamlit.testing.v1 import AppTest

import app
from app.cli import goalpost as command
from data.catalog.catalog import Catalog
from data.cells.robots import Robot, register_robot
from data.episodes.frames import CAMERAS
from data.episodes.index import list_episodes
from data.labels.labels import label_history, standing_labels
from data.runs.runs import create_run
from data.workspace import Workspace

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(120)]

Goalpost = Callable[..., str]


def _record_page() -> None:
    from app.views.record import render

    render()


def _app() -> AppTest:
    return AppTest.from_file(
        str(Path(app.__file__).with_name("main.py")), default_timeout=60.0
    ).run()


def test_damaged_shards_are_named_and_the_rest_is_usable(
    workspace: Workspace, goalpost: Goalpost, record_pairs: Callable[..., None], tiny: Any
) -> None:
    record_pairs(workspace, ["robot-1", "robot-2", "robot-3", "robot-4"], scenes=4)
    shard = {path.parent.parent.name: path for path in workspace.episodes.rglob("*.parquet")}
    truncated, corrupt = shard["robot-2"], shard["robot-3"]
    truncated.write_bytes(truncated.read_bytes()[:-100])
    content = bytearray(corrupt.read_bytes())
    content[200:400] = bytes(200)
    corrupt.write_bytes(content)
    train = [
        "sd", "train", "--recipe", "smoke", "--holdout", "robot-4", "--set", "steps=4",
        *(f"--set={key}={json.dumps(value)}" for key, value in tiny.items()),
    ]  # fmt: skip

    found = goalpost("data", "check", "--thorough", fails=True)
    assert str(truncated) in found and str(corrupt) in found
    assert "2 damaged or missing" in found
    assert len(goalpost("data", "episodes", "list").splitlines()) == 32
    assert str(truncated) in goalpost("data", "episodes", "show", "robot-2-00-success", fails=True)
    assert "robot-1-00-success" in goalpost("data", "episodes", "show", "robot-1-00-success")
    goalpost("data", "label", "add", "robot-1-00-success", "lift-can", "failure")
    trained = goalpost(*train)
    assert "robot-4 (holdout)" in trained
    assert "robot-2-00-success left out" in trained and truncated.name in trained
    assert "move it out of the workspace" in trained

    for path in (truncated, corrupt):  # what the message says to do
        path.rename(workspace.root.parent / path.name)
    assert "Indexed 16 episodes and 33 labels." in goalpost("data", "rebuild")
    assert "robot-4 (holdout)" in goalpost(*train)


def test_recipes_and_specs_with_unknown_settings(workspace: Workspace, goalpost: Goalpost) -> None:
    policy_train = ("policy", "train", "--detector", "d", "--task", "lift-any")
    for arguments in (("sd", "train"), policy_train):
        said = goalpost(*arguments, "--recipe", "smoke", "--set", "learning_rat=1", fails=True)
        assert "Did you mean 'learning_rate'?" in said and "Valid: " in said
        assert "Did you mean 'smoke'?" in goalpost(*arguments, "--recipe", "smok", fails=True)
    for kind, group in (("train-detector", "sd"), ("train-policy", "policy")):
        run = create_run(workspace, kind, {"holdoot": ["robot-1"]})
        said = goalpost(group, "execute", str(run.folder), fails=True)
        assert "'holdoot'" in said and "Valid: " in said and "spec.json" in said
        assert run.status().state == "failed"
        assert "'holdoot'" in (run.status().error or "")


def test_a_workspace_of_a_newer_version(workspace: Workspace, goalpost: Goalpost) -> None:
    marker = workspace.root / "goalpost.json"
    marker.write_text('{"format": 99}')
    before = sorted(workspace.root.rglob("*"))
    for arguments in (
        ("data", "episodes", "list"), ("sd", "list"), ("sd", "train"), ("policy", "list"),
        ("policy", "collect", "--robot", "robot-1", "--task", "lift-any"), ("up",), ("demo",),
    ):  # fmt: skip
        said = goalpost(*arguments, fails=True)
        assert said.startswith("Error: This workspace has format 99"), arguments
        assert "Next: Update Goalpost" in said
    at = _app()
    assert not at.exception
    assert "format 99" in at.error[0].value and "Update Goalpost" in at.error[0].value
    assert sorted(workspace.root.rglob("*")) == before
    assert marker.read_text() == '{"format": 99}'


def test_a_catalog_of_a_newer_version(workspace: Workspace, goalpost: Goalpost) -> None:
    with Catalog(workspace).transaction() as transaction:
        transaction.execute("UPDATE catalog_state SET schema_version = 99")
    for arguments in (
        ("data", "episodes", "list"), ("data", "check"), ("sd", "train"), ("up",),
        ("policy", "collect", "--robot", "robot-1", "--task", "lift-any"),
    ):  # fmt: skip
        said = goalpost(*arguments, fails=True)
        assert "schema 99" in said and "Update Goalpost" in said, arguments
    at = _app()
    assert not at.exception
    assert "schema 99" in at.error[0].value
    with pytest.raises(Exception, match="schema 99"):
        list_episodes(Catalog(workspace))


@pytest.mark.parametrize(
    ("name", "content", "told", "listed"),
    [
        ("config.json", None, "Unknown detector 'untrained'", False),
        ("config.json", "{", "damaged config.json", False),
        ("config.json", '{"format": 9}', "format 9", False),
        ("thresholds.json", None, "has no thresholds.json", False),
        ("weights.safetensors", None, "weights cannot be read", True),
        ("weights.safetensors", "short", "weights cannot be read", True),
    ],
)
def test_a_damaged_detector(
    workspace: Workspace,
    goalpost: Goalpost,
    record_robot_episodes: Callable[..., None],
    untrained_detector: Callable[[Workspace], str],
    name: str,
    content: str | None,
    told: str,
    listed: bool,
) -> None:
    record_robot_episodes(workspace, 2)
    path = workspace.detectors / untrained_detector(workspace) / name
    path.unlink() if content is None else path.write_text(content)
    assert ("12 tasks" in goalpost("sd", "list")) == listed
    score = goalpost("sd", "score", "untrained", "episode-0", fails=True)
    train = goalpost(
        "policy", "train", "--recipe", "smoke", "--detector", "untrained", "--task", "lift-any",
        fails=True,
    )  # fmt: skip
    for said in (score, train):
        assert told in said and "Where: " in said and "Next: " in said
    if not listed and name == "config.json" and content:
        left_out = CliRunner().invoke(command, ["sd", "--workspace", str(workspace.root), "list"])
        assert left_out.stderr.startswith("Left out: ") and told in left_out.stderr


def test_a_log_of_labels_with_a_torn_end(
    workspace: Workspace, goalpost: Goalpost, record_pairs: Callable[..., None]
) -> None:
    record_pairs(workspace, ["robot-1"], scenes=2)
    with workspace.labels_path.open("ab") as log:
        log.write(b'{"label_id": "torn", "episode_id": "robot-1-0')
    workspace.catalog_path.unlink()  # so that everything is read anew
    assert len(goalpost("data", "label", "history").splitlines()) == 4
    assert not _app().exception
    goalpost("data", "label", "add", "robot-1-00-success", "lift-can", "failure", "--by", "bo")
    assert len(label_history(Catalog(workspace))) == 5
    assert "Line 5 of the log of labels is not a label" in goalpost("data", "check", fails=True)


def test_a_camera_that_dies_in_mid_clip(workspace: Workspace, tmp_path: Path) -> None:
    for camera in CAMERAS:
        codec = cv2.VideoWriter_fourcc(*"MJPG")
        writer = cv2.VideoWriter(str(tmp_path / f"{camera}.avi"), codec, 30, (64, 48))
        for number in range(90 if camera == "right" else 900):
            writer.write(np.full((48, 64, 3), number % 250, np.uint8))
        writer.release()
    sources = {camera: str(tmp_path / f"{camera}.avi") for camera in CAMERAS}
    register_robot(Catalog(workspace), Robot(name="bench", kind="hardware", cameras=sources))
    at = AppTest.from_function(_record_page, default_timeout=60.0)
    at.session_state["record-robot"] = "bench"
    at.run()
    at.button(key="record-start").click().run()
    assert any("Recording success" in each.value for each in at.markdown)
    Path(sources["right"]).unlink()  # it plays to its end, and cannot be opened again
    deadline_s = time.monotonic() + 20
    while not at.warning and time.monotonic() < deadline_s:
        time.sleep(0.5)
        at.run()
    assert not at.exception
    assert "stopped by itself" in at.warning[0].value and "right" in at.warning[0].value
    assert any("right.avi" in each.value for each in at.error)
    assert at.button(key="record-start").disabled
    [keep] = [button for button in at.button if str(button.key).startswith("keep-")]
    keep.click().run()
    [clip] = list_episodes(Catalog(workspace))
    assert clip.info.step_count >= 5
    assert [label.source for label in standing_labels(Catalog(workspace))] == ["clip"]
