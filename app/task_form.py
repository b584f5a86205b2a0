"""What a person typed about a task, and the task set it would make."""

from __future__ import annotations

from dataclasses import dataclass

from data.errors import InvalidInput
from data.tasks import Task, TaskSet


@dataclass(frozen=True, kw_only=True)
class TaskDraft:
    """A task as it stands in the form; nothing is checked yet."""

    name: str
    skill: str
    description: str
    implies: tuple[str, ...]
    excludes: tuple[str, ...]


def proposed_task(tasks: TaskSet, draft: TaskDraft, *, new: bool) -> Task:
    """The task that the draft describes.

    Raises:
        InvalidInput: A name that cannot be used or, where it should be `new`, that is taken.
    """
    task = Task(
        name=draft.name.strip(),
        skill=draft.skill.strip(),
        description=draft.description.strip(),
        implies=draft.implies,
        excludes=draft.excludes,
    )
    if new and task.name in tasks:
        raise InvalidInput(
            f"There is a task '{task.name}' already.",
            next_step="Choose another name, or change that task instead.",
        )
    return task


def proposed_tasks(tasks: TaskSet, draft: TaskDraft, *, new: bool) -> TaskSet:
    """The tasks as they would be with the draft; `tasks` itself is left alone.

    Raises:
        InvalidInput: See `proposed_task`.
        TaskRelationError: The relations contradict themselves.
    """
    task = proposed_task(tasks, draft, new=new)
    kept = [task if known.name == task.name else known for known in tasks]
    return TaskSet([*kept, task] if new else kept)
