"""The Record page with a real cell host."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from streamlit.runtime.scriptrunner import RerunData, RerunException
from streamlit.testing.v1 import AppTest

from app.recovery import cut_short
from app.views import record
from data.cells.client import CellClient, running_hosts, stop_host
from data.cells.messages import CellStatus
from data.cells.robots import Robot, register_robot
from data.episodes.index import list_episodes
from data.labels.labels import standing_labels
from data.labels.notes import read_notes
from data.recording.sealing import RecordingSummary
from data.tasks.changes import define_task
from data.tasks.tasks import Task

PATIENCE_S = 60.0


def _page() -> None:
    from app.views.record import render

    render()


@pytest.fixture
def hosted(world: Any) -> Iterator[Any]:
    """A workspace whose hosts are stopped afterwards."""
    yield world
    stop_host(world.workspace, "robot-1")


def _text(at: AppTest) -> str:
    assert not at.exception
    assert not at.error, at.error[0].value
    return "\n".join(element.value for element in at.markdown)


def test_the_address_keeps_the_choice_over_a_reload(hosted: Any) -> None:
    at = AppTest.from_function(_page, default_timeout=PATIENCE_S)
    at.query_params["record-task"] = "lift-carrot"
    assert "Step 1 of 2: show success of lift-carrot" in _text(at.run())


def test_a_pair_is_recorded_redone_and_counted(hosted: Any) -> None:
    at = AppTest.from_function(_page, default_timeout=PATIENCE_S).run()
    assert "Step 1 of 2: show success of lift-any" in _text(at)

    at.button(key="record-start").click().run()
    assert "Recording success of lift-any" in _text(at)
    # A second tab sees the same recording and can end it; it offers no second start.
    other_tab = AppTest.from_function(_page, default_timeout=PATIENCE_S).run()
    assert "Recording success of lift-any" in _text(other_tab)
    assert "record-start" not in {button.key for button in other_tab.button}
    time.sleep(1.2)
    other_tab.button(key="record-stop").click().run()
    assert "Saved success" in _text(other_tab)
    assert "Step 2 of 2: show failure of lift-any" in _text(at.run())

    at.button(key="record-start").click().run()
    time.sleep(1.2)
    at.button(key="record-stop").click().run()
    assert "Now change the scene" in _text(at)
    assert "A detector needs pairs on two robots" in " ".join(each.value for each in at.caption)
    assert at.button(key="record-next-robot").label == "Go on with robot-2"
    success, failure = (each.info for each in list_episodes(hosted.catalog, kind="clip"))
    assert (success.outcome, failure.outcome) == ("success", "failure")
    assert success.pair_id == failure.pair_id
    assert success.behaviour == "demonstrator"
    assert len(at.dataframe) == 1

    at.button(key="record-redo").click().run()
    assert "Step 2 of 2: show failure of lift-any" in _text(at)
    assert [label.episode_id for label in standing_labels(hosted.catalog)] == [success.episode_id]


def test_a_complete_pair_leads_to_another_scene_and_to_the_robot_that_helps_most(
    hosted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosted.record_pair("robot-1", "lift-any")
    seeds: list[int] = []
    monkeypatch.setattr(CellClient, "new_scene", lambda cell, seed: seeds.append(seed))
    at = AppTest.from_function(_page, default_timeout=PATIENCE_S)
    saved = RecordingSummary(
        episode_id="clip-robot-1-lift-any-0-failure",
        frame_count=3,
        dropped_frames=0,
        median_interval_ms=200.0,
        p99_interval_ms=210.0,
        p99_deviation_ms=10.0,
        skew_ms={},
    )
    at.session_state["record-saved"] = [(saved, "failure")]
    assert "Now change the scene" in _text(at.run())
    at.button(key="record-keep-new-scene").click().run()
    assert len(seeds) == 1
    assert "Saved failure" not in _text(at)
    monkeypatch.setattr(record, "_start_cameras", lambda robot: None)  # those of robot-2 stay off
    at.button(key="record-next-robot").click().run()
    assert at.selectbox(key="record-robot").value == "robot-2"


def test_the_simulated_person_goes_on_showing_what_was_chosen_for_ones_own_task(
    hosted: Any,
) -> None:
    define_task(
        hosted.catalog,
        Task(
            name="place-left",
            description="The object lies on the left of the plate.",
            skill="place",
            implies=("place-any",),
        ),
    )
    at = AppTest.from_function(_page, default_timeout=PATIENCE_S)
    at.query_params["record-task"] = "place-left"
    stands_for = "record-looks-like-place-left"
    assert at.run().selectbox(key=stands_for).value == "place-top-left"
    at.selectbox(key=stands_for).set_value("place-bottom").run()
    at.button(key="record-start").click().run()
    assert "Recording success of place-left" in _text(at)
    time.sleep(1.2)
    at.button(key="record-stop").click().run()
    assert at.selectbox(key=stands_for).value == "place-bottom"


def test_the_desk_starts_and_stops_a_recording(
    hosted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the page has news while it does what was asked, and so runs again at once."""
    at = AppTest.from_function(_page, default_timeout=PATIENCE_S).run()
    news = [RerunException(RerunData())]
    ask = CellClient.status

    def status(cell: CellClient) -> CellStatus:
        if news:
            raise news.pop()
        return ask(cell)

    monkeypatch.setattr(CellClient, "status", status)
    at.session_state["record-asked"] = "start"
    assert "Recording success of lift-any" in _text(at.run())
    time.sleep(1.2)
    news.append(RerunException(RerunData()))
    at.session_state["record-asked"] = "stop"
    assert "Saved success" in _text(at.run())
    at.session_state["record-asked"] = "stop"  # a press that came too late does no harm
    assert "Step 2 of 2: show failure of lift-any" in _text(at.run())
    assert len(list_episodes(hosted.catalog, kind="clip")) == 1


