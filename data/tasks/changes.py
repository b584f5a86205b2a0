"""Changing the tasks of a workspace: defining, archiving, renaming."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from data.catalog.catalog import Catalog
from data.errors import InvalidInput
from data.tasks.store import load_tasks, store_tasks
from data.tasks.tasks import SEED_TASKS, Task, TaskSet


def define_task(catalog: Catalog, task: Task, *, implied_by: Collection[str] = ()) -> TaskSet:
    """Add a task, or replace the relations, skill and description of the one with its name.

    What it was called before, and whether it is archived, stays.

    Args:
        implied_by: Tasks that shall imply it from now on; no other is changed.

    Returns:
        All tasks now. The order of those that were there before does not change.

    Raises:
        UnknownName: A relation names a task that does not exist.
        TaskRelationError: The relations would contradict themselves. Nothing is changed.
    """
    with catalog.transaction():  # for its lock: two definitions at once must not lose one
        tasks = {known.name: known for known in load_tasks(catalog.workspace)}
        before = tasks.get(task.name, task)
        tasks[task.name] = replace(
            task,
            formerly=tuple(dict.fromkeys((*before.formerly, *task.formerly))),
            archived=before.archived or task.archived,
        )
        return store_tasks(
            catalog.workspace, (implying(each, task.name, implied_by) for each in tasks.values())
        )


def implying(task: Task, other: str, names: Collection[str]) -> Task:
    """`task`, made to imply `other` where it is one of `names`."""
    if task.name not in names or other in task.implies:
        return task
    return replace(task, implies=(*task.implies, other))


def archive_task(catalog: Catalog, name: str, *, archived: bool = True) -> TaskSet:
    """No longer offer the task for recording, labelling and training; or offer it again.

    Nothing that was said of it is touched, and its labels still say what they say of others.

    Raises:
        UnknownName: There is no such task.
    """
    with catalog.transaction():
        tasks = load_tasks(catalog.workspace)
        chosen = tasks[name]
        return store_tasks(
            catalog.workspace,
            [replace(each, archived=archived) if each is chosen else each for each in tasks],
        )


def rename_task(catalog: Catalog, old: str, new: str) -> TaskSet:
    """Call the task `old` by another name; its relations, clips and labels stay with it.

    Files that were written before keep the old name, which goes on being understood.

    Raises:
        UnknownName: There is no such task.
        InvalidInput: The new name cannot be used, or is or was another task's; or the task came
            with Goalpost, so that simulated cells know it by its name.
    """
    with catalog.transaction():
        tasks = load_tasks(catalog.workspace)
        chosen = tasks[old]
        if chosen.name in SEED_TASKS:
            raise InvalidInput(
                f"'{chosen.name}' came with Goalpost, and simulated cells know it by this name.",
                next_step="Change its description, or archive it and define a task of your own.",
            )
        if new in tasks:
            raise InvalidInput(
                f"There is a task '{new}' already.", next_step="Choose another name."
            )
        former = tuple(name for name in (*chosen.formerly, chosen.name) if name != new)
        renamed = [
            replace(
                each,
                name=new if each is chosen else each.name,
                formerly=former if each is chosen else each.formerly,
                implies=_with(each.implies, chosen.name, new),
                excludes=_with(each.excludes, chosen.name, new),
            )
            for each in tasks
        ]
        return store_tasks(catalog.workspace, renamed)


def _with(names: Iterable[str], old: str, new: str) -> tuple[str, ...]:
    return tuple(new if name == old else name for name in names)
