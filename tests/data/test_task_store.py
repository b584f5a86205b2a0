import pytest

from data.errors import CorruptData, TaskRelationError, UnknownName
from data.task_store import define_task, load_tasks
from data.tasks import SEED_TASKS, Task


def test_a_new_workspace_has_the_tasks_of_the_paper(workspace) -> None:
    assert load_tasks(workspace).names == SEED_TASKS.names
    assert len(SEED_TASKS) == 12


def test_a_defined_task_comes_last_and_stays(catalog, workspace) -> None:
    define_task(catalog, Task(name="lift-cup", skill="lift", implies=("lift-any",)))
    tasks = load_tasks(workspace)
    assert tasks.names == (*SEED_TASKS.names, "lift-cup")
    assert tasks.implied_by("lift-cup") == {"lift-any"}
    assert list(tasks)[:12] == list(SEED_TASKS)


def test_defining_again_replaces_in_place(catalog, workspace) -> None:
    define_task(catalog, Task(name="lift-any", skill="lift", description="Anything is up."))
    tasks = load_tasks(workspace)
    assert tasks.names == SEED_TASKS.names
    assert tasks["lift-any"].description == "Anything is up."


@pytest.mark.parametrize(
    ("task", "error"),
    [
        (Task(name="lift-any", skill="lift", excludes=("lift-carrot",)), TaskRelationError),
        (Task(name="lift-cup", skill="lift", implies=("lift-any-thing",)), UnknownName),
    ],
)
def test_impossible_relations_change_nothing(catalog, workspace, task, error) -> None:
    define_task(catalog, Task(name="lift-cup", skill="lift"))
    before = workspace.tasks_path.read_bytes()
    with pytest.raises(error):
        define_task(catalog, task)
    assert workspace.tasks_path.read_bytes() == before


def test_a_damaged_file_is_named(workspace) -> None:
    workspace.tasks_path.write_text('{"tasks": [{"name": "x"}]}')
    with pytest.raises(CorruptData, match=r"tasks\.json"):
        load_tasks(workspace)
