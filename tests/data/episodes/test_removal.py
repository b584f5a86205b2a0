"""Removing episodes, alone in their shard or among others, also where a crash comes between."""

from pathlib import Path

import pytest

from data.catalog.catalog import rebuild
from data.catalog.counts import label_figures
from data.catalog.indexing import shard_files
from data.episodes.compaction import compact
from data.episodes.index import list_episodes, load_episode, save_episodes
from data.episodes.removal import remove_episodes
from data.labels.labels import append_labels, standing_labels


class Crash(Exception):
    """Stands for the process being killed at this point."""


def ids(catalog) -> list[str]:
    return [each.info.episode_id for each in list_episodes(catalog)]


def test_what_stays_of_a_shard_is_copied(catalog, make_episode) -> None:
    made = [make_episode() for _ in range(3)]
    a, b, c = (each.info.episode_id for each in made)
    save_episodes(catalog, made)
    assert remove_episodes(catalog, [b, "never-there"]) == 1
    assert ids(catalog) == [a, c]
    assert len(shard_files(catalog.workspace)) == 1
    loaded = load_episode(catalog, c)
    assert [step.frames for step in loaded.steps] == [step.frames for step in made[2].steps]
    assert ids(rebuild(catalog.workspace)) == [a, c]
    assert remove_episodes(catalog, [a, c]) == 2
    assert shard_files(catalog.workspace) == []
    assert compact(catalog).deleted == ()


def test_labels_of_a_removed_episode_stand_again_once_it_is_back(
    catalog, make_episode, make_label
) -> None:
    gone, stays = make_episode("robot"), make_episode("robot")
    save_episodes(catalog, [gone, stays])
    append_labels(catalog, [make_label(gone, frame_index=2), make_label(stays, frame_index=2)])
    remove_episodes(catalog, [gone.info.episode_id])
    assert [label.episode_id for label in standing_labels(catalog)] == [stays.info.episode_id]
    assert label_figures(catalog, since_ns=0).standing == 1
    assert label_figures(rebuild(catalog.workspace), since_ns=0).standing == 1
    save_episodes(catalog, [gone])
    assert label_figures(catalog, since_ns=0).standing == 2


def test_a_crash_before_the_old_shard_is_deleted_brings_nothing_back(
    catalog, make_episode, monkeypatch
) -> None:
    made = [make_episode() for _ in range(2)]
    gone, stays = (each.info.episode_id for each in made)
    save_episodes(catalog, made)

    unlink = Path.unlink

    def crash(path: Path, missing_ok: bool = False) -> None:
        if path.suffix == ".parquet":
            raise Crash
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", crash)
    with pytest.raises(Crash):
        remove_episodes(catalog, [gone])
    monkeypatch.undo()
    assert ids(catalog) == [stays]
    assert len(compact(catalog).deleted) == 1
    assert ids(rebuild(catalog.workspace)) == [stays]
