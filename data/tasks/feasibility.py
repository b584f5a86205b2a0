"""Feasibility: which outcomes of other tasks follow from the labels of one frame.

Success of lift-carrot means success of lift-any and failure of every other instance lift; failure
of lift-any means failure of every lift. What does not follow stays unknown and is masked in the
loss; it is never taken for a failure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from data.errors import LabelConflict
from data.tasks.tasks import Outcome, TaskSet


@dataclass(frozen=True)
class Conclusion:
    """What is known about one task on one frame."""

    outcome: Outcome
    derived_from: str | None
    """The labelled task it follows from; None: this task itself was labelled."""


def close_outcomes(stated: Mapping[str, Outcome], tasks: TaskSet) -> dict[str, Conclusion]:
    """Close the labelled outcomes of one frame over the relations of the tasks.

    Args:
        stated: Labelled outcome per task.
        tasks: The tasks and their relations.

    Returns:
        Every task whose outcome is known, in the order of `tasks`; the rest is unknown. Where
        several labels lead to one conclusion, it remembers the first of them in task order.

    Raises:
        UnknownName: A label of a task that is not in `tasks`.
        LabelConflict: The labels cannot all be true.
    """
    for name in stated:
        tasks[name]
    known = {name: Conclusion(stated[name], None) for name in tasks.names if name in stated}
    waiting = list(known)
    while waiting:
        premise = waiting.pop(0)
        origin = known[premise].derived_from or premise
        for name, outcome in _consequences(premise, known[premise].outcome, tasks):
            if name not in known:
                known[name] = Conclusion(outcome, origin)
                waiting.append(name)
            elif known[name].outcome != outcome:
                raise _conflict(stated, known[name].derived_from or name, origin, name)
    return {name: known[name] for name in tasks.names if name in known}


def _consequences(name: str, outcome: Outcome, tasks: TaskSet) -> Iterator[tuple[str, Outcome]]:
    if outcome == "success":
        for implied in sorted(tasks.implied_by(name)):
            yield implied, "success"
        for excluded in sorted(tasks.excluded_by(name)):
            yield excluded, "failure"
    else:
        for narrower in sorted(tasks.implying(name)):
            yield narrower, "failure"


def _conflict(stated: Mapping[str, Outcome], one: str, other: str, about: str) -> LabelConflict:
    return LabelConflict(
        f"The labels '{one}: {stated[one]}' and '{other}: {stated[other]}' cannot both be true "
        f"of one frame: they disagree about '{about}'.",
        next_step=(
            f"Look at the frame in Label and correct the label of '{one}' or of '{other}'; "
            "where both are right, correct the relations in Tasks."
        ),
    )
