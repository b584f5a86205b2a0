"""The detector that is in use now: the one approved last, or a certain one."""

from __future__ import annotations

from dataclasses import dataclass

from data.errors import InvalidInput
from data.workspace import Workspace
from sd_model.approval import approvals
from sd_model.judging.detector import Detector, detector_folder
from sd_model.judging.report import Cell
from sd_model.judging.report_files import load_report


@dataclass(frozen=True, kw_only=True)
class Trusted:
    """A detector with what its report says of it."""

    detector: Detector
    cells: tuple[Cell, ...]
    """Of the robots that were held out: how far it can be trusted, per robot and task."""

    def cells_of(self, task: str, robot: str | None) -> list[Cell]:
        """The report's figures for a task, on that robot if it was held out and else on all."""
        of_task = [cell for cell in self.cells if cell.task == task]
        return [cell for cell in of_task if cell.robot == robot] or of_task


class CurrentDetector:
    """Holds the detector in use; `refresh` exchanges it, and whoever has the old one keeps it.

    Args:
        pinned: Identifier of the one to use whatever is approved later.

    Raises:
        InvalidInput: None is approved.
        UnknownName: There is none of that name.
        CorruptData: Its folder is damaged.
    """

    def __init__(self, workspace: Workspace, *, pinned: str | None = None) -> None:
        self._workspace = workspace
        self._pinned = pinned
        self.trusted = self._load(self._wanted())

    def refresh(self) -> bool:
        """Exchange the detector where a newer one is approved; says whether it did.

        Raises:
            CorruptData: The newer one is damaged; the old one stays in use.
        """
        wanted = self._wanted()
        if wanted == self.trusted.detector.detector_id:
            return False
        self.trusted = self._load(wanted)
        return True

    def _wanted(self) -> str:
        if self._pinned is not None:
            return self._pinned
        approved = approvals(self._workspace)
        if not approved:
            raise InvalidInput(
                "No detector is approved, so there is nothing to serve.",
                where=self._workspace.detectors,
                next_step="Read its report, then: goalpost sd approve DETECTOR",
            )
        return approved[0].detector_id

    def _load(self, detector_id: str) -> Trusted:
        folder = detector_folder(self._workspace, detector_id)
        held_out = tuple(cell for cell in load_report(folder).cells if cell.split == "holdout")
        return Trusted(detector=Detector.load(folder), cells=held_out)
