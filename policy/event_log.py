"""A training's metrics as TensorBoard reads them, beside `metrics.jsonl`."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from tensorboardX import SummaryWriter

from policy.loop_report import Report


class EventLog:
    """A report that also writes every number of `metrics` as a scalar of an event file.

    A training that goes on after a kill repeats the updates since its last checkpoint; what the
    event files hold of those is marked as overtaken.

    Args:
        report: Hears everything.
        folder: Of the event files; made with the first numbers.
    """

    def __init__(self, report: Report, folder: Path) -> None:
        self._report = report
        self._folder = folder
        self._writer: SummaryWriter | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._writer is not None:
            self._writer.close()

    def progress(self, fraction: float, message: str) -> None:
        """Pass on."""
        self._report.progress(fraction, message)

    def metrics(self, step: int, **values: float) -> None:
        """Pass on, and write."""
        self._report.metrics(step, **values)
        if self._writer is None:
            self._writer = SummaryWriter(
                str(self._folder), purge_step=step, filename_suffix=f".from-{step}"
            )
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)
