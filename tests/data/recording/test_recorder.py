import errno
import itertools
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from data.clock import Deadlines, SteadyClock
from data.episodes.frames import CAMERAS, EncodedFrameSet, FrameSet, Size
from data.errors import CameraError, CellError, StorageFull
from data.recording import sealing as recording
from data.recording.journal import (
    Journal,
    JournalHeader,
    count_frames,
    list_journals,
    stream_frames,
)
from data.recording.recorder import Recorder
from data.workspace import Workspace

RECORDINGS = itertools.count(1)


class StillCell:
    """A cell without a scene of its own; `read` can be made to fail or to repeat itself."""

    robot = "robot-1"

    def __init__(self) -> None:
        self.reads = 0
        self.failure: Exception | None = None
        self.frozen_ns: int | None = None

    def read(self, sizes: Mapping[str, Size] | None = None) -> FrameSet:
        self.reads += 1
        if self.failure is not None:
            raise self.failure
        at_ns = time.time_ns() if self.frozen_ns is None else self.frozen_ns
        return FrameSet(
            images=dict.fromkeys(CAMERAS, np.zeros((8, 8, 3), np.uint8)),
            timestamps_ns=dict.fromkeys(CAMERAS, at_ns),
        )

    def close(self) -> None:
        pass


class DemonstratedCell(StillCell):
    """A cell whose scene moves only when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.scene_version = 0
        self.advanced: list[float] = []

    def advance(self, seconds: float) -> None:
        self.advanced.append(seconds)
        self.scene_version += 1


class Published:
    """What the recorder has published."""

    def __init__(self) -> None:
        self.frames: list[EncodedFrameSet] = []
        self._news = threading.Condition()

    def __call__(self, frames: EncodedFrameSet) -> None:
        with self._news:
            self.frames.append(frames)
            self._news.notify_all()

    def wait_for(self, count: int) -> None:
        with self._news:
            assert self._news.wait_for(lambda: len(self.frames) >= count, timeout=5)


@pytest.fixture
def published() -> Published:
    return Published()


@pytest.fixture
def start(published: Published) -> Iterator[Callable[[StillCell], Recorder]]:
    started: list[Recorder] = []

    def start(cell: StillCell) -> Recorder:
        recorder = Recorder(cell, sizes=None, publish=published, stamps=SteadyClock())
        recorder.start()
        started.append(recorder)
        return recorder

    yield start
    for recorder in started:
        recorder.close()


def new_journal(workspace: Workspace) -> Journal:
    return Journal(
        workspace,
        JournalHeader(
            recording_id=f"clip-{next(RECORDINGS)}",
            robot="robot-1",
            behaviour="person",
            task="lift-any",
            outcome="success",
            pair_id=None,
            by="ann",
            started_at_ns=1,
        ),
    )


def wait_until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


def test_deadlines_do_not_drift_and_count_what_was_missed() -> None:
    now_s = 10.0
    deadlines = Deadlines(0.2, lambda: now_s)
    assert deadlines.due_in() == 0
    assert deadlines.move_on() == 0
    now_s = 10.05  # late work does not move the grid
    assert deadlines.due_in() == pytest.approx(0.15)
    now_s = 10.73  # 10.2 is taken late; 10.4 and 10.6 are lost
    assert deadlines.move_on() == 2
    assert deadlines.due_in() == pytest.approx(0.07)
    deadlines.restart(after_s=1.0)
    assert deadlines.due_in() == pytest.approx(1.0)


def test_nothing_is_sampled_for_nobody(start: Callable[[StillCell], Recorder]) -> None:
    cell = StillCell()
    start(cell)
    time.sleep(0.5)
    assert cell.reads == 0


def test_a_watched_scene_is_sampled_only_when_it_changes(
    start: Callable[[StillCell], Recorder], published: Published
) -> None:
    cell = DemonstratedCell()
    recorder = start(cell)
    recorder.watch(True)
    published.wait_for(1)
    time.sleep(0.5)
    assert cell.reads == 1

    def change() -> None:
        cell.scene_version += 1

    recorder.call(change).result(5)
    published.wait_for(2)
    assert cell.reads == 2
    recorder.watch(True)  # a second watcher gets what the first one sees
    published.wait_for(3)
    assert cell.reads == 2
    assert cell.advanced == []
    recorder.watch(False)


def test_a_recording_is_sampled_at_its_rate_and_the_demonstration_goes_on(
    start: Callable[[StillCell], Recorder], workspace: Workspace
) -> None:
    cell = DemonstratedCell()
    recorder = start(cell)
    recorder.begin(new_journal(workspace), longest_s=60).result(5)
    assert recorder.take is not None
    time.sleep(1.1)
    take = recorder.end().result(5)
    assert recorder.take is None
    assert take.frame_count == count_frames(take.journal.folder)
    assert 4 <= take.frame_count <= 6
    assert cell.advanced == [0.2] * take.frame_count


def test_a_second_recording_is_refused(
    start: Callable[[StillCell], Recorder], workspace: Workspace
) -> None:
    recorder = start(StillCell())
    recorder.begin(new_journal(workspace), longest_s=60).result(5)
    with pytest.raises(CellError, match="running already"):
        recorder.begin(new_journal(workspace), longest_s=60).result(5)
    assert len(list_journals(workspace)) == 1
    recorder.end().result(5)
    with pytest.raises(CellError, match="Nothing is being recorded"):
        recorder.end().result(5)


def test_a_missing_camera_refuses_the_recording(
    start: Callable[[StillCell], Recorder], workspace: Workspace
) -> None:
    cell = StillCell()
    cell.failure = CameraError("Camera 'left' cannot be opened.")
    recorder = start(cell)
    with pytest.raises(CameraError, match="left"):
        recorder.begin(new_journal(workspace), longest_s=60).result(5)
    assert list_journals(workspace) == []


def test_a_camera_that_dies_ends_the_recording_and_keeps_it(
    start: Callable[[StillCell], Recorder], workspace: Workspace, published: Published
) -> None:
    cell = StillCell()
    recorder = start(cell)
    journal = new_journal(workspace)
    recorder.begin(journal, longest_s=60).result(5)
    published.wait_for(3)
    cell.failure = CameraError("Camera 'left' stopped giving frames.")
    wait_until(lambda: recorder.take is None)
    with pytest.raises(CellError, match=r"stopped by itself.*left.*keep it or drop it"):
        recorder.end().result(5)
    wait_until(lambda: count_frames(journal.folder) == len(published.frames))
    assert recorder.camera_error is cell.failure
    cell.failure = None
    recorder.watch(True)
    wait_until(lambda: recorder.camera_error is None)


def test_a_frozen_camera_gives_no_new_frames(
    start: Callable[[StillCell], Recorder], workspace: Workspace, published: Published
) -> None:
    cell = StillCell()
    recorder = start(cell)
    recorder.begin(new_journal(workspace), longest_s=60).result(5)
    published.wait_for(1)
    cell.frozen_ns = time.time_ns()
    published.wait_for(2)
    time.sleep(0.5)
    take = recorder.end().result(5)
    assert take.frame_count == count_frames(take.journal.folder) == 2
    assert take.dropped_frames >= 2


def test_a_full_disk_ends_the_recording_and_keeps_it(
    start: Callable[[StillCell], Recorder],
    workspace: Workspace,
    published: Published,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recorder = start(StillCell())
    journal = new_journal(workspace)
    recorder.begin(journal, longest_s=60).result(5)
    published.wait_for(2)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    wait_until(lambda: recorder.take is None)
    assert isinstance(recorder.problem, StorageFull)
    assert count_frames(journal.folder) >= 1


def test_closing_leaves_a_recording_in_its_journal(workspace: Workspace) -> None:
    published = Published()
    recorder = Recorder(StillCell(), sizes=None, publish=published, stamps=SteadyClock())
    recorder.start()
    journal = new_journal(workspace)
    recorder.begin(journal, longest_s=60).result(5)
    published.wait_for(2)
    recorder.close()
    assert count_frames(journal.folder) == len(published.frames)


def test_what_is_asked_of_a_closed_recorder_is_answered(workspace: Workspace) -> None:
    recorder = Recorder(StillCell(), sizes=None, publish=Published(), stamps=SteadyClock())
    recorder.start()
    began = recorder.begin(new_journal(workspace), longest_s=60)
    recorder.close()
    late = [recorder.end(), recorder.call(lambda: 1)]
    assert began.result(0) is None
    for answer in late:
        with pytest.raises(CellError, match="just ending"):
            answer.result(0)


@pytest.mark.filterwarnings("error")
def test_a_defect_ends_the_clip_keeps_it_and_is_tried_again(
    start: Callable[[StillCell], Recorder], workspace: Workspace, published: Published
) -> None:
    cell = StillCell()
    recorder = start(cell)
    journal = new_journal(workspace)
    recorder.begin(journal, longest_s=60).result(5)
    published.wait_for(3)
    cell.failure = ValueError("a defect")
    wait_until(lambda: recorder.take is None)
    with pytest.raises(CellError, match=r"stopped by itself.*ValueError: a defect"):
        recorder.end().result(5)
    with pytest.raises(ValueError, match="a defect"):
        recorder.begin(new_journal(workspace), longest_s=60).result(5)
    assert [header.recording_id for header in list_journals(workspace)] == [journal.folder.name]
    cell.failure = None
    recorder.begin(new_journal(workspace), longest_s=60).result(5)
    assert recorder.end().result(5)


def test_a_defect_of_the_encoder_ends_the_clip_and_keeps_it(
    start: Callable[[StillCell], Recorder],
    workspace: Workspace,
    published: Published,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recorder = start(StillCell())
    recorder.begin(new_journal(workspace), longest_s=60).result(5)
    published.wait_for(2)

    def fail(frames: EncodedFrameSet) -> bytes:
        raise IndexError("a defect")

    with monkeypatch.context() as patch:
        patch.setattr("data.recording.journal.pack", fail)
        wait_until(lambda: recorder.take is None)
    recorder.begin(new_journal(workspace), longest_s=60).result(5)
    assert recorder.end().result(5)


def test_a_clip_ends_by_itself_at_its_longest_time(
    start: Callable[[StillCell], Recorder], workspace: Workspace
) -> None:
    recorder = start(StillCell())
    journal = new_journal(workspace)
    recorder.begin(journal, longest_s=0.7).result(5)
    wait_until(lambda: recorder.take is None)
    with pytest.raises(CellError, match=r"longest time asked for, 0\.7 s"):
        recorder.end().result(5)
    wait_until(lambda: count_frames(journal.folder) >= 3)
    assert count_frames(journal.folder) <= 5


def test_a_clip_that_finds_no_room_is_refused(
    start: Callable[[StillCell], Recorder], workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = start(StillCell())
    free = recording.SPARE_BYTES + 100_000
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    with pytest.raises(StorageFull, match=r"but for \d+ s of such a clip, and it may take 600"):
        recorder.begin(new_journal(workspace), longest_s=600).result(5)
    assert list_journals(workspace) == []
    recorder.begin(new_journal(workspace), longest_s=1).result(5)


def test_a_clip_ends_while_there_is_room_to_store_it(
    start: Callable[[StillCell], Recorder],
    workspace: Workspace,
    published: Published,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recorder = start(StillCell())
    journal = new_journal(workspace)
    recorder.begin(journal, longest_s=60).result(5)
    published.wait_for(2)
    free = recording.SPARE_BYTES + journal.size_bytes
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    wait_until(lambda: recorder.take is None)
    assert isinstance(recorder.problem, StorageFull)
    assert count_frames(journal.folder) >= 2


def test_a_step_back_of_the_wall_clock_drops_no_frame(
    workspace: Workspace, published: Published
) -> None:
    ahead_ns = 0
    stamps = SteadyClock(wall_ns=lambda: time.time_ns() + ahead_ns)

    class SteadyCell(StillCell):
        def read(self, sizes: Mapping[str, Size] | None = None) -> FrameSet:
            frames = super().read(sizes)
            return replace(frames, timestamps_ns=dict.fromkeys(CAMERAS, stamps()))

    recorder = Recorder(SteadyCell(), sizes=None, publish=published, stamps=stamps)
    recorder.start()
    for ahead_ns in (0, -60 * 10**9):  # the second clip begins after a step back
        recorder.begin(new_journal(workspace), longest_s=60).result(5)
        published.wait_for(len(published.frames) + 2)
        ahead_ns -= 60 * 10**9
        published.wait_for(len(published.frames) + 3)
        take = recorder.end().result(5)
        times_ns = [frames.timestamps_ns["left"] for frames in stream_frames(take.journal.folder)]
        assert len(times_ns) >= 5
        assert take.dropped_frames <= 1
        assert all(0 < later - early < 1e9 for early, later in itertools.pairwise(times_ns))
    assert abs(times_ns[0] - (time.time_ns() - 60 * 10**9)) < 10e9
    recorder.close()
