"""The journal: a recording on disk from its first frame, so that a killed process loses little.

A recording's folder holds `header.json` (what is being shown, by whom) and `frames.journal`, to
which one checksummed record a frame set is appended. A torn record at the end is what a crash
leaves; it is ignored.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import struct
import threading
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec

from data.episodes.frames import EncodedFrameSet
from data.episodes.packing import pack, unpack
from data.errors import CorruptData, GoalpostError, unknown_name
from data.storage import full_disk_is_an_error, make_folder, sync_folder, write_atomically
from data.tasks.tasks import Outcome
from data.workspace import Workspace

MOST_WAITING = 150
"""Frame sets that may wait for a slow disk (30 s at 5 Hz) before new ones are dropped."""

_HEADER = "header.json"
_FRAMES = "frames.journal"
_RECORD = struct.Struct("<II")  # length and CRC-32 of the packed frame set that follows
_REMOVED = ".removed-"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class JournalHeader:
    """What a recording shows; written before its first frame."""

    recording_id: str
    """Becomes the episode's id, so that sealing twice cannot make two clips."""
    robot: str
    behaviour: str
    """Who shows the outcome: `person` or `demonstrator`."""
    task: str
    outcome: Outcome
    pair_id: str | None
    """Shared by the two clips of one scene."""
    by: str
    started_at_ns: int


class Journal:
    """The journal of one recording under way.

    A thread of its own writes and fsyncs, so that a slow disk does not disturb the sampling.
    `append` and `close` are called from one thread.

    Raises:
        StorageFull: There is no room for the recording's folder.
    """

    def __init__(self, workspace: Workspace, header: JournalHeader) -> None:
        self.header = header
        self.folder = workspace.journals / header.recording_id
        self.size_bytes = 0
        """How much was handed over."""
        with full_disk_is_an_error(self.folder), contextlib.ExitStack() as undo:
            make_folder(self.folder)
            undo.callback(shutil.rmtree, self.folder, ignore_errors=True)
            self._file: IO[bytes] = (self.folder / _FRAMES).open("xb", buffering=0)
            undo.callback(self._file.close)
            # Last, since a folder with a header counts as a recording; it makes both names durable.
            write_atomically(self.folder / _HEADER, msgspec.json.encode(header))
            undo.pop_all()
        self._waiting: deque[bytes] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._failure: GoalpostError | None = None
        self._writer = threading.Thread(target=self._write, name="journal", daemon=True)
        self._writer.start()

    def append(self, frames: EncodedFrameSet) -> bool:
        """Hand over one frame set; False where the disk is so far behind that it was dropped.

        Raises:
            StorageFull: An earlier frame set could not be written. What was written is kept.
        """
        packed = pack(frames)
        record = _RECORD.pack(len(packed), zlib.crc32(packed)) + packed
        with self._changed:
            if self._failure is not None:
                raise self._failure
            if len(self._waiting) >= MOST_WAITING:
                return False
            self._waiting.append(record)
            self.size_bytes += len(record)
            self._changed.notify()
        return True

    def close(self) -> None:
        """Wait until everything handed over is on the disk.

        Raises:
            StorageFull: Some of it could not be written. What was written is kept.
        """
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._writer.join()
        self._file.close()
        if self._failure is not None:
            raise self._failure

    def _write(self) -> None:
        try:
            with full_disk_is_an_error(self.folder):
                while records := self._take():
                    _write_all(self._file, b"".join(records))
                    os.fsync(self._file.fileno())
        except GoalpostError as error:
            self._failure = error
        except Exception as error:  # noqa: BLE001 (the last line of defence)
            _log.exception("a recording cannot be written")
            self._failure = _disk_failed(self.folder, error)

    def _take(self) -> list[bytes]:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            records = list(self._waiting)
            self._waiting.clear()
        return records


def _write_all(file: IO[bytes], content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]


def _disk_failed(folder: Path, error: Exception) -> GoalpostError:
    return GoalpostError(
        f"The recording cannot be written: {error}.",
        where=folder,
        next_step="Check the disk and the folder's permissions; what was recorded before is kept.",
    )


def read_header(folder: Path) -> JournalHeader:
    """What the recording in `folder` shows. Raises `CorruptData` where that cannot be read."""
    try:
        return msgspec.json.decode((folder / _HEADER).read_bytes(), type=JournalHeader)
    except (OSError, ValueError, RecursionError) as error:
        raise CorruptData(
            "The header of a recording cannot be read.",
            where=folder / _HEADER,
            next_step="Restore the file from a backup, or delete the folder.",
        ) from error


def stream_frames(folder: Path) -> Iterator[EncodedFrameSet]:
    """Every whole frame set of the recording in `folder`, oldest first, one at a time."""
    return map(unpack, _records(folder))


def count_frames(folder: Path) -> int:
    """How many whole frame sets the recording in `folder` holds."""
    return sum(1 for _ in _records(folder))


def frames_size(folder: Path) -> int:
    """Bytes of frames in `folder`; the same number means the same frames, since they only grow."""
    path = folder / _FRAMES
    return path.stat().st_size if path.exists() else 0


def _records(folder: Path) -> Iterator[bytes]:
    path = folder / _FRAMES
    if not path.exists():  # killed between the header and the first frame
        return
    with path.open("rb") as file:
        while len(prefix := file.read(_RECORD.size)) == _RECORD.size:
            length, checksum = _RECORD.unpack(prefix)
            packed = file.read(length)
            # A power cut may leave zeroes at the end, and these must not pass for a record.
            if not length or len(packed) < length or zlib.crc32(packed) != checksum:
                _log.warning("%s ends in a torn record, which is ignored", path)
                return
            yield packed


def find_journal(workspace: Workspace, recording_id: str) -> Path:
    """The folder of a recording. Raises `UnknownName` where there is none."""
    folders = {folder.name: folder for folder in _folders(workspace)}
    if recording_id not in folders:
        raise unknown_name(
            "recording",
            recording_id,
            folders,
            where=workspace.journals,
            next_step="It was kept or dropped already; load the page again.",
        )
    return folders[recording_id]


def list_journals(workspace: Workspace) -> list[JournalHeader]:
    """Every recording that is not sealed yet, oldest first: under way, or left by a crash.

    A folder whose header is damaged is logged and left alone.
    """
    for leftover in workspace.journals.glob(f"{_REMOVED}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    headers = []
    for folder in _folders(workspace):
        try:
            headers.append(read_header(folder))
        except CorruptData as error:
            _log.warning("%s", error)
    return headers


def _folders(workspace: Workspace) -> list[Path]:
    return sorted(
        folder for folder in workspace.journals.iterdir() if (folder / _HEADER).exists()
        and not folder.name.startswith(".")
    )  # fmt: skip


def remove_journal(folder: Path) -> None:
    """Delete a recording. It vanishes from `list_journals` at one moment, whatever happens then."""
    gone = folder.with_name(f"{_REMOVED}{folder.name}")
    folder.rename(gone)
    sync_folder(folder.parent)
    shutil.rmtree(gone, ignore_errors=True)
