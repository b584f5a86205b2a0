"""The recorder: samples one cell at 5 Hz for whoever watches, and into a journal while recording.

Two threads share the work so that nothing disturbs the sampling: one owns the cell and takes each
frame set at its deadline; the other compresses, publishes and journals it.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Protocol, TypeVar, runtime_checkable

from data.cells.protocol import Cell
from data.errors import CameraError, CellError, GoalpostError
from data.frames import EncodedFrameSet, FrameSet, Size, encode
from data.journal import Journal, remove_journal
from data.recording import PERIOD_S

CAMERA_RETRY_S = 1.0
"""Pause before a cell without frames is read again for those who watch."""
MOST_UNENCODED = 25
"""Frame sets that may wait to be compressed (5 s at 5 Hz) before new ones are dropped."""

_T = TypeVar("_T")


@runtime_checkable
class LivingCell(Protocol):
    """A cell that has no time of its own (simulation): what it shows moves when it is told to."""

    @property
    def scene_version(self) -> int:
        """Changes whenever what the cameras see may have changed."""

    def advance(self, seconds: float) -> None:
        """Let what is being demonstrated go on for `seconds`."""


class Deadlines:
    """Absolute deadlines, one a period, so that delays do not add up."""

    def __init__(self, period_s: float, clock: Callable[[], float]) -> None:
        self._period_s = period_s
        self._clock = clock
        self._next_s = clock()

    def restart(self, after_s: float = 0.0) -> None:
        """Put the first deadline `after_s` from now."""
        self._next_s = self._clock() + after_s

    def due_in(self) -> float:
        """Seconds until the next deadline; 0 where it has passed."""
        return max(0.0, self._next_s - self._clock())

    def move_on(self) -> int:
        """Go to the next deadline in the future; how many were missed beside the one now due."""
        missed = max(0, int((self._clock() - self._next_s) / self._period_s))
        self._next_s += (missed + 1) * self._period_s
        return missed


@dataclass(kw_only=True)
class Take:
    """A recording under way."""

    journal: Journal
    frame_count: int = 0
    dropped_frames: int = 0
    last_ns: Mapping[str, int] = field(default_factory=dict)
    """Capture times of the newest frame set."""


class Recorder:
    """Owns `cell` from `start` to `close`; every other use of the cell goes through `call`.

    Args:
        cell: What is sampled.
        sizes: Size of each camera's images; None: native.
        publish: Given each frame set that was taken, in the encoder's thread.
        stopped: Called when a thread of the recorder has ended, also by a defect.
        clock: Monotonic clock [s].
    """

    def __init__(
        self,
        cell: Cell,
        *,
        sizes: Mapping[str, Size] | None,
        publish: Callable[[EncodedFrameSet], None],
        stopped: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cell = cell
        self._living = cell if isinstance(cell, LivingCell) else None
        self._sizes = sizes
        self._publish = publish
        self._stopped = stopped
        self._deadlines = Deadlines(PERIOD_S, clock)
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._encodings: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._watched = False
        self._take: Take | None = None
        self._shown_version: int | None = None
        self._shown: EncodedFrameSet | None = None
        self._problem: GoalpostError | None = None
        self._camera_error: CameraError | None = None
        self._threads = [
            threading.Thread(target=self._run, args=(self._sample,), name="sampler"),
            threading.Thread(target=self._run, args=(self._encode,), name="encoder"),
        ]

    @property
    def take(self) -> Take | None:
        """The recording under way."""
        return self._take

    @property
    def problem(self) -> GoalpostError | None:
        """Why the last recording stopped by itself."""
        return self._problem

    @property
    def camera_error(self) -> CameraError | None:
        """Why the cell gives no frames now."""
        return self._camera_error

    @property
    def alive(self) -> bool:
        """Whether both threads run."""
        return all(thread.is_alive() for thread in self._threads)

    def start(self) -> None:
        """Begin to serve."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop; a recording under way stays in its journal. The cell is the caller's again."""
        self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def call(self, action: Callable[[], _T]) -> Future[_T]:
        """Run `action` in the thread that owns the cell, between two samples."""
        future: Future[_T] = Future()

        def job() -> None:
            try:
                future.set_result(action())
            except GoalpostError as error:
                future.set_exception(error)

        self._jobs.put(job)
        return future

    def watch(self, watched: bool) -> None:
        """Sample for somebody who watches, or no longer. Each new watcher gets a frame set soon."""

        def change() -> None:
            if watched and not self._watched and self._take is None:
                self._deadlines.restart()
            self._watched = watched
            if watched and self._shown is not None and not self._changed():
                shown = self._shown
                self._encodings.put(lambda: self._publish(shown))

        self._jobs.put(change)

    def begin(self, journal: Journal) -> Future[None]:
        """Start to record into `journal`.

        The future raises `CellError` where a recording runs already and `CameraError` where a
        camera gives no frames; the journal is removed then.
        """

        def begin() -> None:
            try:
                if self._take is not None:
                    raise CellError(
                        "A recording is running already.",
                        where=f"robot '{self._cell.robot}'",
                        next_step="Stop or discard it first.",
                    )
                self._cell.read(self._sizes)
            except GoalpostError:
                journal.close()
                remove_journal(journal.folder)
                raise
            self._problem = None
            self._camera_error = None
            self._take = Take(journal=journal)
            self._deadlines.restart()

        return self.call(begin)

    def end(self) -> Future[Take]:
        """Stop recording; done when everything is on the disk.

        The future raises `CellError` where nothing is being recorded and `StorageFull` where the
        disk refused the last frames.
        """
        finished: Future[Take] = Future()

        def end() -> None:
            if self._take is None:
                finished.set_exception(self._nothing_to_end())
            else:
                self._finish(self._take, finished)

        self._jobs.put(end)
        return finished

    def _nothing_to_end(self) -> CellError:
        if self._problem is None:
            return CellError(
                "Nothing is being recorded.",
                where=f"robot '{self._cell.robot}'",
                next_step="Start a recording first.",
            )
        return CellError(
            f"The recording has stopped by itself. {self._problem}",
            where=f"robot '{self._cell.robot}'",
            next_step="What was recorded is offered as a recovered clip: keep it or drop it.",
        )

    def _finish(self, take: Take, finished: Future[Take]) -> None:
        self._take = None

        def finish() -> None:
            try:
                take.journal.close()
            except GoalpostError as error:
                finished.set_exception(error)
            else:
                finished.set_result(take)

        self._encodings.put(finish)

    def _fail(self, take: Take, error: GoalpostError) -> None:
        if self._take is take:
            self._problem = error
            self._finish(take, Future())

    def _run(self, loop: Callable[[], None]) -> None:
        try:
            loop()
        finally:
            self._encodings.put(None)  # without the sampler there is nothing more to encode
            self._stopped()

    def _sample(self) -> None:
        while True:
            sampling = self._watched or self._take is not None
            try:
                job = self._jobs.get(timeout=self._deadlines.due_in() if sampling else None)
            except queue.Empty:
                self._tick()
                continue
            if job is None:
                break
            job()
        if self._take is not None:
            self._finish(self._take, Future())

    def _tick(self) -> None:
        take = self._take
        missed = self._deadlines.move_on()
        behind = self._encodings.qsize() > MOST_UNENCODED
        if take is not None:
            take.dropped_frames += missed + behind
        if behind or (take is None and not self._changed()):
            return
        version = None if self._living is None else self._living.scene_version
        try:
            frames = self._cell.read(self._sizes)
        except CameraError as error:
            self._camera_error = error
            self._deadlines.restart(CAMERA_RETRY_S)
            if take is not None:
                self._fail(take, error)
            return
        self._camera_error = None
        self._shown_version = version
        if take is not None and not _all_newer(frames, take.last_ns):
            take.dropped_frames += 1
            return
        if take is not None:
            take.last_ns = frames.timestamps_ns
            if self._living is not None:
                self._living.advance(PERIOD_S)
        self._encodings.put(lambda: self._deliver(frames, take))

    def _changed(self) -> bool:
        return self._living is None or self._living.scene_version != self._shown_version

    def _encode(self) -> None:
        while (encoding := self._encodings.get()) is not None:
            encoding()

    def _deliver(self, frames: FrameSet, take: Take | None) -> None:
        encoded = encode(frames)
        self._shown = encoded
        self._publish(encoded)
        if take is None:
            return
        try:
            kept = take.journal.append(encoded)
        except GoalpostError as error:
            failure = error  # the name `error` ends with this block
            self._jobs.put(lambda: self._fail(take, failure))
            return
        take.frame_count += kept
        take.dropped_frames += not kept


def _all_newer(frames: FrameSet, last_ns: Mapping[str, int]) -> bool:
    return all(
        timestamp_ns > last_ns.get(camera, 0)
        for camera, timestamp_ns in frames.timestamps_ns.items()
    )
