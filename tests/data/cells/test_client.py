"""Clients and hosts as real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from data.catalog.catalog import Catalog
from data.cells.addresses import address_path, is_held, log_path
from data.cells.arrangement import Arrangement
from data.cells.client import CellClient, running_hosts, start_host, stop_host
from data.cells.robots import Robot, register_robot
from data.episodes.frames import CAMERAS
from data.episodes.index import list_episodes, load_episode
from data.errors import CameraError, CellError, InvalidInput, StorageFull, UnknownName
from data.labels.labels import standing_labels
from data.recording.journal import count_frames
from data.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from tests.conftest import SmallDisk


def record(client: CellClient, **changes: object) -> str:
    clip = {"task": "lift-carrot", "outcome": "success", "pair_id": "pair-1", "by": "ann"}
    return client.start_recording(**(clip | changes))  # type: ignore[arg-type]


def wait_until(condition: Callable[[], bool], patience_s: float = 10) -> None:
    deadline_s = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.1)


def test_a_simulated_cell_is_shown_recorded_and_stored(workspace: Workspace) -> None:
    start_host(workspace, "robot-1")
    start_host(workspace, "robot-1")  # one runs already: nothing happens
    with CellClient(workspace, "robot-1") as client:
        assert client.status().kind == "simulated"
        assert client.status().recording is None
        client.new_scene(4)
        client.arrange(Arrangement(held="milk"), 4)
        assert client.status().scene == "the milk high in the air"
        client.demonstrate("lift-carrot", "success", False, 4)
        assert client.status().scene == "success of lift-carrot"
        frames = client.latest().decode()
        assert {image.shape for image in frames.images.values()} == {(256, 320, 3)}
        clip_id = record(client)
        time.sleep(3)
        status = client.status()
        assert status.recording is not None
        assert status.recording.recording_id == clip_id
        with pytest.raises(CellError, match="cannot change during a recording"):
            client.new_scene(5)
        with pytest.raises(CellError, match="running already"):
            record(client)
        summary = client.stop_recording()
        client.idle()
        assert client.status().recovered == ()
    assert summary.episode_id == clip_id
    assert 12 <= summary.frame_count <= 18
    assert 150 < summary.median_interval_ms < 250  # only the order: the machine may be busy
    assert set(summary.skew_ms) == set(CAMERAS)
    catalog = Catalog(workspace)
    episode = load_episode(catalog, clip_id)
    assert episode.info.behaviour == "demonstrator"
    assert episode.info.truth is not None
    assert episode.info.truth["lift-carrot"]
    assert len({step.frames.jpegs["left"] for step in episode.steps}) > 5  # the hand has moved
    assert [label.source for label in standing_labels(catalog)] == ["clip"]
    host = running_hosts(workspace)["robot-1"]
    stop_host(workspace, "robot-1")
    assert not psutil.pid_exists(host.pid)
    assert not address_path(workspace, "robot-1").exists()


def test_a_second_host_of_a_robot_is_refused(workspace: Workspace, hardware: Robot) -> None:
    start_host(workspace, hardware.name)
    first = running_hosts(workspace)
    command = [sys.executable, "-m", "data.cells.host", "--workspace", str(workspace.root)]
    second = subprocess.run(
        [*command, "--robot", hardware.name], capture_output=True, text=True, check=False
    )
    assert second.returncode == 1
    assert "running already; a robot has only one" in second.stderr
    assert running_hosts(workspace) == first


def test_starting_twice_at_once_makes_one_host(workspace: Workspace, hardware: Robot) -> None:
    with ThreadPoolExecutor(2) as both:
        starts = [both.submit(start_host, workspace, hardware.name) for _ in range(2)]
        for start in starts:
            start.result()
    with CellClient(workspace, hardware.name) as client:
        assert client.status().robot == hardware.name
    stop_host(workspace, hardware.name)
    time.sleep(2)
    assert not is_held(workspace, hardware.name)


def test_an_unknown_robot_has_no_host(workspace: Workspace) -> None:
    with pytest.raises(CellError, match="Unknown robot 'robot-9'"):
        start_host(workspace, "robot-9")
    with pytest.raises(CellError, match=r"not running.*Robots page or with `goalpost up`"):
        CellClient(workspace, "robot-9")
    stop_host(workspace, "robot-9")


def test_what_cannot_be_recorded_is_refused(workspace: Workspace, hardware: Robot) -> None:
    start_host(workspace, hardware.name)
    with CellClient(workspace, hardware.name) as client:
        with pytest.raises(UnknownName, match="Did you mean 'lift-carrot'"):
            record(client, task="lift-carot")
        with pytest.raises(InvalidInput, match="'maybe'"):
            record(client, outcome="maybe")
        with pytest.raises(CellError, match="Nothing is being recorded"):
            client.stop_recording()
        with pytest.raises(CellError, match="no command arranges its scene"):
            client.idle()
        with pytest.raises(UnknownName, match="recording 'gone'"):
            client.keep_recovered("gone")
        record(client)
        with pytest.raises(InvalidInput, match="too few"):
            client.stop_recording()
        record(client)
        client.discard_recording()
        assert client.recovered() == []
    assert list_episodes(Catalog(workspace)) == []
    assert list(workspace.journals.iterdir()) == []


def test_a_killed_host_loses_at_most_the_last_second(workspace: Workspace, hardware: Robot) -> None:
    start_host(workspace, hardware.name)
    with CellClient(workspace, hardware.name) as client:
        clip_id = record(client)
        time.sleep(3)
        killed_ns = time.time_ns()
        os.kill(running_hosts(workspace)[hardware.name].pid, signal.SIGKILL)
        with pytest.raises(CellError, match="not running"):
            client.status()
    start_host(workspace, hardware.name)
    with CellClient(workspace, hardware.name) as client:
        (clip,) = client.recovered()
        assert (clip.recording_id, clip.task, clip.by) == (clip_id, "lift-carrot", "ann")
        assert client.status().recovered == (clip,)
        assert client.keep_recovered(clip_id) == clip_id
        assert client.recovered() == []
    episode = load_episode(Catalog(workspace), clip_id)
    assert episode.info.step_count == clip.frame_count
    assert killed_ns - episode.steps[-1].frames.timestamps_ns["left"] < 1e9
    assert killed_ns - episode.steps[0].frames.timestamps_ns["left"] > 2e9
    assert len(standing_labels(Catalog(workspace))) == 1


def test_a_host_that_is_stopped_keeps_its_recording(workspace: Workspace, hardware: Robot) -> None:
    start_host(workspace, hardware.name)
    with CellClient(workspace, hardware.name) as client:
        clip_id = record(client)
        time.sleep(0.7)
    stop_host(workspace, hardware.name)
    assert count_frames(workspace.journals / clip_id) >= 2
    start_host(workspace, hardware.name)
    with CellClient(workspace, hardware.name) as client:
        client.drop_recovered(clip_id)
        assert client.recovered() == []
    assert list(workspace.journals.iterdir()) == []


def test_a_camera_that_dies_ends_the_clip_and_keeps_it(
    workspace: Workspace, write_video: Callable[[str, float], Path]
) -> None:
    cameras = {camera: str(write_video(camera, 60)) for camera in CAMERAS}
    cameras["right"] = str(write_video("short", 4))
    register_robot(Catalog(workspace), Robot(name="arm-2", kind="hardware", cameras=cameras))
    start_host(workspace, "arm-2")
    with CellClient(workspace, "arm-2") as client:
        clip_id = record(client)
        Path(cameras["right"]).unlink()  # it plays to its end, and cannot be opened again
        wait_until(lambda: client.status().recording is None)
        status = client.status()
        assert status.problem is not None
        assert "Camera 'right' stopped giving frames" in status.problem
        assert "short.avi" in status.problem
        assert list(status.camera_errors) == ["right"]
        with pytest.raises(CellError, match="stopped by itself"):
            client.stop_recording()
        with pytest.raises(CameraError, match="right"):
            record(client)
        with pytest.raises(CellError, match="right"):
            client.latest(timeout_s=1.5)
        assert [clip.recording_id for clip in client.recovered()] == [clip_id]
        assert client.keep_recovered(clip_id) == clip_id
    assert load_episode(Catalog(workspace), clip_id).info.step_count >= 5


def test_a_full_disk_ends_the_clip_and_keeps_it(
    mount_small_disk: Callable[[str], AbstractContextManager[SmallDisk]],
    write_video: Callable[[str, float], Path],
) -> None:
    source = str(write_video("long", 60))
    robot = Robot(name="arm-3", kind="hardware", cameras=dict.fromkeys(CAMERAS, source))
    with mount_small_disk("32m") as disk:
        workspace = open_workspace(disk.folder / "workspace")
        register_robot(Catalog(workspace), robot)
        start_host(workspace, "arm-3")
        try:
            with CellClient(workspace, "arm-3") as client:
                clip_id = record(client)
                time.sleep(1)
                disk.fill()
                wait_until(lambda: client.status().recording is None)
                assert "disk is full" in (client.status().problem or "")
                with pytest.raises(StorageFull):
                    record(client)
                with pytest.raises(StorageFull):
                    client.keep_recovered(clip_id)
                disk.free()
                assert client.keep_recovered(clip_id) == clip_id
            assert load_episode(Catalog(workspace), clip_id).info.step_count >= 4
        finally:
            stop_host(workspace, "arm-3")


def test_a_silent_host_is_told_after_the_time_out(workspace: Workspace, hardware: Robot) -> None:
    start_host(workspace, hardware.name)
    host = psutil.Process(running_hosts(workspace)[hardware.name].pid)
    host.suspend()
    with CellClient(workspace, hardware.name, timeout_s=0.5) as client:
        with pytest.raises(CellError, match=r"did not answer 'status' within 0.5 s"):
            client.status()
        host.resume()
        wait_until(lambda: _answers(client))


def test_a_host_that_was_replaced_is_not_waited_for(workspace: Workspace, hardware: Robot) -> None:
    """Else whoever asked it waits for as long as the command may take, for instance a minute."""
    start_host(workspace, hardware.name)
    with CellClient(workspace, hardware.name, timeout_s=60) as client:
        client.status()
        os.kill(running_hosts(workspace)[hardware.name].pid, signal.SIGKILL)
        wait_until(lambda: not is_held(workspace, hardware.name))
        start_host(workspace, hardware.name)
        with pytest.raises(CellError, match="was started anew"):
            client.status()


def _answers(client: CellClient) -> bool:
    try:
        return client.status().recording is None
    except CellError:
        return False


def test_a_host_that_cannot_start_says_why(workspace: Workspace) -> None:
    workspace.robots_path.write_text("{")
    with pytest.raises(CellError, match="robot definitions cannot be read"):
        start_host(workspace, "robot-1")
    assert "robot definitions" in log_path(workspace, "robot-1").read_text()
