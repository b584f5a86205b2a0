"""Cameras: any source OpenCV can open, each read by a thread that keeps the newest frame.

A source is an index (`0`), a device path (`/dev/v4l/by-id/...`, which stays with the same camera
after a replug), an RTSP or HTTP address, or a video in an allowed folder, which plays at its own
rate and starts again after it has ended, as a camera does that was unplugged for a moment.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from data.cameras.sources import check_source, is_address, is_device, shown
from data.episodes.frames import ImageHWC
from data.errors import CameraError, InvalidInput

FIRST_RETRY_S = 0.5
LONGEST_RETRY_S = 8.0
"""The wait before a lost source is opened again doubles from the first to this."""
OPEN_TIMEOUT_MS = 5000
"""How long a network source may take to open or to give a frame."""
FIRST_FRAME_S = 6.0
"""How long a source that is being opened may take to give its first frame."""
MAX_AGE_S = 1.0
"""A source whose newest frame is older than this counts as dead."""
SILENT_S = 1.5
"""A source that has given frames before is not waited for longer than this after the last one."""
FROZEN_S = 3.0
"""A source that repeats one picture, bit for bit, for so long hangs: sensors have noise."""
_ASKED_FOR_S = 2.0
"""Frames are decoded only while somebody asked for one this recently [s]."""
_FALLBACK_RATE_HZ = 30.0

_log = logging.getLogger(__name__)

# What FFmpeg opens may name further places, as playlists do; none but these are followed.
os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = (
    "protocol_whitelist;file,rtsp,rtsps,rtp,udp,tcp,tls,http,https,crypto|rtsp_transport;tcp"
    # FFmpeg would watch an RTSP stream for five seconds before it gives the first frame.
    "|analyzeduration;1000000"
)
# Both write whole addresses to standard error, and these hold passwords.
os.environ["OPENCV_FFMPEG_LOGLEVEL"] = "-8"
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


class Camera:
    """One camera, opened again with growing pauses whenever it is lost.

    Args:
        name: Which of the cell's cameras it is.
        source: What OpenCV opens, if it may (see `data.cameras.sources`).
        folders: Where videos may lie.
        clock_ns: Monotonic clock [ns] that stamps each frame as it is captured.
    """

    def __init__(
        self,
        name: str,
        source: str,
        *,
        folders: Sequence[Path],
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.name = name
        self.source = source
        self._folders = folders
        self._clock_ns = clock_ns
        self._changed = threading.Condition()
        self._frame: tuple[ImageHWC, int] | None = None
        self._asked_at_s = -_ASKED_FOR_S
        self._heard_at_s = time.monotonic()
        self._problem: str | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"camera {name}", daemon=True)
        self._thread.start()

    @property
    def problem(self) -> str | None:
        """Why there are no frames now, in a few words; None while there are."""
        if self._problem is None and time.monotonic() - self._heard_at_s > FIRST_FRAME_S:
            return "has given no new frame for too long"
        return self._problem

    def newest(self) -> tuple[ImageHWC, int]:
        """The newest frame (RGB) and the time of its capture by the monotonic clock [ns].

        Waits for it where the source is being opened (`FIRST_FRAME_S`) or slow (`MAX_AGE_S`, and
        `SILENT_S` since the last one).

        Raises:
            CameraError: The source cannot be opened, or gives no frames any more.
        """
        with self._changed:
            self._asked_at_s = time.monotonic()
            patience_s = FIRST_FRAME_S if self._frame is None else MAX_AGE_S
            deadline_s = self._asked_at_s + patience_s
            while True:
                if self._problem is not None:
                    raise self.error(self._problem)
                if self._frame is not None:
                    image, captured_ns = self._frame
                    if self._clock_ns() - captured_ns <= MAX_AGE_S * 1e9:
                        return image, captured_ns
                    until_s = min(deadline_s, self._heard_at_s + SILENT_S)
                else:
                    until_s = deadline_s
                left_s = until_s - time.monotonic()
                if left_s <= 0:
                    raise self.error("has given no new frame for too long")
                self._changed.wait(left_s)

    def error(self, problem: str) -> CameraError:
        """A `CameraError` that names this camera, its source and what could be used instead."""
        try:
            check_source(self.source, self._folders)
        except InvalidInput as refusal:
            return CameraError(
                f"Camera '{self.name}' has a source that may not be opened.",
                where=f"source '{shown(self.source)}'",
                valid=refusal.valid,
                next_step=refusal.next_step,
            )
        return CameraError(
            f"Camera '{self.name}' {problem}.",
            where=f"source '{shown(self.source)}'",
            valid=reachable_devices() if is_device(self.source) else [],
            next_step=(
                f"{_what_to_check(self.source)}, or give the robot another source on the Robots "
                "page. A running host keeps trying to open it."
            ),
        )

    def close(self) -> None:
        """Let go of the source; calling it again does nothing."""
        self._stopping.set()
        self._thread.join(timeout=2.0)  # a grab from a dead network source may still hang

    def _run(self) -> None:
        pause_s = FIRST_RETRY_S
        while not self._stopping.is_set():
            seen = False
            try:
                seen = self._follow()
            except Exception as error:  # noqa: BLE001 (the last line of defence)
                _log.exception("camera %s failed", self.name)
                self._lost(f"failed by a defect ({type(error).__name__}: {error})")
            if seen:
                pause_s = FIRST_RETRY_S
            self._stopping.wait(pause_s)
            pause_s = min(2 * pause_s, LONGEST_RETRY_S)

    def _follow(self) -> bool:
        """Open the source and read it until it is lost; whether it gave a frame."""
        try:
            check_source(self.source, self._folders)
        except InvalidInput:
            self._lost("has a source that may not be opened")
            return False
        capture = _open(self.source)
        try:
            if not capture.isOpened():
                self._lost("cannot be opened")
                return False
            seen = self._read_until_lost(capture)
            self._lost("stopped giving frames" if seen else "opens but gives no frames")
            return seen
        finally:
            capture.release()

    def _read_until_lost(self, capture: cv2.VideoCapture) -> bool:
        """Keep the newest frame until the source fails; False where it never gave one."""
        pace_s = _pace_s(self.source, capture)
        due_s = time.monotonic()
        seen = False
        before: ImageHWC | None = None
        alike_since_s = due_s
        while not self._stopping.is_set():
            if not capture.grab():
                break
            captured_ns = self._clock_ns()
            self._heard_at_s = time.monotonic()
            if time.monotonic() - self._asked_at_s < _ASKED_FOR_S:
                decoded, image_raw = capture.retrieve()
                if not decoded:
                    break
                image = _as_rgb(image_raw)
                if before is None or not np.array_equal(image, before):
                    alike_since_s = self._heard_at_s
                before = image
                if self._heard_at_s - alike_since_s > FROZEN_S:
                    self._lost(f"has repeated one picture for over {FROZEN_S:g} s: it hangs")
                else:
                    self._give(image, captured_ns)
            else:
                before = None
                self._problem = None
            seen = True
            if pace_s:
                due_s = max(due_s + pace_s, time.monotonic() - pace_s)
                self._stopping.wait(max(0.0, due_s - time.monotonic()))
        return seen

    def _give(self, image: ImageHWC, captured_ns: int) -> None:
        with self._changed:
            self._frame = (image, captured_ns)
            self._problem = None
            self._changed.notify_all()

    def _lost(self, problem: str) -> None:
        with self._changed:
            self._frame = None
            self._problem = problem
            self._changed.notify_all()


def reachable_devices() -> list[str]:
    """Paths of the cameras plugged into this machine; stable names first."""
    return [
        str(path)
        for pattern in ("v4l/by-id/*", "video*")
        for path in sorted(Path("/dev").glob(pattern))
    ]


def _what_to_check(source: str) -> str:
    if is_address(source):
        return "Check the address, and that the camera is switched on and in the same network"
    if not is_device(source):
        what = "whether it is a video" if Path(source).is_file() else "its path: no file is there"
        return f"Check {what}"
    if not reachable_devices():
        return "Plug a camera in: this computer has none"
    return "Check its cable and power"


def _open(source: str) -> cv2.VideoCapture:
    if source.isdecimal():
        return cv2.VideoCapture(int(source))
    if is_address(source):
        timeouts = [
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_TIMEOUT_MS,
            cv2.CAP_PROP_READ_TIMEOUT_MSEC, OPEN_TIMEOUT_MS,
        ]  # fmt: skip
        return cv2.VideoCapture(source, cv2.CAP_FFMPEG, timeouts)
    if source.startswith("/dev/"):
        return cv2.VideoCapture(source, cv2.CAP_V4L2)
    return cv2.VideoCapture(source)


def _as_rgb(image: NDArray[Any]) -> ImageHWC:
    """RGB from what OpenCV gives: blue first, or greyscale."""
    if image.ndim == 2 or image.shape[2] == 1:
        image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    return np.ascontiguousarray(image[:, :, 2::-1], dtype=np.uint8)


def _pace_s(source: str, capture: cv2.VideoCapture) -> float:
    """Seconds between the frames of a video file; 0 for live sources, which pace themselves."""
    if not Path(source).is_file():
        return 0.0
    rate_hz = capture.get(cv2.CAP_PROP_FPS)
    return 1.0 / (rate_hz if rate_hz > 0 else _FALLBACK_RATE_HZ)