def test_a_clip_is_trimmed_annotated_corrected_and_discarded(hosted: Any) -> None:
    hosted.record_pair("robot-2", "lift-any", steps=4)
    at = AppTest.from_function(_page, default_timeout=PATIENCE_S)
    at.session_state["record-clips"] = True
    clip = "clip-robot-2-lift-any-0-failure"
    at.run().selectbox(key="record-clip").set_value(clip).run()
    at.slider(key=f"trim-{clip}-0-3").set_range(2, 4).run()
    at.button(key=f"trim-apply-{clip}").click().run()
    cut = standing_labels(hosted.catalog, episode_ids=[clip])
    assert [(each.frame_index, each.outcome) for each in cut if each.outcome == "unsure"] == [
        (0, "unsure")
    ]
    at.text_input(key=f"note-{clip}").input("lamp off").run()
    at.button(key=f"note-save-{clip}").click().run()
    assert read_notes(hosted.workspace)[clip].text == "lamp off"

    at.button(key=f"relabel-{clip}").click().run()
    whole = [each for each in standing_labels(hosted.catalog) if each.frame_index is None]
    assert {each.outcome for each in whole} == {"success"}
    at.button(key=f"discard-{clip}").click().run()
    assert not at.exception
    assert clip not in at.selectbox(key="record-clip").options
    whole = [each for each in standing_labels(hosted.catalog) if each.frame_index is None]
    assert [each.episode_id for each in whole] == ["clip-robot-2-lift-any-0-success"]


