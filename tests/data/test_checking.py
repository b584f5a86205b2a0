import pytest

from data.catalog.catalog import Catalog
from data.checking import check_workspace
from data.episodes.index import list_episodes, save_episodes
from data.episodes.shards import write_shard
from data.runs.runs import create_run


@pytest.fixture
def path(catalog, make_episode):
    return save_episodes(catalog, [make_episode(steps=2)])


def test_a_sound_workspace_has_no_findings(catalog, path) -> None:
    create_run(catalog.workspace, "collect", {})
    assert check_workspace(catalog, thorough=True) == []


def test_unindexed_shards_are_indexed(catalog, path, make_episode) -> None:
    write_shard(catalog.workspace, [make_episode()])
    assert check_workspace(catalog) == []
    assert len(list_episodes(catalog)) == 2


def test_every_damaged_or_missing_file_is_named(catalog, path, make_episode) -> None:
    workspace = catalog.workspace
    gone = save_episodes(catalog, [make_episode()])
    gone.unlink()
    path.write_bytes(path.read_bytes()[:-20])
    new = write_shard(workspace, [make_episode()])
    new.write_bytes(b"x")
    workspace.labels_path.write_bytes(b"{torn\n")
    workspace.tasks_path.write_text("{}")
    workspace.robots_path.write_text("{}")
    run = create_run(workspace, "collect", {})
    run.status_path.write_text("[]")
    found = check_workspace(Catalog(workspace))
    assert {error.where for error in found} == {
        str(file)
        for file in (
            gone, path, new, workspace.labels_path, workspace.tasks_path, workspace.robots_path,
            run.status_path,
        )
    }  # fmt: skip


def test_a_damaged_image_is_found_when_every_image_is_read(catalog, path) -> None:
    content = bytearray(path.read_bytes())
    content[content.find(b"\xff\xd8\xff") + 40] ^= 0xFF
    path.write_bytes(content)
    assert check_workspace(catalog) == []
    assert [error.where for error in check_workspace(catalog, thorough=True)] == [str(path)]
