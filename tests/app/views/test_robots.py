import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app.camera_test import watch_cell
from data.cameras.references import load_reference
from data.cells.client import CellClient, running_hosts, stop_host
from data.cells.robots import load_robots, register_imported, register_robot


def _page() -> None:
    from app.views.robots import render

    render()


def _form() -> AppTest:
    at = AppTest.from_function(_page, default_timeout=60)
    at.session_state["robots-tab"] = "Add or change a robot with real cameras"
    return at.run()


@pytest.fixture
def film(tmp_path: Path) -> str:
    path = str(tmp_path / "film.avi")
    writer = cv2.VideoWriter(path, cv2.VideoWriter.fourcc(*"MJPG"), 30.0, (64, 48))
    for number in range(30):
        writer.write(np.full((48, 64, 3), 5 * number, dtype=np.uint8))
    writer.release()
    return path


def _fill(at: AppTest, name: str, sources: dict[str, str]) -> None:
    at.text_input(key="robot-name-0").input(name)
    for camera, source in sources.items():
        at.text_input(key=f"source-A new robot …-{camera}-0").input(source)


def test_the_fleet_is_listed(world: Any) -> None:
    at = AppTest.from_function(_page).run()
    assert not at.exception
    assert [b.key for b in at.button if b.key and b.key.startswith("start-")] == [
        f"start-robot-{number}" for number in range(1, 8)
    ]
    assert at.toggle(key="live-robot-1").disabled


def test_an_imported_robot_is_listed_and_can_be_given_cameras(world: Any) -> None:
    register_imported(world.catalog, ["lab-arm"])
    at = AppTest.from_function(_page).run()
    assert not at.exception
    assert "imported · 0 clips" in " ".join(each.value for each in at.caption)
    assert "start-lab-arm" not in [each.key for each in at.button]
    at = _form()
    at.selectbox(key="robot-chosen").set_value("lab-arm").run()
    for camera in ("over_shoulder", "left", "right"):
        at.text_input(key=f"source-lab-arm-{camera}-0").input("0")
    at.button(key="save-robot").click().run()
    assert not at.exception
    assert load_robots(world.workspace)["lab-arm"].kind == "hardware"


def test_the_newest_detector_is_judged_robot_by_robot(world: Any) -> None:
    world.add_detector("first", ["lift-any"], failures=4, false_positives=1)
    at = AppTest.from_function(_page).run()
    row = at.table[0].value.iloc[0]
    assert row[["robot", "role", "false success (FP)"]].tolist() == [
        "robot-7", "held out", "25.0%",
    ]  # fmt: skip


def test_checking_cameras_says_which_one_fails_and_why(world: Any, film: str) -> None:
    at = _form()
    _fill(at, "cell-a", {"over_shoulder": film, "left": film + ".none", "right": ""})
    at.button(key="check-cameras").click().run()
    assert not at.exception
    texts = [error.value for error in at.error]
    assert len(texts) == 2
    assert "Camera 'left' cannot be opened" in texts[0]
    assert "film.avi.none" in texts[0]
    assert "no source yet" in texts[1]


def test_a_hardware_robot_is_saved_and_changed(world: Any, film: str) -> None:
    at = _form()
    sources = {"over_shoulder": film, "left": "0", "right": "rtsp://cell/right"}
    _fill(at, "cell-a", sources)
    at.button(key="save-robot").click().run()
    assert not at.exception
    assert at.success[0].value == "cell-a is saved."
    assert load_robots(world.workspace)["cell-a"].cameras == sources
    projection = [[1.0, 0, 0, 0], [0, 1.0, 0, 0], [0, 0, 0, 1.0]]
    calibrated = replace(
        load_robots(world.workspace)["cell-a"],
        projections={"left": projection, "right": projection},
    )
    register_robot(world.catalog, calibrated)
    at.selectbox(key="robot-chosen").select("cell-a").run()
    field = at.text_input(key="source-cell-a-left-1")
    assert field.value == "0"
    field.input("2").run()
    at.button(key="save-robot").click().run()
    changed = load_robots(world.workspace)["cell-a"]
    assert changed.cameras["left"] == "2"
    # What was calibrated stays so; another camera on the left is not.
    assert changed.projections == {"right": projection}


@pytest.mark.parametrize(
    ("name", "left", "words"),
    [
        ("robot-1", "0", "already"),
        ("Cell A", "0", "cannot be used"),
        ("cell-a", "", "camera left has no source"),
    ],
)
def test_what_cannot_be_saved_stays_in_the_form(
    world: Any, name: str, left: str, words: str
) -> None:
    at = _form()
    _fill(at, name, {"over_shoulder": "1", "left": left, "right": "2"})
    at.button(key="save-robot").click().run()
    assert words in at.error[0].value
    assert at.text_input(key="robot-name-0").value == name
    assert list(load_robots(world.workspace)) == [f"robot-{number}" for number in range(1, 8)]


def _brief(cell: CellClient, *, progress: Any) -> Any:
    return watch_cell(cell, seconds=2.0, progress=progress)


def test_a_host_is_started_shows_its_cameras_and_is_stopped(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = AppTest.from_function(_page, default_timeout=60).run()
    try:
        at.button(key="start-robot-1").click().run()
        assert not at.exception
        assert "robot-1" in running_hosts(world.workspace)
        at.toggle(key="live-robot-1").set_value(True).run()
        assert not at.exception
        assert not at.error
        at.button(key="reference-robot-1").click().run()
        assert load_reference(world.workspace, "robot-1") is not None
        monkeypatch.setattr("app.views.robot_live.watch_cell", _brief)
        at.button(key="test-robot-1").click().run()
        # How good it is depends on the machine; that it is said does not.
        verdict = "\n".join(box.value for box in (*at.success, *at.warning))
        assert "camera" in verdict and not at.error
        assert not any("swapped" in box.value for box in at.warning)
        at.button(key="stop-robot-1").click().run()
        assert not at.exception
        assert running_hosts(world.workspace) == {}
    finally:
        if "robot-1" in running_hosts(world.workspace):
            stop_host(world.workspace, "robot-1")


def test_without_a_simulator_its_robots_are_not_here(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pybullet", None)
    at = AppTest.from_function(_page).run()
    assert not at.exception
    assert "need PyBullet" in at.warning[0].value
    assert not [each.key for each in at.button if each.key and each.key.startswith("start-")]
