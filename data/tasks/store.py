"""The tasks of a workspace, stored in its `tasks.json`."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from data.errors import CorruptData, GoalpostError, InvalidInput
from data.storage import read_json, write_atomically
from data.tasks.tasks import SEED_TASKS, Task, TaskSet
from data.workspace import Workspace

if TYPE_CHECKING:
    from data.catalog.catalog import Catalog


def load_tasks(workspace: Workspace) -> TaskSet:
    """The workspace's tasks; a workspace that has defined none of its own has `SEED_TASKS`.

    Raises:
        CorruptData: `tasks.json` cannot be read.
    """
    try:
        stored = read_json(workspace.tasks_path)["tasks"]
        return TaskSet.from_json(stored)
    except FileNotFoundError:
        return SEED_TASKS
    except (ValueError, KeyError, TypeError, GoalpostError) as error:
        raise CorruptData(
            f"The task definitions cannot be read ({error}).",
            where=workspace.tasks_path,
            next_step="Correct the file, or restore it from a backup; nothing else is affected.",
        ) from error


def define_task(catalog: Catalog, task: Task, *, implied_by: Collection[str] = ()) -> TaskSet:
    """Add a task, or replace the relations, skill and description of the one with its name.

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
        tasks[task.name] = task
        return _store(
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
        return _store(
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
    with catalog.transaction() as transaction:
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
        stored = _store(catalog.workspace, renamed)
        for table in ("episodes", "labels"):
            transaction.execute(
                f"UPDATE {table} SET task = ? WHERE list_contains(?::VARCHAR[], task)",
                (new, list(former)),
            )
    return stored


def _with(names: Iterable[str], old: str, new: str) -> tuple[str, ...]:
    return tuple(new if name == old else name for name in names)


def _store(workspace: Workspace, tasks: Iterable[Task]) -> TaskSet:
    """Write the tasks where they make a consistent set; the caller holds the catalog's lock."""
    defined = TaskSet(tasks)
    content = json.dumps({"tasks": defined.as_json()}, indent=1)
    write_atomically(workspace.tasks_path, content.encode() + b"\n")
    return defined
