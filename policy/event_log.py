"""A training's metrics as TensorBoard reads them, beside `metrics.jsonl`."""

from __future__ import annotations

import time
from pathlib import Path

from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.proto.summary_pb2 import Summary

from data.importers.tfrecord import as_record
from data.storage import append
from policy.loop_report import Report

_VERSION = "brain.Event:2"


class EventLog:
    """A report that also writes every number of `metrics` as a scalar of an event file.

    A training that goes on after a kill repeats the updates since its last checkpoint; what the
    event files hold of those is marked as overtaken. A library's writer would write from a thread
    of its own, whose death on a full disk leaves the training waiting for ever.

    Args:
        report: Hears everything.
        folder: Of the event files; made with the first numbers.
    """

    def __init__(self, report: Report, folder: Path) -> None:
        self._report = report
        self._folder = folder
        self._path: Path | None = None

    def progress(self, fraction: float, message: str) -> None:
        """Pass on."""
        self._report.progress(fraction, message)

    def metrics(self, step: int, **values: float) -> None:
        """Pass on, and write. Raises `StorageFull` where the disk is full."""
        self._report.metrics(step, **values)
        if self._path is None:
            path = self._folder / f"events.out.tfevents.{time.time():.0f}.from-{step}"
            begun = SessionLog(status=SessionLog.START)
            _write(path, Event(file_version=_VERSION), Event(step=step, session_log=begun))
            self._path = path
        scalars = [Summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        _write(self._path, Event(step=step, summary=Summary(value=scalars)))


def _write(path: Path, *events: Event) -> None:
    for event in events:
        event.wall_time = time.time()
    append(path, b"".join(as_record(event.SerializeToString()) for event in events))
