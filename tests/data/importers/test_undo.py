"""Undoing an import: what it brought goes, and nothing else; then it can be made in another way."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.catalog.catalog import Catalog
from data.cells.robots import load_robots
from data.episodes.compaction import compact
from data.episodes.index import list_episodes, save_episodes
from data.errors import UnknownName
from data.exporters.choice import Choice
from data.exporters.labels import export_label_table
from data.exporters.lerobot import export_lerobot
from data.importers import intake
from data.importers.labels import import_labels
from data.importers.lerobot import import_lerobot
from data.importers.mapping import DatasetMapping
from data.importers.receipts import Receipt, list_receipts
from data.importers.undo import undo_import
from data.labels.labels import append_labels, label_history, standing_labels, undo_label
from data.workspace import open_workspace

THEIRS = Path(__file__).with_name("lerobot_v30") / "video"
CAMERAS = {
    "over_shoulder": "observation.images.top",
    "left": "observation.images.front",
    "right": "observation.images.wrist",
}
TASKS = {"Pick up the can": "lift-can", "Pick up the carrot": "lift-carrot"}
NOW_NS = 1_790_000_000_000_000_000


class Stop(Exception):
    """Stands for a cancel, or for the process being killed."""


def take_in(catalog: Catalog, robot: str = "lab-arm", **more: object) -> None:
    mapping = DatasetMapping(robot=robot, cameras=CAMERAS, tasks=TASKS)
    import_lerobot(catalog, THEIRS, mapping, by="lab", **more)  # type: ignore[arg-type]


def ids(catalog: Catalog) -> list[str]:
    return [each.info.episode_id for each in list_episodes(catalog)]


def only(catalog: Catalog) -> Receipt:
    [receipt] = list_receipts(catalog.workspace)
    return receipt


def test_a_dataset_goes_and_can_come_as_another_robot(catalog: Catalog, make_episode) -> None:
    ours = make_episode(robot="lab-arm")
    save_episodes(catalog, [ours])
    take_in(catalog)
    assert load_robots(catalog.workspace)["lab-arm"].kind == "imported"
    assert only(catalog).source == f"LeRobot dataset {THEIRS}"
    assert only(catalog).counts() == (2, 2)
    compact(catalog)
    tally = undo_import(catalog, only(catalog).digest, by="ann")
    assert (tally.episodes, tally.labels) == (2, 2)
    assert tally.lines("Took back") == ["Took back 2 episodes, 2 labels."]
    assert ids(catalog) == [ours.info.episode_id]
    assert standing_labels(catalog) == []
    assert label_history(catalog)[0].by == "ann"
    assert list_receipts(catalog.workspace) == []
    take_in(catalog, "other-arm")
    assert {each.info.robot for each in list_episodes(catalog)} == {"lab-arm", "other-arm"}
    undo_import(catalog, only(catalog).digest, by="ann")
    assert "lab-arm" in load_robots(catalog.workspace)  # one of its episodes is still here
    assert "other-arm" not in load_robots(catalog.workspace)
    take_in(catalog, "other-arm")
    assert len(standing_labels(catalog)) == 2


def test_half_an_import_goes_on_or_is_undone(catalog: Catalog, monkeypatch) -> None:
    monkeypatch.setattr(intake, "SHARD_BYTES", 1)

    def stop(fraction: float, message: str) -> None:
        if fraction > 0:
            raise Stop

    with pytest.raises(Stop):
        take_in(catalog, progress=stop)
    assert (len(ids(catalog)), only(catalog).counts()) == (1, (1, 1))
    take_in(catalog)
    assert (len(ids(catalog)), only(catalog).counts()) == (2, (2, 2))

    with pytest.raises(Stop):
        undo_import(catalog, only(catalog).digest, by="ann", progress=stop)
    assert len(ids(catalog)) == 1
    undo_import(catalog, only(catalog).digest, by="ann")
    assert ids(catalog) == []


def test_our_own_export_goes_without_what_was_here_before(
    catalog: Catalog, make_episode, make_label, tmp_path: Path
) -> None:
    made = [make_episode(), make_episode()]
    save_episodes(catalog, made)
    append_labels(catalog, [make_label(each) for each in made])
    export_lerobot(catalog, tmp_path / "out", Choice(kind="clip"), as_video=False)

    other = Catalog(open_workspace(tmp_path / "other"))
    save_episodes(other, made[:1])
    import_lerobot(other, tmp_path / "out", DatasetMapping(), by="lab")
    assert only(other).counts() == (1, 2)
    undo_import(other, only(other).digest, by="ann")
    assert ids(other) == [made[0].info.episode_id]
    assert standing_labels(other) == []

    import_lerobot(other, tmp_path / "out", DatasetMapping(), by="lab")
    assert len(ids(other)) == len(standing_labels(other)) == 2
    import_lerobot(other, tmp_path / "out", DatasetMapping(), by="lab")
    assert len(label_history(other)) == 2 + 2 + 2  # brought, undone, brought again
    undo_import(other, only(other).digest, by="ann")
    import_lerobot(other, tmp_path / "out", DatasetMapping(), by="lab")
    assert len(standing_labels(other)) == 2


def test_labels_go_and_what_a_person_took_back_stays_so(
    catalog: Catalog, make_episode, make_label, tmp_path: Path
) -> None:
    episode = make_episode()
    save_episodes(catalog, [episode])
    labels = [make_label(episode, frame_index=index) for index in (0, 1)]
    append_labels(catalog, labels)
    export_label_table(catalog, tmp_path / "labels.csv")

    other = Catalog(open_workspace(tmp_path / "other"))
    save_episodes(other, [episode])
    import_labels(other, tmp_path / "labels.csv", "table", by="lab")
    undo_label(other, labels[0].label_id, by="ann", at_ns=NOW_NS)
    import_labels(other, tmp_path / "labels.csv", "table", by="lab")
    assert [each.frame_index for each in standing_labels(other)] == [1]
    assert undo_import(other, only(other).digest, by="ann").labels == 1
    assert standing_labels(other) == []
    assert import_labels(other, tmp_path / "labels.csv", "table", by="lab").labels == 1
    assert [each.frame_index for each in standing_labels(other)] == [1]


def test_a_receipt_survives_a_line_that_was_cut_off(catalog: Catalog) -> None:
    take_in(catalog)
    with only(catalog).path.open("ab") as file:
        file.write(b'{"episodes": ["never-ca')
    take_in(catalog)
    assert only(catalog).counts() == (2, 2)
    with pytest.raises(UnknownName, match="Unknown import 'nothing'"):
        undo_import(catalog, "nothing", by="ann")
