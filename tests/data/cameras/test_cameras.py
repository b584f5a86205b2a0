from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from data.cameras import cameras
from data.cameras.cameras import Camera
from data.errors import CameraError


def write_video(path: Path, seconds: float) -> None:
    """Blue is 200, red the number of the frame."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 30, (64, 48))
    for number in range(int(30 * seconds)):
        writer.write(np.full((48, 64, 3), (200, 80, number), np.uint8))
    writer.release()


@pytest.fixture
def open_camera(tmp_path: Path) -> Iterator[Callable[[Path | str], Camera]]:
    opened: list[Camera] = []

    def open_camera(source: Path | str) -> Camera:
        camera = Camera("left", str(source), folders=[tmp_path])
        opened.append(camera)
        return camera

    yield open_camera
    for camera in opened:
        camera.close()


OpenCamera = Callable[[Path | str], Camera]


def test_the_newest_frame_comes_in_rgb_with_its_own_time(
    tmp_path: Path, open_camera: OpenCamera
) -> None:
    write_video(tmp_path / "a.avi", 3)
    camera = open_camera(tmp_path / "a.avi")
    first, first_ns = camera.newest()
    time.sleep(0.5)
    second, second_ns = camera.newest()
    assert first.shape == (48, 64, 3)
    assert first[0, 0, 2] > 150 > first[0, 0, 0]
    assert 8 <= int(second[0, 0, 0]) - int(first[0, 0, 0]) <= 22  # 15 frames in half a second
    assert 0.4e9 < second_ns - first_ns < 0.7e9
    assert abs(time.monotonic_ns() - second_ns) < 0.3e9
    assert camera.problem is None


@pytest.mark.parametrize(
    ("source", "advice"),
    [
        ("/dev/video97", "Check its cable and power"),
        ("97", "Check its cable and power"),
        ("rtsp://127.0.0.1:9/none", "Check the address"),
        ("none.avi", "no file is there"),
    ],
)
def test_a_missing_source_is_named_with_what_to_check(
    source: str,
    advice: str,
    open_camera: OpenCamera,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cameras, "reachable_devices", lambda: ["/dev/video0"])
    camera = open_camera(source)
    with pytest.raises(CameraError, match="Camera 'left' cannot be opened") as raised:
        camera.newest()
    assert source in str(raised.value)
    assert "Robots page" in str(raised.value)
    assert advice in str(raised.value)
    assert ("/dev/video0" in str(raised.value)) == ("cable" in advice)
    assert camera.problem == "cannot be opened"


def test_a_source_that_ends_is_told_and_opened_again(
    tmp_path: Path, open_camera: OpenCamera
) -> None:
    write_video(tmp_path / "short.avi", 0.6)
    camera = open_camera(tmp_path / "short.avi")
    camera.newest()
    time.sleep(0.7)
    with pytest.raises(CameraError, match="stopped giving frames"):
        camera.newest()
    time.sleep(0.6)
    camera.newest()


def test_a_source_that_appears_later_is_found(tmp_path: Path, open_camera: OpenCamera) -> None:
    camera = open_camera(tmp_path / "later.avi")
    with pytest.raises(CameraError):
        camera.newest()
    write_video(tmp_path / "written.avi", 2)
    (tmp_path / "written.avi").rename(tmp_path / "later.avi")
    time.sleep(1.2)
    camera.newest()


def test_a_file_that_is_no_video_gives_no_frames(tmp_path: Path, open_camera: OpenCamera) -> None:
    (tmp_path / "text.avi").write_text("not a video")
    with pytest.raises(CameraError, match="cannot be opened"):
        open_camera(tmp_path / "text.avi").newest()


@pytest.mark.parametrize("source", ["/etc/passwd", "tcp://127.0.0.1:22", "concat:/etc/passwd"])
def test_what_is_no_camera_is_never_opened(
    source: str, open_camera: OpenCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(cameras, "_open", opened.append)
    with pytest.raises(CameraError, match=r"may not be opened.*rtsp.*GOALPOST_VIDEO_FOLDERS"):
        open_camera(source).newest()
    assert opened == []


def test_a_password_is_in_no_error(
    open_camera: OpenCamera, capfd: pytest.CaptureFixture[str]
) -> None:
    camera = open_camera("rtsp://ann:secret@127.0.0.1:9/stream")
    with pytest.raises(CameraError) as raised:
        camera.newest()
    assert "secret" not in str(raised.value)
    assert "***@127.0.0.1" in str(raised.value)
    assert "secret" not in "".join(capfd.readouterr())


def test_a_computer_without_cameras_says_so(
    open_camera: OpenCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cameras, "reachable_devices", lambda: [])
    with pytest.raises(CameraError, match="this computer has none"):
        open_camera("0").newest()


class Repeats:
    """A capture that gives one picture for ever, as a network camera that hangs."""

    def __init__(self, image: np.ndarray) -> None:
        self.image = image

    def isOpened(self) -> bool:  # noqa: N802 (OpenCV's name)
        return True

    def grab(self) -> bool:
        time.sleep(0.02)
        return True

    def retrieve(self) -> tuple[bool, np.ndarray]:
        return True, self.image

    def get(self, setting: int) -> float:
        return 30.0

    def release(self) -> None:
        pass


def test_a_camera_that_repeats_one_picture_is_told(
    open_camera: OpenCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cameras, "FROZEN_S", 0.3)
    capture = Repeats(np.zeros((4, 6, 3), np.uint8))
    monkeypatch.setattr(cameras, "_open", lambda source: capture)
    camera = open_camera("0")
    camera.newest()
    time.sleep(0.6)
    with pytest.raises(CameraError, match="repeated one picture"):
        camera.newest()
    capture.image = np.ones((4, 6, 3), np.uint8)
    time.sleep(0.1)
    camera.newest()


def test_a_greyscale_picture_is_taken_as_rgb(
    open_camera: OpenCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cameras, "_open", lambda source: Repeats(np.full((4, 6), 9, np.uint8)))
    image, _ = open_camera("0").newest()
    assert image.shape == (4, 6, 3)
    assert (image == 9).all()


def test_a_defect_does_not_end_a_camera_for_good(
    open_camera: OpenCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture = Repeats(np.zeros((4, 6, 3), np.uint8))
    opened: list[str] = []

    def fail_once(source: str) -> Repeats:
        opened.append(source)
        if len(opened) == 1:
            raise ZeroDivisionError
        return capture

    monkeypatch.setattr(cameras, "_open", fail_once)
    camera = open_camera("0")
    with pytest.raises(CameraError, match="failed by a defect"):
        camera.newest()
    time.sleep(0.8)
    camera.newest()


def test_steps_of_the_wall_clock_do_not_age_a_frame(
    tmp_path: Path, open_camera: OpenCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_video(tmp_path / "a.avi", 3)
    camera = open_camera(tmp_path / "a.avi")
    _, before_ns = camera.newest()
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + 3600 * 10**9)
    _, after_ns = camera.newest()
    assert 0 <= after_ns - before_ns < 1e9


def test_closing_twice_does_nothing(tmp_path: Path, open_camera: OpenCamera) -> None:
    write_video(tmp_path / "a.avi", 1)
    camera = open_camera(tmp_path / "a.avi")
    camera.close()
    camera.close()
