"""Whether what people labelled is enough to train a detector, in words."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from app.wording import counted, listed
from data.catalog.counts import OutcomeCounts, Tally

COMFORTABLE = 10
"""Below this many clips or terminal frames of one outcome, people are told that it is few."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether training may start."""

    problems: list[str] = field(default_factory=list)
    """Why it may not; empty when it may."""
    cautions: list[str] = field(default_factory=list)
    """What will make the detector weak or its report thin."""


def proposed_holdout(counts: OutcomeCounts, tasks: Collection[str]) -> list[str]:
    """The robot that judges most of the `tasks` the others can teach; of several the last one.

    Empty where holding it out would leave no robot to train on.
    """
    if len(counts.robots) < 2:
        return []
    judged = {
        robot: sum(
            not _missing(counts.of(task, [robot])) for task in learnable(counts, tasks, [robot])
        )
        for robot in counts.robots
    }
    return [max(reversed(counts.robots), key=lambda robot: judged[robot])]


def learnable(counts: OutcomeCounts, tasks: Collection[str], holdout: Collection[str]) -> list[str]:
    """Those of the `tasks` that have both outcomes on the robots that are not held out."""
    training = [robot for robot in counts.robots if robot not in holdout]
    return [task for task in tasks if not _missing(counts.of(task, training))]


def judge_readiness(
    counts: OutcomeCounts, chosen: Collection[str], holdout: Collection[str]
) -> Verdict:
    """Whether a detector of the `chosen` tasks can be trained while `holdout` is held out."""
    if not chosen:
        return Verdict(problems=["Choose at least one task."])
    verdict = Verdict()
    training = [robot for robot in counts.robots if robot not in holdout]
    if not holdout:
        verdict.problems.append(
            "Hold out at least one robot: only a robot whose answers the detector was never told "
            "shows how far it can be trusted."
        )
    elif not training:
        verdict.problems.append(
            f"No label is left to train on: every labelled robot ({listed(counts.robots)}) is held "
            "out. Hold out fewer, or record on another robot."
            if counts.robots
            else "Nothing is labelled yet. Record pairs of success and failure first."
        )
    for robot in sorted(set(holdout) - set(counts.robots)):
        verdict.problems.append(
            f"{robot} has no labels, so it cannot judge the detector. Record a pair on it, or hold "
            "out another robot."
        )
    if verdict.problems:
        return verdict
    if counts.conflict_count:
        verdict.cautions.append(
            f"The labels of {counted(counts.conflict_count, 'episode')} cannot all be true, so "
            "training leaves their frames out. Correct them on the Label page: "
            f"{listed(counts.conflicts, limit=4)}."
        )
    for task in chosen:
        seen, unseen = counts.of(task, training), counts.of(task, holdout)
        missing = _missing(seen)
        if missing:
            verdict.problems.append(
                f"{task} has no {' and no '.join(missing)} on the robots that train it "
                f"({listed(training)}). Record a pair, or leave the task out."
            )
        elif min(seen.successes, seen.failures) < COMFORTABLE:
            verdict.cautions.append(
                f"{task} has only {counted(seen.successes, 'success', 'successes')} and "
                f"{counted(seen.failures, 'failure')} to learn from; {COMFORTABLE} of each "
                "are a beginning, several hundred are good."
            )
        if missing := _missing(unseen):
            verdict.cautions.append(
                f"{task} has no {' and no '.join(missing)} on {listed(sorted(holdout))}, so the "
                "report will leave a blank there."
            )
    return verdict


def _missing(tally: Tally) -> list[str]:
    found = {"success": tally.successes, "failure": tally.failures}
    return [outcome for outcome, count in found.items() if not count]
