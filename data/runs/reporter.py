"""What a run's own process says about itself."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from types import FrameType, TracebackType
from typing import Any, Self

from data.errors import GoalpostError
from data.runs.runs import Run, RunStatus, register_process, status_json
from data.storage import append, write_atomically

_WRITE_INTERVAL_S = 0.5
"""Progress is written at most this often, since a page looks no more often."""
_RESERVED_BYTES = 16384
"""Kept free while a run works, so that it can still say on a full disk how it ended."""


class RunCancelled(GoalpostError):
    """Raised by the next report of progress once a cancel has been asked."""


class RunReporter:
    """Context manager around a run's work: writes down how far it is and how it ended.

    Inside the block an exception becomes the status `failed` with its message, and goes on to the
    caller; `RunCancelled` and Ctrl-C become `cancelled`, and the block is left quietly.
    """

    def __init__(self, run: Run, *, clock: Callable[[], int] = time.time_ns) -> None:
        self._run = run
        self._clock = clock
        self._status = RunStatus()
        self._written_s = float("-inf")
        self._reserve = run.folder / "reserve"
        self._asked_to_stop = threading.Event()
        self._previous_handler: Any = None

    def __enter__(self) -> Self:
        register_process(self._run, os.getpid())
        write_atomically(self._reserve, bytes(_RESERVED_BYTES))
        if threading.current_thread() is threading.main_thread():
            self._previous_handler = signal.signal(signal.SIGTERM, self._on_sigterm)
        self._status = replace(
            self._status, state="running", pid=os.getpid(), started_at_ns=self._clock()
        )
        self._write()
        self._written_s = float("-inf")  # what it does first is told at once
        return self

    def progress(self, fraction: float, message: str) -> None:
        """Say how far the run is; cheap enough to call at every step.

        Args:
            fraction: Share done, 0 to 1.
            message: What it is doing, in plain words.

        Raises:
            RunCancelled: A cancel was asked.
            StorageFull: The disk is full.
        """
        if self._asked_to_stop.is_set() or self._run.cancel_path.exists():
            raise RunCancelled("The run was cancelled.", where=self._run.folder)
        self._status = replace(self._status, progress=min(1.0, max(0.0, fraction)), message=message)
        if time.monotonic() - self._written_s >= _WRITE_INTERVAL_S:
            self._write()

    def metrics(self, step: int, **values: float) -> None:
        """Add a row of metrics. Raises `StorageFull` where the disk is full."""
        row = {"step": step, "at_ns": self._clock(), **values}
        append(self._run.metrics_path, json.dumps(row).encode() + b"\n")

    def result(self, **values: Any) -> None:
        """Say what the run made, such as `detector="..."`."""
        self._status = replace(self._status, result={**self._status.result, **values})
        self._write()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if error is None:
            self._status = replace(self._status, state="done", progress=1.0)
        elif isinstance(error, RunCancelled | KeyboardInterrupt):
            self._status = replace(self._status, state="cancelled", message="Cancelled.")
        else:
            self._status = replace(self._status, state="failed", error=_in_plain_words(error))
        self._reserve.unlink(missing_ok=True)
        self._write()
        if self._previous_handler is not None:
            signal.signal(signal.SIGTERM, self._previous_handler)
        return self._status.state == "cancelled"

    def _write(self) -> None:
        self._status = replace(self._status, updated_at_ns=self._clock())
        write_atomically(self._run.status_path, status_json(self._status))
        self._written_s = time.monotonic()

    def _on_sigterm(self, number: int, frame: FrameType | None) -> None:
        """The first SIGTERM asks to stop at the next report; a second one ends the process."""
        self._asked_to_stop.set()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _in_plain_words(error: BaseException) -> str:
    if isinstance(error, GoalpostError):
        return str(error)
    return f"Unexpected {type(error).__name__}: {error}. The run's log says where."
