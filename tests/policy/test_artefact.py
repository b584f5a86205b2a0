import json
from pathlib import Path

import pytest

from data.errors import CorruptData, UnknownName
from data.tasks.store import store_tasks
from data.tasks.tasks import SEED_TASKS, Task
from data.workspace import open_workspace
from policy.artefact import (
    SINCE,
    list_policies,
    load_summary,
    policy_folder,
    save_evaluation,
    save_summary,
)
from policy.config import load_recipe


def _save(folder: Path, created_at_ns: int = 1) -> Path:
    save_summary(
        folder,
        tasks=("lift-any", "lift-can"),
        config=load_recipe("smoke"),
        created_at_ns=created_at_ns,
        lineage={"detector": "d-1", "seed": 3},
    )
    return folder


def test_summary_comes_back_as_it_was_written(tmp_path: Path) -> None:
    folder = _save(tmp_path / "p-1", 5)
    summary = load_summary(folder)
    assert (summary.policy_id, summary.created_at_ns) == ("p-1", 5)
    assert summary.tasks == ("lift-any", "lift-can")
    assert summary.config == load_recipe("smoke")
    assert summary.lineage["detector"] == "d-1"
    assert summary.evaluation is None
    save_evaluation(folder, {"by_task": {}})
    assert load_summary(folder).evaluation == {"by_task": {}}


def test_settings_that_came_later_are_what_was_done_before(tmp_path: Path) -> None:
    path = _save(tmp_path / "p-1") / "config.json"
    about = json.loads(path.read_text())
    for name in SINCE:
        del about["config"][name]
    path.write_text(json.dumps(about))
    # The smoke recipe does none of what came later.
    assert load_summary(path.parent).config == load_recipe("smoke")


def test_list_is_newest_first_and_passes_over_damaged_and_unfinished(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path / "w")
    for name, created in (("a", 1), ("b", 3), ("c", 2)):
        _save(workspace.policies / name, created)
    (workspace.policies / "c" / "config.json").write_text("{")
    (workspace.policies / "unfinished").mkdir()
    assert [policy.policy_id for policy in list_policies(workspace)] == ["b", "a"]


def test_a_task_that_was_renamed_since_goes_by_its_new_name(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path / "w")
    folder = _save(workspace.policies / "p-1")
    cup = Task(name="lift-mug", skill="lift", formerly=("lift-can",))
    store_tasks(workspace, [SEED_TASKS["lift-any"], cup])
    assert load_summary(folder).tasks == ("lift-any", "lift-mug")
    workspace.tasks_path.write_text("{")  # told by whoever asks for the tasks; policies stay usable
    assert load_summary(folder).tasks == ("lift-any", "lift-can")


def test_unknown_policy_names_the_nearest(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path / "w")
    _save(workspace.policies / "20261120-abc")
    with pytest.raises(UnknownName, match="Did you mean '20261120-abc'"):
        policy_folder(workspace, "20261120-abd")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "format 2; this Goalpost reads format 1"),
        ({"tasks": None}, "lacks or misnames"),
        ({"config": None}, "lacks or misnames"),
    ],
)
def test_damaged_description_says_so(tmp_path: Path, change: dict, message: str) -> None:
    folder = _save(tmp_path / "p")
    about = json.loads((folder / "config.json").read_text()) | change
    (folder / "config.json").write_text(json.dumps(about))
    with pytest.raises(CorruptData, match=message):
        load_summary(folder)


def test_missing_lineage_says_so(tmp_path: Path) -> None:
    folder = _save(tmp_path / "p")
    (folder / "lineage.json").unlink()
    with pytest.raises(CorruptData, match=r"lineage\.json"):
        load_summary(folder)
