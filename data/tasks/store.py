"""The tasks of a workspace, stored in its `tasks.json`."""

from __future__ import annotations

import json
from collections.abc import Iterable

from data.errors import CorruptData, GoalpostError
from data.storage import read_json, write_atomically
from data.tasks.tasks import SEED_TASKS, Task, TaskSet
from data.workspace import Workspace


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


def store_tasks(workspace: Workspace, tasks: Iterable[Task]) -> TaskSet:
    """Write the tasks where they make a consistent set; the caller holds the catalog's lock."""
    defined = TaskSet(tasks)
    content = json.dumps({"tasks": defined.as_json()}, indent=1)
    write_atomically(workspace.tasks_path, content.encode() + b"\n")
    return defined
