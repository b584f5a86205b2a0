import pytest

from data.errors import CorruptData
from data.tasks.store import load_tasks
from data.tasks.tasks import SEED_TASKS


def test_a_new_workspace_has_the_tasks_of_the_paper(workspace) -> None:
    assert load_tasks(workspace).names == SEED_TASKS.names
    assert len(SEED_TASKS) == 12


def test_a_damaged_file_is_named(workspace) -> None:
    workspace.tasks_path.write_text('{"tasks": [{"name": "x"}]}')
    with pytest.raises(CorruptData, match=r"tasks\.json"):
        load_tasks(workspace)
