import subprocess
import sys

import pytest
from click.testing import CliRunner

from data.catalog.catalog import Catalog
from data.cells.client import stop_host
from data.cli import data
from data.episodes.index import list_episodes, save_episodes
from data.labels.labels import standing_labels
from data.tasks.store import load_tasks
from data.workspace import open_workspace


@pytest.fixture
def goalpost_data(workspace):
    def call(*arguments: str, fails: bool = False) -> str:
        result = CliRunner().invoke(data, ["--workspace", str(workspace.root), *arguments])
        assert result.exit_code == (1 if fails else 0), result.output
        return result.output

    return call


@pytest.fixture
def episode(catalog, make_episode):
    made = make_episode("robot", steps=4, truth={"lift-any": True})
    save_episodes(catalog, [made])
    return made


def test_tasks_are_defined_and_listed(goalpost_data, workspace) -> None:
    goalpost_data(
        "tasks", "define", "lift-cup", "--skill", "lift", "--implies", "lift-any",
        "--excludes", "lift-can", "--excludes", "lift-milk", "--description", "A cup is up.",
    )  # fmt: skip
    assert load_tasks(workspace)["lift-cup"].excludes == ("lift-can", "lift-milk")
    listed = goalpost_data("tasks", "list")
    assert "lift-cup  (skill lift)  A cup is up.\n    implies lift-any\n" in listed


def test_a_contradiction_is_told_in_plain_words(goalpost_data, workspace) -> None:
    output = goalpost_data(
        "tasks", "define", "lift-any", "--skill", "lift", "--excludes", "lift-can", fails=True
    )
    assert output.startswith("Error: The relations of ")
    assert "contradict themselves" in output
    assert "Traceback" not in output


def test_robots_are_listed(goalpost_data) -> None:
    assert goalpost_data("robots", "list").splitlines()[6] == "robot-7  simulated"


def test_episodes_are_listed_and_shown(goalpost_data, episode) -> None:
    line = goalpost_data("episodes", "list", "--robot", "robot-1", "--kind", "robot")
    assert line == f"{episode.info.episode_id}  robot-1  robot  noisy  lift-any  -  4 frames\n"
    assert "goalpost up" in goalpost_data("episodes", "list", "--robot", "robot-2")
    shown = goalpost_data("episodes", "show", episode.info.episode_id)
    assert "step_count: 4" in shown
    assert "truth: {'lift-any': True}" in shown
    assert "Unknown episode 'nobody'" in goalpost_data("episodes", "show", "nobody", fails=True)


def test_labels_are_added_and_undone(goalpost_data, catalog, episode) -> None:
    episode_id = episode.info.episode_id
    added = goalpost_data("label", "add", episode_id, "lift-any", "success", "--by", "ann")
    (label,) = standing_labels(catalog)
    assert (label.frame_index, label.outcome, label.by) == (3, "success", "ann")
    assert f"label undo {label.label_id}" in added
    assert goalpost_data("label", "undo", label.label_id) == "Taken back.\n"
    assert "already" in goalpost_data("label", "undo", label.label_id)
    assert standing_labels(catalog) == []
    history = goalpost_data("label", "history", episode_id).splitlines()
    assert len(history) == 2
    assert f"undoes {label.label_id}" in history[0]
    wrong = goalpost_data(
        "label", "add", episode_id, "lift-any", "success", "--frame", "4", fails=True
    )
    assert "0 to 3" in wrong


def test_repairs(goalpost_data, catalog, workspace, episode, make_episode) -> None:
    other = make_episode()
    path = save_episodes(catalog, [other])
    assert goalpost_data("check", "--thorough") == "Every file can be read.\n"
    assert "Wrote 1 merged shards, deleted 2 old ones." in goalpost_data("compact")
    assert "Indexed 2 episodes and 0 labels." in goalpost_data("rebuild")
    (shard,) = {each.shard for each in list_episodes(catalog)}
    path = workspace.root / shard
    path.write_bytes(path.read_bytes()[:100])
    output = goalpost_data("check", fails=True)
    assert str(path) in output
    assert "1 damaged or missing." in output


def test_a_folder_that_is_no_workspace_is_left_alone(tmp_path) -> None:
    (tmp_path / "mine").mkdir()
    result = CliRunner().invoke(data, ["--workspace", str(tmp_path / "mine"), "tasks", "list"])
    assert result.exit_code == 1
    assert "no Goalpost workspace here" in result.output
    assert list((tmp_path / "mine").iterdir()) == []


def test_help_loads_neither_duckdb_nor_pyarrow() -> None:
    code = "import sys, data.cli; print({'duckdb', 'pyarrow', 'cv2'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "set()", result.stderr


def test_a_newer_workspace_is_refused(tmp_path) -> None:
    workspace = open_workspace(tmp_path / "new")
    (workspace.root / "goalpost.json").write_text('{"format": 99}')
    result = CliRunner().invoke(data, ["--workspace", str(workspace.root), "check"])
    assert result.exit_code == 1
    assert "Update Goalpost" in result.output


def test_a_robot_is_added_and_a_pair_recorded_without_a_browser(goalpost_data, workspace) -> None:
    goalpost_data(
        "robots", "add", "cell-a", "--over-shoulder", "0", "--left", "1", "--right", "rtsp://a/b",
    )  # fmt: skip
    assert "cell-a  hardware  over_shoulder=0  left=1  right=rtsp://a/b" in goalpost_data(
        "robots", "list"
    )
    try:
        said = goalpost_data("record", "robot-1", "lift-any", "success", "--seconds", "1")
        pair = said.split("--pair ")[1].strip()
        goalpost_data(
            "record", "robot-1", "lift-any", "failure", "--seconds", "1", "--pair", pair,
            "--near-miss", "--by", "ana",
        )  # fmt: skip
    finally:
        stop_host(workspace, "robot-1")
    clips = [each.info for each in list_episodes(Catalog(workspace), kind="clip")]
    assert [(clip.outcome, clip.pair_id) for clip in clips] == [
        ("success", pair),
        ("failure", pair),
    ]
    assert goalpost_data("record", "robot-9", "lift-any", "success", fails=True)


def test_a_task_is_renamed_and_archived(goalpost_data, workspace) -> None:
    goalpost_data("tasks", "define", "lift-cup", "--skill", "lift")
    goalpost_data("tasks", "rename", "lift-cup", "lift-mug")
    goalpost_data("tasks", "archive", "lift-mug")
    assert "lift-mug" not in load_tasks(workspace).in_use
    assert "archived" in goalpost_data("tasks", "list").splitlines()[-1]
    goalpost_data("tasks", "archive", "lift-mug", "--undo")
    assert "lift-mug" in load_tasks(workspace).in_use
