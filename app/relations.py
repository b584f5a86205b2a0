"""Task relations said in plain sentences."""

from __future__ import annotations

from collections.abc import Collection

from app.wording import listed
from data.tasks.tasks import TaskSet


def relation_sentences(tasks: TaskSet, name: str) -> list[str]:
    """What every label of the task `name` says about other tasks, one sentence for each outcome.

    Raises:
        UnknownName: There is no such task.
    """
    sentences = []
    implied = _in_order(tasks, tasks.implied_by(name))
    excluded = _in_order(tasks, tasks.excluded_by(name))
    consequences = []
    if implied:
        consequences.append(f"success of {listed(implied)}")
    if excluded:
        consequences.append(f"failure of {listed(excluded)}")
    if consequences:
        sentences.append(f"Success of {name} counts as {' and as '.join(consequences)}.")
    implying = _in_order(tasks, tasks.implying(name))
    if implying:
        sentences.append(f"Failure of {name} counts as failure of {listed(implying)}.")
    if not sentences:
        sentences.append(f"A label of {name} says nothing about any other task.")
    elif not implying:
        sentences.append(f"Failure of {name} says nothing about any other task.")
    elif not consequences:
        sentences.append(f"Success of {name} alone says nothing about any other task.")
    return sentences


def _in_order(tasks: TaskSet, names: Collection[str]) -> list[str]:
    return [name for name in tasks.names if name in names]
