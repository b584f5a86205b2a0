"""What a detector's report means for the person who relies on it, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from app.wording import counted, listed, when
from sd_model.artefact import DetectorSummary
from sd_model.judging.report import Cell, Report
from sd_model.judging.report_tables import percent

_TRUST_WORDS = {
    "cannot tell": "it cannot tell success from failure",
    "too few": "too few examples to say",
    "with care": "only with care",
}


def detector_words(summary: DetectorSummary) -> str:
    """A detector as people tell it from others: when, tasks, held-out robots, end of its id."""
    return (
        f"{when(summary.created_at_ns)} · {listed(summary.tasks.names, limit=4)} · held out "
        f"{listed(summary.holdout) or 'nobody'} · {summary.detector_id[-4:]}"
    )


def holdout_cells(report: Report, task: str | None = None) -> list[Cell]:
    """The cells of held-out robots, of one task or of all."""
    return [
        cell
        for cell in report.cells
        if cell.split == "holdout" and (task is None or cell.task == task)
    ]


def holdout_verdict(report: Report) -> str:
    """One sentence a held-out robot: how often the detector errs there."""
    means = [mean for mean in report.means if mean.split == "holdout"]
    if not means:
        return (
            "No robot was held out, so nobody knows how this detector does on a robot it has "
            "never seen."
        )
    return " ".join(
        f"On {mean.robot}, whose answers it was never told, it misses "
        f"{percent(mean.rates['false_negative'].value)} of the successes and takes "
        f"{percent(mean.rates['false_positive'].value)} of the failures for success (mean over "
        "tasks)."
        for mean in means
    )


def robot_figures(report: Report) -> list[dict[str, str]]:
    """A row a robot with its errors, mean over tasks; the held-out robots first."""
    return [
        {
            "robot": mean.robot,
            "role": "held out" if mean.split == "holdout" else "helped to choose thresholds",
            "missed (FN)": percent(mean.rates["false_negative"].value),
            "false success (FP)": percent(mean.rates["false_positive"].value),
        }
        for mean in report.means
    ]


def untrusted_lines(report: Report) -> list[str]:
    """The tasks not to rely on it for, on each held-out robot, and why; empty where all is well."""
    return [
        f"{cell.task} on {cell.robot}: {_TRUST_WORDS[cell.verdict.trust]}. {cell.verdict.reason}."
        for cell in holdout_cells(report)
        if cell.verdict.trust in ("cannot tell", "too few")
    ]


def trust_summary(report: Report) -> str:
    """How many tasks may be trusted on each held-out robot, in one sentence."""
    sentences = []
    for robot in dict.fromkeys(cell.robot for cell in holdout_cells(report)):
        cells = [cell for cell in holdout_cells(report) if cell.robot == robot]
        named = {
            words: [cell.task for cell in cells if cell.verdict.trust == trust]
            for trust, words in (
                ("cannot tell", "It cannot tell"),
                ("too few", "Too few examples to say of"),
                ("with care", "With care:"),
            )
        }
        trusted = sum(cell.verdict.trust == "trusted" for cell in cells)
        parts = [f"On {robot} it may be trusted for {trusted} of {counted(len(cells), 'task')}."]
        parts += [f"{words} {listed(tasks, limit=5)}." for words, tasks in named.items() if tasks]
        sentences.append(" ".join(parts))
    return " ".join(sentences)


def reward_warnings(report: Report, tasks: Sequence[str]) -> list[str]:
    """Why the detector's rewards for `tasks` would harm a policy; empty when nothing speaks so.

    A policy learns to repeat whatever is rewarded, so a failure that is taken for success teaches
    it to fail; a success that is missed is no lesson at all.
    """
    warnings = []
    unjudged = [task for task in tasks if task not in report.tasks]
    if unjudged:
        warnings.append(
            f"The detector does not judge {listed(unjudged)}: episodes cannot be rewarded for "
            "it. Train a detector that does, or leave it out."
        )
    unknown = []
    for task in tasks:
        if task in unjudged:
            continue
        cells = holdout_cells(report, task)
        if not any(cell.metrics.false_positive.count for cell in cells):
            unknown.append(task)
            continue
        warnings += [
            f"{task} on {cell.robot}: {_TRUST_WORDS[cell.verdict.trust]}. {cell.verdict.reason}."
            for cell in cells
            if cell.verdict.trust != "trusted"
        ]
    if unknown:
        warnings.append(
            f"Nobody knows how often the detector takes a failure of {listed(unknown)} for "
            "success: the held-out robot shows no failure of it. Record some there first."
        )
    return warnings
