from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from app.camera_hub import CameraHub, View, Watcher
from data.cells.messages import CellStatus, RecordingStatus
from data.episodes.frames import CAMERAS, EncodedFrameSet
from data.errors import CellError

WAIT_S = 10.0


def _frames(number: int, at_ms: int) -> EncodedFrameSet:
    return EncodedFrameSet(
        jpegs=dict.fromkeys(CAMERAS, str(number).encode()),
        timestamps_ns=dict.fromkeys(CAMERAS, at_ms * 1_000_000),
    )


class Host:
    """A cell host in this process: says what a test tells it to say."""

    def __init__(self) -> None:
        self.connections = 0
        self.open_connections = 0
        self.recording: RecordingStatus | None = None
        self.dead = False
        self._news = threading.Condition()
        self._said: list[EncodedFrameSet] = []

    def say(self, frames: EncodedFrameSet) -> None:
        with self._news:
            self._said.append(frames)
            self._news.notify_all()

    @contextmanager
    def connect(self, robot: str) -> Iterator[Host]:
        if self.dead:
            raise CellError(f"The cell host of '{robot}' is not running.")
        self.connections += 1
        self.open_connections += 1
        try:
            yield self
        finally:
            self.open_connections -= 1

    def latest(self, *, timeout_s: float) -> EncodedFrameSet:
        with self._news:
            if not self._news.wait_for(
                lambda: self._said, timeout=0.05 if self.dead else timeout_s
            ):
                raise CellError("No frames came.")
            frames = self._said[-1]
            self._said.clear()
            return frames

    def status(self) -> CellStatus:
        if self.dead:
            raise CellError("The cell host is not running.")
        return CellStatus(
            robot="robot-1",
            kind="simulated",
            recording=self.recording,
            recovered=(),
            camera_errors={},
            problem=None,
            scene="",
        )


async def _next(watcher: Watcher) -> View:
    return await asyncio.wait_for(watcher.next(), WAIT_S)


async def _frames_of(watcher: Watcher, number: int) -> View:
    """The first view that shows frame `number`."""
    while True:
        view = await _next(watcher)
        if view.frames is not None and view.frames.jpegs["left"] == str(number).encode():
            return view


async def _until(condition: object) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline_s
        await asyncio.sleep(0.02)


async def test_all_watchers_of_a_robot_share_one_connection_while_somebody_watches() -> None:
    host = Host()
    hub = CameraHub(host.connect)
    assert host.connections == 0
    with hub.watch("robot-1") as first, hub.watch("robot-1") as second:
        host.say(_frames(1, 0))
        for watcher in (first, second):
            assert (await _frames_of(watcher, 1)).frames_version == 1
        assert hub.watched == {"robot-1"}
        assert host.connections == 1
    assert hub.watched == frozenset()
    host.say(_frames(2, 200))  # wakes the feed, which finds nobody watching
    await _until(lambda: host.open_connections == 0)
    with hub.watch("robot-1") as again:
        host.say(_frames(3, 400))
        await _frames_of(again, 3)
    assert host.connections == 2
    hub.close()


async def test_a_slow_watcher_gets_the_newest_frames_only_and_a_heartbeat_is_no_news() -> None:
    host = Host()
    hub = CameraHub(host.connect)
    with hub.watch("robot-1") as watcher:
        for number in range(1, 6):
            host.say(_frames(number, 200 * number))
            await asyncio.sleep(0.05)
        view = await _frames_of(watcher, 5)
        assert view.interval_ms == 200
        heard_at_s = view.heard_at_s
        host.say(_frames(5, 1000))
        await asyncio.sleep(0.2)
        assert heard_at_s is not None
        assert (watcher._feed.view.heard_at_s or 0) > heard_at_s
        try:
            await asyncio.wait_for(watcher.next(), 0.2)
        except TimeoutError:
            return
    raise AssertionError("a heartbeat woke the watcher")


async def test_a_dead_host_is_told_with_its_last_frames_and_found_again() -> None:
    host = Host()
    hub = CameraHub(host.connect)
    with hub.watch("robot-1") as watcher:
        host.say(_frames(1, 0))
        await _frames_of(watcher, 1)
        host.dead = True
        host.say(_frames(2, 200))
        view = await _next(watcher)
        while view.problem is None:
            view = await _next(watcher)
        assert "not running" in view.problem.what
        assert view.frames is not None
        host.dead = False
        host.say(_frames(3, 400))
        view = await _frames_of(watcher, 3)
        assert view.problem is None
    hub.close()


async def test_a_recording_that_begins_is_news() -> None:
    host = Host()
    hub = CameraHub(host.connect)
    with hub.watch("robot-1") as watcher:
        host.say(_frames(1, 0))
        await _frames_of(watcher, 1)
        host.recording = RecordingStatus(
            recording_id="r",
            task="lift-any",
            outcome="success",
            pair_id=None,
            by="ana",
            elapsed_s=0.0,
            longest_s=120.0,
            started_at_ns=0,
            frame_count=0,
            dropped_frames=0,
        )
        await asyncio.sleep(1.1)  # the hub asks once a second
        host.say(_frames(1, 0))
        view = await _next(watcher)
        assert view.status is not None
        assert view.status.recording is not None
    hub.close()


async def test_a_defect_of_a_feed_is_told_and_the_picture_comes_back() -> None:
    host = Host()
    hub = CameraHub(host.connect)
    ask = host.status
    with hub.watch("robot-1") as watcher:
        host.say(_frames(1, 0))
        assert (await _frames_of(watcher, 1)).problem is None

        def fail() -> CellStatus:
            raise KeyError("a defect")

        host.status = fail  # type: ignore[method-assign]
        deadline_s = time.monotonic() + WAIT_S
        number = 1
        while (view := await _next(watcher)).problem is None:
            assert time.monotonic() < deadline_s
            number += 1
            host.say(_frames(number, 200 * number))
            await asyncio.sleep(0.1)
        assert "failed by a defect: KeyError" in str(view.problem)
        host.status = ask  # type: ignore[method-assign]
        host.say(_frames(99, 99_000))
        assert (await _frames_of(watcher, 99)).problem is None
