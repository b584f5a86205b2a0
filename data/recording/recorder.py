"""The recorder: samples one cell at 5 Hz for whoever watches, and into a journal while recording.

Two threads share the work so that nothing disturbs the sampling: one owns the cell and takes each
frame set at its deadline; the other compresses, publishes and journals it. A defect in either costs
the piece of work in hand and the recording under way, which stays in its journal; the thread goes
on.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, runtime_checkable

from data.cells.protocol import Cell
from data.clock import Deadlines, SteadyClock
from data.episodes.frames import EncodedFrameSet, FrameSet, Size, encode
from data.errors import CameraError, CellError, GoalpostError
from data.recording.journal import Journal, remove_journal
from data.recording.sealing import PERIOD_S, check_room_for_clip, check_room_to_go_on, too_long

CAMERA_RETRY_S = 1.0
"""Pause before a cell without frames is read again for those who watch."""
MOST_UNENCODED = 25
"""Frame sets that may wait to be compressed (5 s at 5 Hz) before new ones are dropped."""

_T = TypeVar("_T")

_log = logging.getLogger(__name__)


@runtime_checkable
class LivingCell(Protocol):
    """A cell that has no time of its own (simulation): what it shows moves when it is told to."""

    @property
    def scene_version(self) -> int:
        """Changes whenever what the cameras see may have changed."""

    def advance(self, seconds: float) -> None:
        """Let what is being demonstrated go on for `seconds`."""


@dataclass(kw_only=True)
class Take:
    """A recording under way."""

    journal: Journal
    longest_s: float
    """When it ends by itself."""
    began_s: float
    """Reading of the recorder's clock."""
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
        stamps: The clock by which the cell stamps its frames; set when a recording begins.
        clock: Monotonic clock [s].
    """

    def __init__(
        self,
        cell: Cell,
        *,
        sizes: Mapping[str, Size] | None,
        publish: Callable[[EncodedFrameSet], None],
        stamps: SteadyClock,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cell = cell
        self._living = cell if isinstance(cell, LivingCell) else None
        self._sizes = sizes
        self._publish = publish
        self._stamps = stamps
        self._clock = clock
        self._deadlines = Deadlines(PERIOD_S, clock)
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._answers: set[Future[Any]] = set()
        """What `call` and `end` have promised and not given yet."""
        self._closed = False
        self._working_since_s: float | None = None
        self._encodings: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._watched = False
        self._take: Take | None = None
        self._shown_version: int | None = None
        self._shown: EncodedFrameSet | None = None
        self._problem: GoalpostError | None = None
        self._camera_error: GoalpostError | None = None
        self._threads = [
            threading.Thread(target=self._sample, name="sampler", daemon=True),
            threading.Thread(target=self._encode, name="encoder", daemon=True),
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
    def camera_error(self) -> GoalpostError | None:
        """Why the cell gives no frames now."""
        return self._camera_error

    @property
    def elapsed_s(self) -> float:
        """How long the recording under way has been going on; 0 where there is none."""
        take = self._take
        return 0.0 if take is None else self._clock() - take.began_s

    @property
    def stuck_s(self) -> float:
        """How long the thread that owns the cell has been at one piece of work."""
        since_s = self._working_since_s
        return 0.0 if since_s is None else self._clock() - since_s

    def start(self) -> None:
        """Begin to serve."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop; a recording under way stays in its journal. The cell is the caller's again."""
        self._closed = True
        self._jobs.put(None)
        for thread in self._threads:
            thread.join()
        for answer in tuple(self._answers):
            _answer(answer, error=_closing(self._cell.robot))

    def call(self, action: Callable[[], _T]) -> Future[_T]:
        """Run `action` in the thread that owns the cell, between two samples."""
        answer: Future[_T] = self._promise()

        self._put(lambda: _keep(answer, action), answer)
        return answer

    def _promise(self) -> Future[Any]:
        answer: Future[Any] = Future()
        self._answers.add(answer)
        answer.add_done_callback(self._answers.discard)
        return answer

    def _put(self, job: Callable[[], None], answer: Future[Any]) -> None:
        self._jobs.put(job)
        if self._closed:
            _answer(answer, error=_closing(self._cell.robot))

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

    def begin(self, journal: Journal, *, longest_s: float) -> Future[None]:
        """Start to record into `journal`, for at most `longest_s` seconds.

        The future raises `CellError` where a recording runs already, `CameraError` where a camera
        gives no frames and `StorageFull` where there is no room for so long a clip; the journal is
        removed then.
        """

        def begin() -> None:
            try:
                if self._take is not None:
                    raise CellError(
                        "A recording is running already.",
                        where=f"robot '{self._cell.robot}'",
                        next_step="Stop or discard it first.",
                    )
                self._stamps.set()
                first = encode(self._cell.read(self._sizes))
                check_room_for_clip(journal.folder, first, longest_s)
            except Exception:
                journal.close()
                remove_journal(journal.folder)
                raise
            self._problem = None
            self._camera_error = None
            self._take = Take(journal=journal, longest_s=longest_s, began_s=self._clock())
            self._deadlines.restart()

        return self.call(begin)

    def end(self) -> Future[Take]:
        """Stop recording; done when everything is on the disk.

        The future raises `CellError` where nothing is being recorded and `StorageFull` where the
        disk refused the last frames.
        """
        finished: Future[Take] = self._promise()

        def end() -> None:
            if self._take is None:
                _answer(finished, error=self._nothing_to_end())
            else:
                self._finish(self._take, finished)

        self._put(end, finished)
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

        def finish() -> Take:
            take.journal.close()
            return take

        self._encodings.put(lambda: _keep(finished, finish))

    def _fail(self, take: Take, error: GoalpostError) -> None:
        if self._take is take:
            self._problem = error
            self._finish(take, Future())

    def _suffer(self, defect: Exception) -> None:
        """What becomes of an error that is not ours: told, and tried again a little later."""
        error = CellError(
            f"The cell failed by a defect: {type(defect).__name__}: {defect}.",
            where=f"robot '{self._cell.robot}'",
            next_step="It is tried again by itself. Report what the host's log says.",
        )
        self._camera_error = error
        self._deadlines.restart(CAMERA_RETRY_S)
        if self._take is not None:
            self._fail(self._take, error)

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 (the last line of defence)
            _log.exception("a defect in the recorder")
            defect = error  # the name `error` ends with this block
            self._jobs.put(lambda: self._suffer(defect))

    def _sample(self) -> None:
        while True:
            sampling = self._watched or self._take is not None
            self._working_since_s = None
            try:
                job = self._jobs.get(timeout=self._deadlines.due_in() if sampling else None)
            except queue.Empty:
                job = self._tick
            if job is None:
                break
            self._working_since_s = self._clock()
            self._guarded(job)
        if self._take is not None:
            self._finish(self._take, Future())
        self._encodings.put(None)

    def _tick(self) -> None:
        take = self._take
        missed = self._deadlines.move_on()
        behind = self._encodings.qsize() > MOST_UNENCODED
        if take is not None:
            take.dropped_frames += missed + behind
            if self._clock() - take.began_s >= take.longest_s:
                self._fail(take, too_long(take.longest_s))
                return
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
            self._guarded(encoding)

    def _deliver(self, frames: FrameSet, take: Take | None) -> None:
        encoded = encode(frames)
        self._shown = encoded
        self._publish(encoded)
        if take is None:
            return
        try:
            kept = take.journal.append(encoded)
            check_room_to_go_on(take.journal)
        except GoalpostError as error:
            failure = error  # the name `error` ends with this block
            self._jobs.put(lambda: self._fail(take, failure))
            return
        take.frame_count += kept
        take.dropped_frames += not kept


def _keep(promise: Future[Any], action: Callable[[], object]) -> None:
    """Give what was promised, or its error; one that is not ours goes on to the last defence."""
    try:
        _answer(promise, action())
    except GoalpostError as error:
        _answer(promise, error=error)
    except Exception as error:
        _answer(promise, error=error)
        raise


def _answer(answer: Future[Any], result: object = None, *, error: Exception | None = None) -> None:
    """Answer, unless that has been done already."""
    with contextlib.suppress(InvalidStateError):
        if error is None:
            answer.set_result(result)
        else:
            answer.set_exception(error)


def _closing(robot: str) -> CellError:
    return CellError(
        "The cell host is just ending.",
        where=f"robot '{robot}'",
        next_step="Start it again; a recording that was under way is offered as a recovered clip.",
    )


def _all_newer(frames: FrameSet, last_ns: Mapping[str, int]) -> bool:
    return all(
        timestamp_ns > last_ns.get(camera, 0)
        for camera, timestamp_ns in frames.timestamps_ns.items()
    )
