"""What a cell host can be asked to do; the host itself only moves the messages."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, TypeVar, runtime_checkable

from data.catalog.catalog import Catalog
from data.cells.arrangement import Arrangement
from data.cells.hardware import HardwareCell
from data.cells.messages import CellStatus, RecordingStatus
from data.cells.protocol import Cell, RobotCell
from data.cells.robots import Robot
from data.episodes.episodes import new_episode_id
from data.episodes.frames import CAMERAS
from data.errors import CellError, InvalidInput
from data.recording.journal import (
    Journal,
    JournalHeader,
    find_journal,
    frames_size,
    list_journals,
    read_header,
    remove_journal,
)
from data.recording.recorder import Recorder, Take
from data.recording.sealing import (
    FEWEST_FRAMES,
    RecordingSummary,
    RecoveredClip,
    describe_journal,
    drop_journal,
    seal_journal,
    too_short,
)
from data.tasks.store import load_tasks
from data.tasks.tasks import Outcome
from data.workspace import Workspace

_T = TypeVar("_T")


@runtime_checkable
class DemonstratingCell(Protocol):
    """A simulated cell, in which a demonstrator shows outcomes as a person would."""

    def demonstrate(self, task: str, outcome: Outcome, *, near_miss: bool, seed: int) -> None:
        """Arrange the scene so that every frame shows `outcome` of `task`."""

    def arrange(self, arrangement: Arrangement, *, seed: int) -> None:
        """Set the scene up like this, and keep it so."""

    def new_scene(self, seed: int) -> None:
        """Shuffle the objects."""

    def idle(self) -> None:
        """Stop demonstrating."""


class CellService:
    """The commands of one cell. Public methods are called from one thread.

    They give back what was asked for, or a future of it where they wait for cell or disk. Each is
    called with the fields of its request (`messages.Request`), which are of their types.
    """

    def __init__(
        self, workspace: Workspace, robot: Robot, cell: Cell, recorder: Recorder,
        clock_ns: Callable[[], int],
    ) -> None:  # fmt: skip
        self._workspace = workspace
        self._robot = robot
        self._cell = cell
        self._recorder = recorder
        self._clock_ns = clock_ns
        self._workers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="worker")
        self._in_hand: set[str] = set()
        """Recordings that are just starting or being sealed."""
        self._counted: dict[tuple[str, int], RecoveredClip] = {}
        self._scene = ""

    def close(self) -> None:
        """Wait for clips that are being sealed."""
        self._workers.shutdown()

    def status(self) -> CellStatus:
        """What the cell does now."""
        take = self._recorder.take
        return CellStatus(
            robot=self._robot.name,
            kind=self._robot.kind,
            recording=None if take is None else _recording_status(take, self._recorder.elapsed_s),
            recovered=tuple(self._recovered()),
            camera_errors=self._camera_errors(),
            problem=None if self._recorder.problem is None else str(self._recorder.problem),
            scene=self._scene,
        )

    def _camera_errors(self) -> dict[str, str]:
        problems = self._cell.problems() if isinstance(self._cell, HardwareCell) else {}
        error = self._recorder.camera_error
        if problems or error is None:
            return problems
        return dict.fromkeys(CAMERAS, str(error))

    def demonstrate(self, task: str, outcome: Outcome, near_miss: bool, seed: int) -> Future[None]:
        """Let the demonstrator show `outcome` of `task`."""
        cell = self._demonstrating_cell()
        _ = load_tasks(self._workspace)[task]  # raises UnknownName
        words = f"{outcome} of {task}" + (", nearly the other outcome" if near_miss else "")
        return self._arrange(
            words, lambda: cell.demonstrate(task, outcome, near_miss=near_miss, seed=seed)
        )

    def arrange(self, arrangement: Arrangement, seed: int) -> Future[None]:
        """Set the scene up like this."""
        cell = self._demonstrating_cell()
        arrangement.check()
        return self._arrange(arrangement.words, lambda: cell.arrange(arrangement, seed=seed))

    def new_scene(self, seed: int) -> Future[None]:
        """Shuffle the objects."""
        cell = self._demonstrating_cell()
        return self._arrange("a new scene", lambda: cell.new_scene(seed))

    def idle(self) -> Future[None]:
        """Stop demonstrating."""
        cell = self._demonstrating_cell()
        return self._arrange("", cell.idle)

    def start_recording(
        self, task: str, outcome: Outcome, pair_id: str | None, by: str, longest_s: float
    ) -> Future[str]:
        """Begin a clip of at most `longest_s` seconds; gives its id."""
        _ = load_tasks(self._workspace)[task]  # raises UnknownName
        now_ns = self._clock_ns()
        recording_id = new_episode_id(now_ns)
        self._in_hand.add(recording_id)
        header = JournalHeader(
            recording_id=recording_id,
            robot=self._robot.name,
            behaviour="person" if self._robot.kind == "hardware" else "demonstrator",
            task=task,
            outcome=outcome,
            pair_id=pair_id,
            by=by,
            started_at_ns=now_ns,
        )

        def start() -> str:
            try:
                journal = Journal(self._workspace, header)
                self._recorder.begin(journal, longest_s=longest_s).result()
            finally:
                self._in_hand.discard(recording_id)
            return recording_id

        return self._workers.submit(start)

    def stop_recording(self) -> Future[RecordingSummary]:
        """End the clip and seal it."""
        take = self._recorder.take
        if take is not None:
            self._in_hand.add(take.journal.header.recording_id)
        ended = self._recorder.end()
        cell = self._cell
        truth = self._recorder.call(cell.truth if isinstance(cell, RobotCell) else lambda: None)

        def stop() -> RecordingSummary:
            try:
                return self._seal(ended.result(), truth.result())
            finally:
                if take is not None:
                    self._in_hand.discard(take.journal.header.recording_id)

        return self._workers.submit(stop)

    def discard_recording(self) -> Future[None]:
        """End the clip and throw it away."""
        ended = self._recorder.end()
        return self._workers.submit(lambda: remove_journal(ended.result().journal.folder))

    def recovered(self) -> list[RecoveredClip]:
        """Recordings that were cut short, oldest first."""
        return self._recovered()

    def keep_recovered(self, recording_id: str) -> Future[str]:
        """Seal a recording that was cut short; gives its episode's id."""
        folder = self._find_recovered(recording_id)
        return self._with_recovered(
            recording_id, lambda: seal_journal(Catalog(self._workspace), folder).episode_id
        )

    def drop_recovered(self, recording_id: str) -> Future[None]:
        """Throw a recording away that was cut short."""
        folder = self._find_recovered(recording_id)
        return self._with_recovered(
            recording_id,
            lambda: drop_journal(Catalog(self._workspace), folder, at_ns=self._clock_ns()),
        )

    def _with_recovered(self, recording_id: str, action: Callable[[], _T]) -> Future[_T]:
        self._in_hand.add(recording_id)

        def act() -> _T:
            try:
                return action()
            finally:
                self._in_hand.discard(recording_id)

        return self._workers.submit(act)

    def _seal(self, take: Take, truth: dict[str, bool] | None) -> RecordingSummary:
        if take.frame_count < FEWEST_FRAMES:
            remove_journal(take.journal.folder)
            raise too_short(take.frame_count, where=f"robot '{self._robot.name}'")
        return seal_journal(
            Catalog(self._workspace),
            take.journal.folder,
            dropped_frames=take.dropped_frames,
            truth=truth,
        )

    def _recovered(self) -> list[RecoveredClip]:
        take = self._recorder.take
        busy = self._in_hand | ({take.journal.header.recording_id} if take else set())
        clips = []
        for header in list_journals(self._workspace):
            if header.robot == self._robot.name and header.recording_id not in busy:
                clips.append(self._describe(self._workspace.journals / header.recording_id))
        return clips

    def _describe(self, folder: Path) -> RecoveredClip:
        key = (folder.name, frames_size(folder))
        if key not in self._counted:  # counting reads the whole file
            self._counted[key] = describe_journal(folder)
        return self._counted[key]

    def _find_recovered(self, recording_id: str) -> Path:
        waiting = [clip.recording_id for clip in self._recovered()]
        folder = find_journal(self._workspace, recording_id)
        if recording_id not in waiting:
            raise InvalidInput(
                f"The recording '{recording_id}' cannot be kept or dropped here.",
                where=f"robot '{self._robot.name}'",
                valid=waiting,
                next_step=f"It belongs to '{read_header(folder).robot}', or is still going on.",
            )
        return folder

    def _demonstrating_cell(self) -> DemonstratingCell:
        if not isinstance(self._cell, DemonstratingCell):
            raise CellError(
                f"Robot '{self._robot.name}' is a real one: no command arranges its scene.",
                where=f"robot '{self._robot.name}'",
                next_step="Arrange the objects by hand.",
            )
        return self._cell

    def _arrange(self, words: str, arrange: Callable[[], None]) -> Future[None]:
        def job() -> None:
            if self._recorder.take is not None:
                raise CellError(
                    "The scene cannot change during a recording: every frame of a clip shows one "
                    "outcome.",
                    where=f"robot '{self._robot.name}'",
                    next_step="Stop the recording first.",
                )
            arrange()
            self._scene = words

        return self._recorder.call(job)


def _recording_status(take: Take, elapsed_s: float) -> RecordingStatus:
    header = take.journal.header
    return RecordingStatus(
        recording_id=header.recording_id,
        task=header.task,
        outcome=header.outcome,
        pair_id=header.pair_id,
        by=header.by,
        started_at_ns=header.started_at_ns,
        elapsed_s=elapsed_s,
        longest_s=take.longest_s,
        frame_count=take.frame_count,
        dropped_frames=take.dropped_frames,
    )
