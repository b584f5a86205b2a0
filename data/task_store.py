"""The tasks of a workspace, stored in its `tasks.json`."""

from __future__ import annotations

import json

from data.catalog import Catalog
from data.errors import CorruptData, GoalpostError
from data.storage import write_atomically
from data.tasks import SEED_TASKS, Task, TaskSet
from data.workspace import Workspace


def load_tasks(workspace: Workspace) -> TaskSet:
    """The workspace's tasks; a workspace that has defined none of its own has `SEED_TASKS`.

    Raises:
        CorruptData: `tasks.json` cannot be read.
    """
    try:
        stored = json.loads(workspace.tasks_path.read_bytes())["tasks"]
        return TaskSet.from_json(stored)
    except FileNotFoundError:
        return SEED_TASKS
    except (ValueError, KeyError, TypeError, GoalpostError) as error:
        raise CorruptData(
            f"The task definitions cannot be read ({error}).",
            where=workspace.tasks_path,
            next_step="Correct the file, or restore it from a backup; nothing else is affected.",
        ) from error


def define_task(catalog: Catalog, task: Task) -> TaskSet:
    """Add a task, or replace the relations, skill and description of the one with its name.

    Returns:
        All tasks now. The order of those that were there before does not change.

    Raises:
        UnknownName: A relation names a task that does not exist.
        TaskRelationError: The relations would contradict themselves. Nothing is changed.
    """
    with catalog.transaction():  # for its lock: two definitions at once must not lose one
        tasks = {known.name: known for known in load_tasks(catalog.workspace)}
        tasks[task.name] = task
        defined = TaskSet(tasks.values())
        content = json.dumps({"tasks": defined.as_json()}, indent=1)
        write_atomically(catalog.workspace.tasks_path, content.encode() + b"\n")
    return defined
