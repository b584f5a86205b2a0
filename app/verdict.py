"""What a detector's report means for the person who relies on it, in sentences."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from app.wording import counted, listed, when
from sd_model.artefact import DetectorSummary
from sd_model.judging.metrics import Rate
from sd_model.judging.report import Cell, Report
from sd_model.judging.report_tables import percent

HIGH_FALSE_POSITIVE_RATE = 0.02
"""Above this a detector's rewards are mostly wrong while the policy still rarely succeeds: at 2%
true success, 2% of failures taken for success make half of all rewards false."""
UNCERTAIN_FALSE_POSITIVE_RATE = 0.10
"""Where the interval reaches above this, too few failures were judged to trust a low rate."""


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
        f"On {mean.robot}, which it has never seen, it misses "
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


def reward_warnings(report: Report, tasks: Sequence[str]) -> list[str]:
    """Why the detector's rewards for `tasks` would harm a policy; empty when nothing speaks so.

    A policy learns to repeat whatever is rewarded, so a failure that is taken for success teaches
    it to fail.
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
        worst = _worst_false_positive(holdout_cells(report, task))
        if worst is None or worst.value is None:
            unknown.append(task)
        elif worst.value > HIGH_FALSE_POSITIVE_RATE:
            warnings.append(
                f"{task}: on the held-out robot {percent(worst.value)} of the failures are taken "
                "for success. The policy would learn those failures. Review the mistakes and "
                "train the detector again first."
            )
        elif worst.interval.high > UNCERTAIN_FALSE_POSITIVE_RATE:
            warnings.append(
                f"{task}: only {counted(worst.episodes, 'episode')} of failure judged the "
                f"detector, so up to {percent(worst.interval.high)} of the failures may be taken "
                "for success. Record more failures on the held-out robot."
            )
    if unknown:
        warnings.append(
            f"Nobody knows how often the detector takes a failure of {listed(unknown)} for "
            "success: the held-out robot shows no failure of it. Record some there first."
        )
    return warnings


def _worst_false_positive(cells: Collection[Cell]) -> Rate | None:
    rates = [cell.metrics.false_positive for cell in cells if cell.metrics.false_positive.count]
    return max(rates, key=lambda rate: (rate.value or 0.0, rate.interval.high), default=None)
