"""A real full disk under every place that writes: told as such, and what was there stays.

Where a whole run or recording meets a full disk is in test_full_disk.py. The last test lists the
modules that write, so that a new one has to be shown here or there.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import app
import data
import policy
import sd_model
from data.cameras.references import keep_reference
from data.catalog.catalog import Catalog
from data.cells.addresses import HostAddress, publish_address
from data.cells.keys import keys_folder, make_keys
from data.cells.robots import Robot, load_robots, register_robot
from data.checking import check_workspace
from data.episodes.compaction import compact
from data.episodes.episodes import Episode, EpisodeInfo, Step
from data.episodes.frame_store import FrameStore
from data.episodes.frames import CAMERAS, EncodedFrameSet, encode_jpeg
from data.episodes.index import list_episodes, save_episodes
from data.errors import StorageFull
from data.importers.receipts import Batch, receipt_for
from data.labels import log as label_log
from data.labels.labels import Label, append_labels, label_history
from data.labels.notes import Note, write_note
from data.labels.sightings import Sighting, write_sightings
from data.recording.journal import Journal, JournalHeader, list_journals
from data.runs.reporter import RunReporter
from data.runs.runs import create_run, launch, list_runs
from data.storage import write_atomically
from data.tasks.changes import define_task
from data.tasks.store import load_tasks
from data.tasks.tasks import Task
from data.workspace import Workspace, open_workspace
from policy.acting.collection_log import CollectionLog
from policy.event_log import EventLog
from sd_model.approval import approve

if TYPE_CHECKING:
    from tests.conftest import SmallDisk

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(120)]

NOW_NS = 1_790_000_000_000_000_000
NOISE = encode_jpeg(np.random.default_rng(0).integers(0, 255, (120, 160, 3), dtype=np.uint8))
FRAMES = EncodedFrameSet(
    jpegs=dict.fromkeys(CAMERAS, NOISE), timestamps_ns=dict.fromkeys(CAMERAS, NOW_NS)
)


@pytest.fixture(scope="module")
def disk(
    mount_small_disk: Callable[[str], AbstractContextManager[SmallDisk]],
) -> Iterator[SmallDisk]:
    with mount_small_disk("24m") as disk:
        yield disk


@pytest.fixture(scope="module")
def stocked(disk: SmallDisk) -> Workspace:
    workspace = open_workspace(disk.folder / "workspace")
    catalog = Catalog(workspace)
    save_episodes(catalog, [_episode("first")])
    append_labels(catalog, [_label("first")])
    make_keys(keys_folder(workspace))
    return workspace


@pytest.fixture
def workspace(disk: SmallDisk, stocked: Workspace) -> Iterator[Workspace]:
    """On a disk that is full during the test."""
    disk.fill()
    yield stocked
    disk.free()
    assert check_workspace(Catalog(stocked), thorough=True) == []
    assert "first" in {each.info.episode_id for each in list_episodes(Catalog(stocked))}
    assert "first" in {each.episode_id for each in label_history(Catalog(stocked), limit=500)}


def _episode(episode_id: str) -> Episode:
    info = EpisodeInfo(
        episode_id=episode_id, robot="robot-1", kind="robot", behaviour="noisy", task="lift-any",
        start="pick", recorded_at_ns=NOW_NS, step_count=1,
    )  # fmt: skip
    return Episode(info=info, steps=(Step(frames=FRAMES, done=True),))


def _label(label_id: str) -> Label:
    return Label(
        label_id=label_id, episode_id="first", frame_index=0, task="lift-any", outcome="success",
        by="ann", source="person", at_ns=NOW_NS,
    )  # fmt: skip


def _journal(workspace: Workspace) -> None:
    header = JournalHeader(
        recording_id="new-clip", robot="robot-1", behaviour="person", task="lift-any",
        outcome="success", pair_id=None, by="ann", started_at_ns=NOW_NS,
    )  # fmt: skip
    Journal(workspace, header).close()


def _address(workspace: Workspace) -> None:
    address = HostAddress(
        robot="robot-1", pid=1, machine="m", commands="tcp://127.0.0.1:1",
        frames="tcp://127.0.0.1:2", host_key="k",
    )  # fmt: skip
    publish_address(workspace, address)


def _run(workspace: Workspace) -> None:
    run = create_run(workspace, "collect", {"seed": 1})
    with RunReporter(run) as report:
        report.metrics(1, loss=0.5)


def _event_log(workspace: Workspace) -> None:
    run = workspace.runs / "training"
    EventLog(_Silent(), run).metrics(1, **{f"loss/{number}": 0.5 for number in range(500)})


def _frames(workspace: Workspace) -> None:
    store = FrameStore(workspace.cache / "frames", np.dtype([("image", np.uint8, (64, 64, 3))]))
    store.rows(["first:0"], lambda missing: [("first:0", bytes(64 * 64 * 3))])


class _Silent:
    """Hears everything and says nothing."""

    def progress(self, fraction: float, message: str) -> None:
        pass

    def metrics(self, step: int, **values: float) -> None:
        pass


def _detector(workspace: Workspace) -> None:
    from safetensors.numpy import save

    write_atomically(workspace.detectors / "d" / "weights.safetensors", save({"w": np.zeros(9000)}))


WRITES: dict[str, Callable[[Workspace], object]] = {
    "workspace": lambda workspace: open_workspace(workspace.root / "inner"),
    "tasks": lambda workspace: define_task(
        Catalog(workspace), Task(name="wipe-table", skill="wipe")
    ),
    "robots": lambda workspace: register_robot(
        Catalog(workspace), Robot(name="robot-9", kind="simulated")
    ),
    "labels": lambda workspace: append_labels(
        Catalog(workspace), [_label(f"more-{number}") for number in range(50)]
    ),
    "notes": lambda workspace: write_note(
        Catalog(workspace), Note(episode_id="first", text="x" * 5000, by="ann", at_ns=NOW_NS)
    ),
    "sightings": lambda workspace: write_sightings(
        Catalog(workspace),
        [
            Sighting(
                robot="robot-1",
                episode_id="first",
                frame_index=0,
                camera="left",
                mark="gripper",
                position=(0.5, 0.5),
                by="x" * 5000,
                at_ns=NOW_NS,
            )
        ],
    ),
    "shards": lambda workspace: save_episodes(Catalog(workspace), [_episode("second")]),
    "journal": _journal,
    "address": _address,
    "keys": lambda workspace: make_keys(workspace.cells / "other-keys"),
    "references": lambda workspace: keep_reference(workspace, "robot-1", FRAMES),
    "run": _run,
    "launch": lambda workspace: launch(
        create_run(workspace, "collect", {"seed": 1}), [sys.executable, "-c", ""]
    ),
    "weights": _detector,
    "receipt of an import": lambda workspace: receipt_for(workspace, "digest", "a source").add(
        Batch(episodes=["x"] * 2000)
    ),
    "event log": _event_log,
    "decoded frames": _frames,
    "collection log": lambda workspace: CollectionLog(workspace.runs / "announced.jsonl").announce(
        "robot-1", ["x"] * 2000
    ),
}


@pytest.mark.parametrize("what", WRITES)
def test_a_full_disk_is_told_and_nothing_half_written_is_left(
    workspace: Workspace, disk: SmallDisk, what: str
) -> None:
    before = {path for path in workspace.root.rglob("*") if path.is_file()}
    journals = {header.recording_id for header in list_journals(workspace)}
    with pytest.raises(StorageFull, match="disk is full"):
        WRITES[what](workspace)
    left = {path for path in workspace.root.rglob("*.tmp") if path not in before}
    assert left == set()
    assert label_log.read(workspace.labels_path).unreadable == ()
    load_tasks(workspace)
    load_robots(workspace)
    list_runs(workspace)
    assert {header.recording_id for header in list_journals(workspace)} == journals
    disk.free()
    WRITES[what](workspace)  # and once there is room, it works


def test_compaction(disk: SmallDisk, stocked: Workspace) -> None:
    catalog = Catalog(stocked)
    save_episodes(catalog, [_episode("merge-1")])
    save_episodes(catalog, [_episode("merge-2")])
    before = {each.info.episode_id for each in list_episodes(catalog)}
    disk.fill()
    with pytest.raises(StorageFull):
        compact(catalog)
    disk.free()
    assert {each.info.episode_id for each in list_episodes(catalog)} == before
    assert len(compact(catalog).merged) == 1
    assert check_workspace(catalog, thorough=True) == []


def test_approval(disk: SmallDisk, stocked: Workspace) -> None:
    write_atomically(stocked.detectors / "approved" / "config.json", b"{}")
    disk.fill()
    with pytest.raises(StorageFull):
        approve(stocked, "approved", by="ann", at_ns=NOW_NS)
    disk.free()
    approve(stocked, "approved", by="ann", at_ns=NOW_NS)


SHOWN = {
    # by the table above
    "data/workspace.py", "data/tasks/store.py", "data/cells/robots.py", "data/labels/log.py",
    "data/labels/notes.py", "data/labels/sightings.py", "data/episodes/shards.py",
    "data/recording/journal.py",
    "data/cells/addresses.py", "data/cells/keys.py", "data/cameras/references.py",
    "data/runs/runs.py", "data/runs/reporter.py", "data/importers/receipts.py",
    "policy/acting/collection_log.py", "policy/event_log.py", "sd_model/approval.py",
    "data/episodes/frame_store.py",
    # by the runs of test_full_disk.py: a training's manifest, frames, weights, scores, report
    "sd_model/tensors.py", "sd_model/artefact.py", "sd_model/examples/manifest.py",
    "sd_model/judging/scores.py", "sd_model/judging/report_files.py", "policy/artefact.py",
    "sd_model/judging/score_cache.py",
    # by the writers they share with these, `storage.write_atomically` and `storage.append`
    "data/runs/queue.py", "data/importers/mapping.py", "app/scoring/keys.py",
    "policy/acting/values.py", "data/exporters/lerobot.py", "data/exporters/lerobot_writer.py",
    "data/exporters/frame_images.py", "data/exporters/video.py", "data/exporters/labels.py",
    "data/exporters/rolling_parquet.py", "app/index_rebuild.py",
    "sd_model/serving/onnx_export.py", "policy/acting/onnx_export.py", "policy/ablation.py",
}  # fmt: skip


def test_every_module_that_writes_is_listed() -> None:
    found = set()
    for package in (app, data, policy, sd_model):
        root = Path(next(iter(package.__path__)))
        for path in root.rglob("*.py"):
            text = path.read_text()
            if "data.storage import" in text or "import storage" in text:
                found.add(path.relative_to(root.parent).as_posix())
    assert found - SHOWN <= {"data/storage.py"}, "show what these do on a full disk, and list them"
