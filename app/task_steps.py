"""What to do next about one task, and what it would bring, in one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from app.budget import Progress, what_helps_most
from app.next_step import ENOUGH_LABELS
from app.verdict import holdout_cells
from app.wording import counted, listed
from data.catalog.counts import Census
from sd_model.judging.report import Report


@dataclass(frozen=True, kw_only=True)
class TaskStep:
    """The next step of one task."""

    task: str
    there: str
    """What there is of it already."""
    text: str
    page: Literal["record", "policy", "label", "detector", "review"]
    action: str
    """Words of the link that leads to the page."""


def task_step(
    progress: Progress,
    task: str,
    census: Census,
    *,
    robots: Sequence[str],
    report: Report | None,
) -> TaskStep:
    """The next step of `task`.

    Args:
        progress: What was recorded of it.
        robots: Those it could be recorded on.
        report: The newest detector's; None without one.
    """
    tries = [row for row in census.rows if row.kind == "robot" and row.task == task]
    tried = sum(row.count for row in tries)
    labelled = sum(row.count for row in tries if row.answered)
    there = f"{counted(progress.pairs.total(), 'pair')} on {counted(len(progress.pairs), 'robot')}"
    if tried:
        there += f", {labelled} of {counted(tried, 'robot episode')} labelled"
    page, action, text = _next(progress, robots, task, tried, labelled, report)
    return TaskStep(task=task, there=there, page=page, action=action, text=text)


def _next(
    progress: Progress,
    robots: Sequence[str],
    task: str,
    tried: int,
    labelled: int,
    report: Report | None,
) -> tuple[Literal["record", "policy", "label", "detector", "review"], str, str]:
    if len(progress.pairs) < 2:
        return "record", "Record a pair", what_helps_most(progress, robots)
    if not tried:
        return "policy", "Collect episodes", (
            "Let robots try it: their failures look unlike those that people show, and the "
            "detector has to know them."
        )  # fmt: skip
    if labelled < min(tried, ENOUGH_LABELS):
        return "label", "Label episodes", (
            f"Say how {counted(min(tried, ENOUGH_LABELS) - labelled, 'more episode')} ended: "
            "that is what the detector will have to judge."
        )  # fmt: skip
    if report is None or task not in report.tasks:
        return "detector", "Train a detector", (
            "The newest detector does not know it. "
            if report is not None
            else "No detector knows it yet. "
        ) + "Its report says how far it is right on a robot it learned no answer from."  # fmt: skip
    cells = holdout_cells(report, task)
    doubted = [cell for cell in cells if cell.verdict.trust != "trusted"]
    if cells and not doubted:
        return "policy", "Retrain a policy", (
            f"The detector may be trusted with it on {listed([cell.robot for cell in cells])}: "
            "let a policy learn from its rewards."
        )  # fmt: skip
    if any(cell.verdict.trust in ("with care", "cannot tell") for cell in doubted):
        return "review", "Review mistakes", (
            f"The detector is not to be trusted with it yet on {doubted[0].robot}: "
            f"{doubted[0].verdict.reason.lower()}. Its mistakes show what to correct or record."
        )  # fmt: skip
    where = listed([cell.robot for cell in doubted]) or "a robot that is held out"
    return "record", "Record a pair", (
        f"Too few examples to trust the detector with it: record more pairs on {where}."
    )  # fmt: skip
