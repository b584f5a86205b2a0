"""Whether what people labelled is enough to train a detector, in words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from app.wording import counted, listed
from data.errors import LabelConflict
from data.labels import Label
from data.tasks import Outcome, TaskSet
from sd_model.examples.feasibility import close_outcomes

COMFORTABLE = 10
"""Below this many clips or terminal frames of one outcome, people are told that it is few."""


@dataclass(kw_only=True)
class Tally:
    """How many clips and terminal frames show each outcome of one task."""

    success: int = 0
    """Labelled as success."""
    failure: int = 0
    """Labelled as failure."""
    derived_success: int = 0
    """Success follows from a label of another task."""
    derived_failure: int = 0
    """Failure follows from a label of another task."""

    @property
    def successes(self) -> int:
        """Labelled and derived."""
        return self.success + self.derived_success

    @property
    def failures(self) -> int:
        """Labelled and derived."""
        return self.failure + self.derived_failure

    def add(self, outcome: Outcome, *, derived: bool) -> None:
        """Count one more clip or terminal frame."""
        name = f"derived_{outcome}" if derived else outcome
        setattr(self, name, getattr(self, name) + 1)

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            success=self.success + other.success,
            failure=self.failure + other.failure,
            derived_success=self.derived_success + other.derived_success,
            derived_failure=self.derived_failure + other.derived_failure,
        )


@dataclass(frozen=True, kw_only=True)
class LabelCounts:
    """The labels of a workspace, counted by task and robot."""

    tallies: Mapping[str, Mapping[str, Tally]]
    """By task, then by robot; a clip counts once, however many frames it has."""
    conflicts: tuple[str, ...] = ()
    """Episodes whose labels cannot all be true; they are left out of the tallies."""
    unsure: int = 0
    """Answers that train nothing."""

    def of(self, task: str, robots: Collection[str] | None = None) -> Tally:
        """The tally of `task` over `robots` (None: all)."""
        rows = self.tallies.get(task, {})
        chosen = [tally for robot, tally in rows.items() if robots is None or robot in robots]
        return sum(chosen, Tally())

    @property
    def robots(self) -> tuple[str, ...]:
        """Robots with at least one counted label, sorted."""
        return tuple(sorted({robot for rows in self.tallies.values() for robot in rows}))


def count_labels(
    labels: Iterable[Label], robot_of: Mapping[str, str], tasks: TaskSet
) -> LabelCounts:
    """Count standing `labels`, with what follows from them, by task and robot.

    Args:
        labels: Standing labels, at most one for each episode, frame and task.
        robot_of: The robot of each episode by its id; labels of other episodes are left out.
        tasks: The tasks and their relations; labels of other tasks are left out.
    """
    stated: dict[tuple[str, int | None], dict[str, Outcome]] = defaultdict(dict)
    unsure = 0
    for label in labels:
        if label.episode_id not in robot_of or label.task not in tasks:
            continue
        if label.outcome == "unsure":
            unsure += 1
        else:
            stated[label.episode_id, label.frame_index][label.task] = label.outcome
    tallies: dict[str, dict[str, Tally]] = defaultdict(lambda: defaultdict(Tally))
    conflicts = []
    for (episode_id, _), outcomes in stated.items():
        try:
            closed = close_outcomes(outcomes, tasks)
        except LabelConflict:
            conflicts.append(episode_id)
            continue
        for task, conclusion in closed.items():
            tallies[task][robot_of[episode_id]].add(
                conclusion.outcome, derived=conclusion.derived_from is not None
            )
    return LabelCounts(
        tallies={task: dict(rows) for task, rows in tallies.items()},
        conflicts=tuple(sorted(set(conflicts))),
        unsure=unsure,
    )


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether training may start."""

    problems: list[str] = field(default_factory=list)
    """Why it may not; empty when it may."""
    cautions: list[str] = field(default_factory=list)
    """What will make the detector weak or its report thin."""


def proposed_holdout(counts: LabelCounts, tasks: Collection[str]) -> list[str]:
    """The robot that judges most of the `tasks` in both outcomes; of several the last one.

    Empty where holding it out would leave no robot to train on.
    """
    if len(counts.robots) < 2:
        return []
    judged = {
        robot: sum(not _missing(counts.of(task, [robot])) for task in tasks)
        for robot in counts.robots
    }
    return [max(reversed(counts.robots), key=lambda robot: judged[robot])]


def judge_readiness(
    counts: LabelCounts, chosen: Collection[str], holdout: Collection[str]
) -> Verdict:
    """Whether a detector of the `chosen` tasks can be trained while `holdout` is held out."""
    if not chosen:
        return Verdict(problems=["Choose at least one task."])
    verdict = Verdict()
    training = [robot for robot in counts.robots if robot not in holdout]
    if not holdout:
        verdict.problems.append(
            "Hold out at least one robot: only a robot the detector never saw shows how far it can "
            "be trusted."
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
    if counts.conflicts:
        verdict.problems.append(
            f"The labels of {counted(len(counts.conflicts), 'episode')} cannot all be true. "
            f"Correct them on the Label page: {listed(counts.conflicts, limit=4)}."
        )
    if verdict.problems:
        return verdict
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