def test_a_scene_that_was_arranged_by_hand_is_recorded_as_it_is(hosted: Any) -> None:
    at = AppTest.from_function(_page, default_timeout=PATIENCE_S)
    at.query_params["record-task"] = "lift-carrot"
    at.run()
    at.selectbox(key="scene-in-the-gripper").select("milk").run()
    captions = "\n".join(each.value for each in at.caption)
    assert "This scene shows success of lift-any, lift-milk." in captions
    at.button(key="scene-set-up").click().run()
    assert not at.exception
    assert "the step asks for success" in at.warning[0].value
    at.selectbox(key="scene-in-the-gripper").select("carrot").run()
    at.button(key="scene-set-up").click().run()
    assert "as this step asks" in at.success[0].value
    at.button(key="record-start").click().run()
    assert "Recording success of lift-carrot" in _text(at)
    with CellClient(hosted.workspace, "robot-1") as cell:
        assert cell.status().scene == "the carrot high in the air"
    at.button(key="record-discard").click().run()

    # Where a person clicks, the object lies at once; what cannot be is said.
    at.selectbox(key="scene-in-the-gripper").select("nothing").run()
    at.selectbox(key="scene-laid-down").select("can").run()
    at.selectbox(key="scene-place").select("where I click in the picture").run()
    assert at.button(key="scene-set-up").disabled
    at.session_state["scene-spot"] = (0.53, 0.2)
    at.run()
    assert "shows failure of lift-carrot" in at.warning[0].value
    with CellClient(hosted.workspace, "robot-1") as cell:
        assert cell.status().scene == "an empty gripper, the can bottom on the plate"
    at.session_state["scene-spot"] = (0.5, 0.0)
    at.run()
    assert "in one of the bins" in at.error[0].value


def test_a_recording_that_is_discarded_leaves_nothing(hosted: Any) -> None:
    at = AppTest.from_function(_page, default_timeout=PATIENCE_S).run()
    at.button(key="show-near-miss").click().run()
    at.button(key="record-start").click().run()
    at.button(key="record-discard").click().run()
    assert "Step 1 of 2" in _text(at)
    assert list_episodes(hosted.catalog) == []
    with CellClient(hosted.workspace, "robot-1") as cell:
        assert cell.status().recording is None
        assert cell.status().recovered == ()


def test_a_clip_that_a_crash_cut_short_is_offered_and_kept(hosted: Any) -> None:
    at = AppTest.from_function(_page, default_timeout=PATIENCE_S).run()
    at.button(key="record-start").click().run()
    time.sleep(2.0)
    assert cut_short(hosted.workspace) == []
    os.kill(running_hosts(hosted.workspace)["robot-1"].pid, signal.SIGKILL)
    while running_hosts(hosted.workspace):  # until it is gone
        time.sleep(0.05)
    assert [clip.task for clip in cut_short(hosted.workspace)] == ["lift-any"]
    at.run()  # starts a new host
    assert [clip.task for clip in cut_short(hosted.workspace)] == ["lift-any"]
    assert "A recording was cut short and is safe" in _text(at)
    [keep] = [button for button in at.button if str(button.key).startswith("keep-")]
    keep.click().run()
    assert "cut short" not in _text(at)
    assert cut_short(hosted.workspace) == []
    assert "Step 2 of 2: show failure of lift-any" in _text(at)
    [clip] = list_episodes(hosted.catalog, kind="clip")
    assert clip.info.step_count >= 5


def test_a_missing_camera_is_named_and_recording_waits_for_it(world: Any) -> None:
    cameras = dict.fromkeys(("over_shoulder", "left", "right"), "/dev/video-nowhere")
    register_robot(world.catalog, Robot(name="bench", kind="hardware", cameras=cameras))
    try:
        at = AppTest.from_function(_page, default_timeout=PATIENCE_S).run()
        at.selectbox(key="record-robot").set_value("bench").run()
        deadline_s = time.monotonic() + 15
        while not at.error and time.monotonic() < deadline_s:
            time.sleep(0.5)
            at.run()
        assert not at.exception
        assert any("/dev/video-nowhere" in error.value for error in at.error)
    finally:
        for robot in ("robot-1", "bench"):
            stop_host(world.workspace, robot)


def test_without_a_simulator_it_asks_for_cameras(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pybullet", None)
    at = AppTest.from_function(_page).run()
    assert not at.exception
    assert "need PyBullet" in at.warning[0].value
    assert "No robot has cameras here" in at.markdown[-1].value
