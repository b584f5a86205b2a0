"""Opening a workspace: new, known, foreign, and newer than this Goalpost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data.errors import WorkspaceError, WorkspaceTooNew
from data.workspace import FORMAT, default_root, open_workspace


def test_a_new_workspace_has_all_its_folders(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path / "w")
    for folder in (
        workspace.episodes, workspace.journals, workspace.detectors, workspace.policies,
        workspace.runs, workspace.cells, workspace.cache,
    ):  # fmt: skip
        assert folder.is_dir()
    assert open_workspace(tmp_path / "w") == workspace


def test_a_newer_workspace_is_refused_and_left_alone(tmp_path: Path) -> None:
    open_workspace(tmp_path)
    marker = tmp_path / "goalpost.json"
    marker.write_text(json.dumps({"format": FORMAT + 1}))
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(WorkspaceTooNew, match=f"has format {FORMAT + 1}.*Update Goalpost"):
        open_workspace(tmp_path)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": "one"}'])
def test_a_damaged_marker_is_an_error_in_words(tmp_path: Path, content: str) -> None:
    open_workspace(tmp_path)
    (tmp_path / "goalpost.json").write_text(content)
    with pytest.raises(WorkspaceError, match=r"goalpost\.json"):
        open_workspace(tmp_path)


def test_a_folder_with_other_things_is_not_taken_over(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(WorkspaceError, match="not empty"):
        open_workspace(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_who_may_sign_in_can_be_said_before_there_is_a_workspace(tmp_path: Path) -> None:
    (tmp_path / "sign-in.toml").touch()
    assert open_workspace(tmp_path).root == tmp_path


def test_a_missing_workspace_is_not_made_where_it_must_exist(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="goalpost up"):
        open_workspace(tmp_path / "nowhere", create=False)
    assert not (tmp_path / "nowhere").exists()


def test_the_environment_names_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOALPOST_WORKSPACE", str(tmp_path))
    assert default_root() == tmp_path
