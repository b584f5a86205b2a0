"""Labels out and in again: tables, Label Studio, FiftyOne."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from data.catalog.catalog import Catalog
from data.episodes.index import save_episodes
from data.errors import CorruptData, InvalidInput, UnknownName
from data.exporters.choice import Choice
from data.exporters.labels import export_fiftyone, export_label_studio, export_label_table
from data.importers.labels import import_labels
from data.labels.labels import append_labels, standing_labels
from data.tasks.changes import define_task, rename_task
from data.tasks.tasks import Task
from data.transfers.tally import Tally
from data.workspace import open_workspace

NOW_NS = 1_790_000_100_000_000_000


@pytest.fixture
def episodes(catalog: Catalog, make_episode: Any, make_label: Any) -> list[Any]:
    """A clip labelled as a whole, and two robots' episodes, one labelled at its end."""
    made = [make_episode(steps=2), make_episode("robot", steps=3), make_episode("robot", steps=2)]
    save_episodes(catalog, made)
    append_labels(
        catalog,
        [make_label(made[0], frame_index=None), make_label(made[1], "failure", frame_index=2)],
    )
    return made


@pytest.fixture
def other(catalog: Catalog, episodes: list[Any], tmp_path: Path) -> Catalog:
    """The same episodes elsewhere, unlabelled."""
    other = Catalog(open_workspace(tmp_path / "other"))
    save_episodes(other, episodes)
    return other


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_tables_there_and_back(
    ending: str, catalog: Catalog, other: Catalog, tmp_path: Path
) -> None:
    path = tmp_path / f"labels.{ending}"
    assert export_label_table(catalog, path).labels == 2
    tally = import_labels(other, path, "table", by="nobody", now_ns=NOW_NS)
    assert (tally.labels, tally.known) == (2, 0)
    assert standing_labels(other) == standing_labels(catalog)
    again = import_labels(catalog, path, "table", by="nobody", now_ns=NOW_NS)
    assert (again.labels, again.known) == (0, 2)
    with pytest.raises(InvalidInput, match="a file of this name"):
        export_label_table(catalog, path)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_many_labels_go_a_page_at_a_time_and_can_be_stopped(
    ending: str,
    catalog: Catalog,
    other: Catalog,
    episodes: list[Any],
    make_label: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("data.labels.labels._TABLE_LINES", 2)
    more = [make_label(episodes[1], "success", frame_index=frame) for frame in (0, 1, 2)]
    append_labels(catalog, more)  # the last one stands over what was said of frame 2
    said: list[tuple[float, str]] = []
    path = tmp_path / f"labels.{ending}"
    tally = export_label_table(catalog, path, progress=lambda *told: said.append(told))
    assert tally.labels == 4
    counts = {0.4: 1, 0.8: 3, 1.0: 4}  # the log has five lines, of which the second stands no more
    assert said == [(share, f"Exporting labels: {count}") for share, count in counts.items()]
    import_labels(other, path, "table", by="nobody", now_ns=NOW_NS)
    assert standing_labels(other) == standing_labels(catalog)

    def stop(fraction: float, message: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_label_table(catalog, tmp_path / f"stopped.{ending}", progress=stop)
    assert [each.name for each in tmp_path.glob("*stopped*")] == []


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_many_labels_come_in_part_by_part_and_can_be_stopped(
    ending: str,
    catalog: Catalog,
    make_episode: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("data.importers.label_table.PART_ROWS", 150)
    episodes = [make_episode("robot", steps=2) for _ in range(220)]
    save_episodes(catalog, episodes)
    names = [each.info.episode_id for each in episodes]
    path = tmp_path / f"many.{ending}"
    columns = {"episode_id": [*names, "nowhere"], "frame_index": [1] * 221,
               "task": ["lift-can"] * 221, "outcome": ["success"] * 221}  # fmt: skip
    write = pq.write_table if ending == "parquet" else pa.csv.write_csv
    write(pa.table(columns), path)
    said: list[tuple[float, str]] = []

    def stop_at_the_second(share: float, message: str) -> None:
        said.append((share, message))
        if len(said) == 2:
            raise KeyboardInterrupt

    def take_in(**more: Any) -> Tally:
        return import_labels(catalog, path, "table", by="lab", now_ns=NOW_NS, **more)

    with pytest.raises(KeyboardInterrupt):
        take_in(progress=stop_at_the_second)
    (begun, nothing), (share, some) = said
    assert (begun, nothing) == (0.0, "Importing labels: 0 new so far")
    assert some == "Importing labels: 150 new so far"
    assert 150 / 221 - 0.01 <= share <= 1  # text is read some kilobytes ahead
    tally = take_in()
    assert (tally.labels, tally.known, sum(tally.left_out.values())) == (70, 150, 1)
    assert [label.episode_id for label in standing_labels(catalog, episode_ids=names)] == names
    assert take_in().known == 220


def test_a_table_of_somebody_else(catalog: Catalog, episodes: list[Any], tmp_path: Path) -> None:
    path = tmp_path / "theirs.csv"
    robot = episodes[2].info.episode_id
    path.write_text(
        "episode_id,frame_index,task,outcome\n"
        f"{robot},1,lift-can,success\n"
        f"{robot},9,lift-can,success\n"
        f"{robot},,lift-can,success\n"
        f"{robot},1,fly,success\n"
        f"{robot},1,lift-can,perhaps\n"
        f"{robot},one,lift-can,success\n"
        "nowhere,1,lift-can,success\n"
    )
    tally = import_labels(catalog, path, "table", by="lab", now_ns=NOW_NS)
    assert tally.labels == 1
    assert sum(tally.left_out.values()) == 6
    assert tally.left_out["there is no task 'fly'"] == 1
    assert tally.left_out["its episode has no such frame"] == 1
    assert tally.left_out["a robot's episode, without a frame"] == 1
    assert tally.left_out["its episode is not in the workspace"] == 1
    [label] = standing_labels(catalog, task="lift-can")
    assert (label.by, label.at_ns, label.source) == ("lab", NOW_NS, "import")
    again = import_labels(catalog, path, "table", by="lab", now_ns=NOW_NS + 1)
    assert (again.labels, again.known) == (0, 1)


def test_what_the_log_could_not_hold_is_left_out_or_taken_as_text(
    catalog: Catalog, episodes: list[Any], tmp_path: Path
) -> None:
    said = {
        "label_id": [7, 8, 9],
        "episode_id": [episodes[2].info.episode_id] * 3,
        "frame_index": [1, 1, 1],
        "task": ["lift-can", "lift-box", "lift-milk"],
        "outcome": ["success"] * 3,
        "by": [12, 12, 12],
        "at_ns": [NOW_NS, -1, None],
    }
    path = tmp_path / "numbers.parquet"
    pq.write_table(pa.table(said), path)
    tally = import_labels(catalog, path, "table", by="lab", now_ns=NOW_NS)
    assert (tally.labels, sum(tally.left_out.values())) == (2, 1)
    found = {label.label_id: label.by for label in standing_labels(catalog) if label.by == "12"}
    assert found == {"7": "12", "9": "12"}


def test_bad_tables_are_told(catalog: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("episode,task\n")
    with pytest.raises(InvalidInput, match="lacks the column episode_id, outcome"):
        import_labels(catalog, path, "table", by="lab")
    (tmp_path / "labels.parquet").write_bytes(b"PAR1")
    with pytest.raises(CorruptData, match="cannot be read"):
        import_labels(catalog, tmp_path / "labels.parquet", "table", by="lab")
    for form in ("label-studio", "fiftyone"):
        with pytest.raises(CorruptData, match="This is no"):
            import_labels(catalog, path, form, by="lab")


def test_a_task_may_be_asked_for_by_its_former_name(
    catalog: Catalog, make_episode: Any, make_label: Any, tmp_path: Path
) -> None:
    define_task(catalog, Task(name="lift-cup", skill="lift"))
    episode = make_episode("robot", steps=2, task="lift-cup")
    save_episodes(catalog, [episode])
    append_labels(catalog, [make_label(episode, frame_index=1, task="lift-cup")])
    rename_task(catalog, "lift-cup", "lift-mug")
    for form in (export_label_studio, export_fiftyone):
        tally = form(catalog, tmp_path / form.__name__, Choice(task="lift-cup"), "lift-cup")
        assert (tally.episodes, tally.labels) == (1, 1)


def test_label_studio_there_and_back(catalog: Catalog, episodes: list[Any], tmp_path: Path) -> None:
    folder = tmp_path / "studio"
    tally = export_label_studio(catalog, folder, Choice(), "lift-any")
    assert (tally.episodes, tally.frames, tally.labels) == (3, 3, 2)
    entries = json.loads((folder / "tasks.json").read_bytes())
    assert [entry["data"]["frame_index"] for entry in entries] == [1, 2, 1]
    image = entries[1]["data"]["left"].removeprefix("/data/local-files/?d=")
    assert (folder / image).read_bytes() == episodes[1].steps[2].frames.jpegs["left"]
    assert "annotations" not in entries[2]

    # Somebody leaves the first as it is, changes the second, and answers the third.
    second = entries[1]["annotations"][0]
    second["result"][0]["value"]["choices"] = ["success"]
    second |= {"updated_at": "2026-09-22T10:00:00.000000Z", "completed_by": 3}
    entries[2]["annotations"] = [
        {
            "id": 77, "completed_by": {"id": 4, "email": "bob@lab"}, "was_cancelled": False,
            "updated_at": "2026-09-22T10:00:01.500000Z",
            "result": [{"id": "r", "type": "choices", "value": {"choices": ["failure"]}}],
        },
        {"id": 78, "was_cancelled": True, "result": []},
    ]  # fmt: skip
    path = tmp_path / "export.json"
    path.write_text(json.dumps(entries))
    tally = import_labels(catalog, path, "label-studio", by="studio", now_ns=NOW_NS)
    assert (tally.labels, tally.known) == (2, 1)
    standing = {label.episode_id: label for label in standing_labels(catalog)}
    changed = standing[episodes[1].info.episode_id]
    assert (changed.outcome, changed.by, changed.source) == ("success", "label-studio-3", "review")
    answered = standing[episodes[2].info.episode_id]
    assert (answered.outcome, answered.by) == ("failure", "bob@lab")
    assert answered.at_ns == 1_790_071_201_500_000_000  # 2026-09-22 10:00:01.5 UTC
    again = import_labels(catalog, path, "label-studio", by="studio", now_ns=NOW_NS)
    assert (again.labels, again.known) == (0, 3)


def test_fiftyone_there_and_back(catalog: Catalog, episodes: list[Any], tmp_path: Path) -> None:
    folder = tmp_path / "fiftyone"
    tally = export_fiftyone(catalog, folder, Choice(), "lift-any")
    assert (tally.frames, tally.labels) == (3, 2)
    content = json.loads((folder / "labels.json").read_bytes())
    names = sorted(path.stem for path in (folder / "data").iterdir())
    assert sorted(content["labels"]) == names
    assert len(names) == 9  # three views of three frames
    changed = f"{episodes[1].info.episode_id}__2__lift-any__right"
    content["labels"][changed]["label"] = "success"
    answered = f"{episodes[2].info.episode_id}__1__lift-any__left"
    content["labels"][answered] = {"label": "unsure"}
    (folder / "labels.json").write_text(json.dumps(content))
    tally = import_labels(catalog, folder, "fiftyone", by="bob", now_ns=NOW_NS)
    assert (tally.labels, tally.known) == (2, 1)
    standing = {label.episode_id: label for label in standing_labels(catalog)}
    assert standing[episodes[1].info.episode_id].outcome == "success"
    assert standing[episodes[2].info.episode_id].outcome == "unsure"
    assert standing[episodes[2].info.episode_id].by == "bob"
    with pytest.raises(UnknownName, match="Did you mean 'lift-any'"):
        export_fiftyone(catalog, tmp_path / "x", Choice(), "lift-anyy")
