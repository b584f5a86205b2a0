"""What the cameras see, once for all open pages: the one place where the app listens to cells.

A robot is followed only while somebody watches it: one thread per watched robot takes the newest
frames from the robot's cell host, outside the threads that run page scripts and outside the web
server's event loop. Watchers get the newest view only; a slow one skips what it missed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import statistics
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Protocol

from data.cells.messages import CellStatus
from data.episodes.frames import EncodedFrameSet
from data.errors import CellError, GoalpostError

_log = logging.getLogger(__name__)

SILENCE_S = 2.5
"""A host that says nothing for so long is told as silent; hosts beat faster than this [s]."""
STATUS_PERIOD_S = 1.0
"""How often a watched host is asked about its recording [s]."""
RETRY_S = 1.0
"""Pause before a silent host is tried again [s]."""
TIMED_FRAMES = 26
"""The interval between frames is the median over this many frames, five seconds at 5 Hz."""


class CellSource(Protocol):
    """What the hub needs of `data.cells.client.CellClient`."""

    def latest(self, *, timeout_s: float) -> EncodedFrameSet:
        """The newest frames. Raises `CellError` when none came in time."""

    def status(self) -> CellStatus:
        """What the host is doing."""


Connect = Callable[[str], AbstractContextManager[CellSource]]


@dataclass(frozen=True, kw_only=True)
class View:
    """What is known about one robot's cell at one moment."""

    frames: EncodedFrameSet | None = None
    """The newest frames; they stay when the host falls silent."""
    frames_version: int = 0
    """Rises when `frames` shows something new."""
    interval_ms: float | None = None
    """Median interval between the latest captures of one camera; None before there are some."""
    status: CellStatus | None = None
    """The host's last answer about its recording and cameras."""
    asked_at_s: float = 0.0
    """When it gave that answer [s, monotonic]."""
    problem: GoalpostError | None = None
    """Why nothing is heard; None while the host is heard."""
    heard_at_s: float | None = None
    """When the host was last heard [s, monotonic]; None before the first time."""


class Watcher:
    """One page's place at the hub. Used in the event loop it was made in."""

    def __init__(self, feed: _Feed) -> None:
        self._feed = feed
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._news.set()

    async def next(self) -> View:
        """The newest view, as soon as there is one that was not given before."""
        await self._news.wait()
        self._news.clear()
        return self._feed.view

    def wake(self) -> None:
        """Called from the feed's thread when its view has changed."""
        with contextlib.suppress(RuntimeError):  # its loop has just been closed
            self._loop.call_soon_threadsafe(self._news.set)


class CameraHub:
    """All watched robots. `connect` gives a client of a robot's host, as a context manager."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._feeds: dict[str, _Feed] = {}

    @contextmanager
    def watch(self, robot: str) -> Iterator[Watcher]:
        """A watcher of `robot`. The first one starts the feed, the last one to leave ends it."""
        with self._lock:
            feed = self._feeds.get(robot)
            if feed is None:
                feed = self._feeds[robot] = _Feed(robot, self._connect)
                feed.start()
            watcher = Watcher(feed)
            feed.watchers.add(watcher)
        try:
            yield watcher
        finally:
            with self._lock:
                feed.watchers.discard(watcher)
                if not feed.watchers:
                    feed.stop()
                    if self._feeds.get(robot) is feed:
                        del self._feeds[robot]

    def view(self, robot: str) -> View | None:
        """The newest view of `robot`; None where nobody watches it."""
        with self._lock:
            feed = self._feeds.get(robot)
        return None if feed is None else feed.view

    @property
    def watched(self) -> frozenset[str]:
        """The robots that somebody watches now."""
        with self._lock:
            return frozenset(self._feeds)

    def close(self) -> None:
        """Stop listening to every robot."""
        with self._lock:
            for feed in self._feeds.values():
                feed.stop()
            self._feeds.clear()


class _Feed:
    """Follows one robot's host in a thread of its own."""

    def __init__(self, robot: str, connect: Connect) -> None:
        self.view = View()
        self.watchers: set[Watcher] = set()
        self._robot = robot
        self._connect = connect
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._follow, name=f"feed-{robot}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end; it does so within `SILENCE_S`."""
        self._stopped.set()

    def _follow(self) -> None:
        while not self._stopped.is_set():
            try:
                with self._connect(self._robot) as source:
                    self._listen(source)
            except GoalpostError as error:
                self._lose(error)
            except Exception as error:  # noqa: BLE001 (the last line of defence)
                _log.exception("the feed of %s failed", self._robot)
                self._lose(_defect(self._robot, error))

    def _lose(self, error: GoalpostError) -> None:
        """Say that nothing is heard; what was heard last is no longer live."""
        self._publish(replace(self.view, problem=error))
        self._stopped.wait(RETRY_S)

    def _listen(self, source: CellSource) -> None:
        captures_ns: deque[int] = deque(maxlen=TIMED_FRAMES)
        ask_at_s = 0.0
        while not self._stopped.is_set():
            try:
                frames = source.latest(timeout_s=SILENCE_S)
            except CellError as error:
                # The host may be well and its cameras not: its status says which.
                asked_at_s = time.monotonic()
                view = replace(self.view, status=source.status(), asked_at_s=asked_at_s)
                self._publish(replace(view, problem=error))
                continue
            now_s = time.monotonic()
            view = replace(self.view, heard_at_s=now_s, problem=None)
            if view.frames is None or frames.timestamps_ns != view.frames.timestamps_ns:
                captures_ns.append(min(frames.timestamps_ns.values()))
                view = replace(
                    view,
                    frames=frames,
                    frames_version=view.frames_version + 1,
                    interval_ms=_median_interval_ms(captures_ns),
                )
            if now_s >= ask_at_s:
                ask_at_s = now_s + STATUS_PERIOD_S
                view = replace(view, status=source.status(), asked_at_s=now_s)
            self._publish(view)

    def _publish(self, view: View) -> None:
        """Make `view` the newest; watchers wake only when it tells them something new."""
        before = self.view
        self.view = view
        if replace(view, heard_at_s=before.heard_at_s, asked_at_s=before.asked_at_s) != before:
            for watcher in tuple(self.watchers):
                watcher.wake()


def _defect(robot: str, error: Exception) -> CellError:
    return CellError(
        f"The live picture failed by a defect: {type(error).__name__}: {error}.",
        where=f"robot '{robot}'",
        next_step="It is tried again by itself. Report what the server's log says.",
    )


def _median_interval_ms(captures_ns: Sequence[int]) -> float | None:
    if len(captures_ns) < 2:
        return None
    return statistics.median(late - early for early, late in pairwise(captures_ns)) / 1e6
