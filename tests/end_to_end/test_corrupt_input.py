"""Damage of every kind to every file that is read: told in our words, and nothing else is touched.

Over a hundred kinds are made here from a table of files and a table of damages; what comes over
sockets has its tables in tests/data/cells (strangers, messages); damaged detectors and policies are
in test_bad_input.py, damaged catalogs in tests/data/catalog/test_catalog.py.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.catalog.catalog import Catalog
from data.cells.addresses import HostAddress, hold_robot, publish_address, read_address
from data.cells.robots import Robot, load_robots, register_robot
from data.checking import check_workspace
from data.episodes.frames import CAMERAS, EncodedFrameSet, encode_jpeg
from data.episodes.index import load_episode
from data.episodes.shards import read_infos, read_shard
from data.errors import GoalpostError
from data.labels import log as label_log
from data.labels.labels import Label, append_labels, standing_labels
from data.recording.journal import Journal, JournalHeader, count_frames, list_journals, read_header
from data.recording.sealing import describe_journal, seal_journal
from data.runs.reporter import RunReporter
from data.runs.runs import create_run, open_run
from data.tasks.changes import define_task
from data.tasks.store import load_tasks
from data.tasks.tasks import Task
from data.workspace import Workspace, open_workspace

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(600)]

HEALTHY, HURT = "robot-2", "robot-1"
NOW_NS = 1_790_000_000_000_000_000

JSON_DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "null": lambda content: b"null",
    "a list": lambda content: b"[]",
    "an empty object": lambda content: b"{}",
    "a number": lambda content: b"7",
    "a string": lambda content: b'"text"',
    "cut in the middle": lambda content: content[: len(content) // 2],
    "zeroes": lambda content: bytes(len(content)),
    "no UTF-8": lambda content: b"\xff\xfe" + content,
    "nested without end": lambda content: b"[" * 200_000,
    "all values numbers": lambda content: _each(content, 7),
    "all values lists": lambda content: _each(content, [[]]),
    "all values text": lambda content: _each(content, "text"),
    "all values null": lambda content: _each(content, None),
}
BINARY_DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "text": lambda content: b"not what it should be",
    "one byte": lambda content: content[:1],
    "no head": lambda content: content[100:],
    "half": lambda content: content[: len(content) // 2],
    "the last byte gone": lambda content: content[:-1],
    "a head of zeroes": lambda content: bytes(64) + content[64:],
    "a tail of zeroes": lambda content: content[:-64] + bytes(64),
    "zeroes in the middle": lambda content: _overwritten(content, bytes(200)),
    "another file's end": lambda content: content[:-40] + b"PK\x05\x06" * 10,
}
LINES: dict[str, bytes] = {
    "nothing": b"",
    "a brace": b"{",
    "null": b"null",
    "a list": b"[1, 2]",
    "a number": b"1e999",
    "zeroes": bytes(40),
    "no UTF-8": b'{"label_id": "\xff"}',
    "an empty object": b"{}",
    "nested without end": b"[" * 100_000,
}
LABEL_CHANGES: dict[str, dict[str, Any]] = {
    "an id that is a number": {"label_id": 7},
    "an id that is empty": {"label_id": ""},
    "an id that is null": {"label_id": None},
    "an episode that is a list": {"episode_id": ["x"]},
    "a frame that is text": {"frame_index": "0"},
    "a frame below zero": {"frame_index": -1},
    "a frame beyond all numbers": {"frame_index": 10**30},
    "a frame that is no whole number": {"frame_index": 0.5},
    "a task that is an object": {"task": {}},
    "a task that is null": {"task": None},
    "an unknown outcome": {"outcome": "maybe"},
    "an outcome that is true": {"outcome": True},
    "an unknown source": {"source": "rumour"},
    "a person who is a number": {"by": 3},
    "a time that is text": {"at_ns": "noon"},
    "a time before all times": {"at_ns": -5},
    "a time beyond all times": {"at_ns": 10**40},
    "an undo of a number": {"retracts": 9},
    "a split that is a list": {"split": []},
}


def _each(content: bytes, value: object) -> bytes:
    return json.dumps(dict.fromkeys(json.loads(content), value)).encode()


def _overwritten(content: bytes, patch: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + patch + content[middle + len(patch) :]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with one of everything that is read; copied for each damage."""
    workspace = open_workspace(tmp_path_factory.mktemp("corrupt") / "workspace")
    catalog = Catalog(workspace)
    define_task(catalog, Task(name="wipe-table", skill="wipe", description="A clean table."))
    cameras = {"over_shoulder": "0", "left": "1", "right": "2"}
    register_robot(catalog, Robot(name="arm-1", kind="hardware", cameras=cameras))
    for robot in (HURT, HEALTHY):
        seal_journal(catalog, _record(workspace, robot, f"clip-{robot}"))
    for robot in (HURT, HEALTHY):
        _record(workspace, robot, f"cut-{robot}")
        run = create_run(workspace, "collect", {"seed": 1})
        with RunReporter(run) as report:
            report.metrics(1, loss=0.5)
        run.folder.rename(workspace.runs / robot)
        publish_address(
            workspace,
            HostAddress(
                robot=robot, pid=1, machine="m", commands="tcp://127.0.0.1:1",
                frames="tcp://127.0.0.1:2", host_key="k",
            ),
        )  # fmt: skip
    return workspace.root


def _record(workspace: Workspace, robot: str, recording_id: str) -> Path:
    header = JournalHeader(
        recording_id=recording_id, robot=robot, behaviour="person", task="lift-any",
        outcome="success", pair_id=None, by="ann", started_at_ns=NOW_NS,
    )  # fmt: skip
    journal = Journal(workspace, header)
    noise = np.random.default_rng(0)
    for number in range(4):
        jpeg = encode_jpeg(noise.integers(0, 255, (32, 40, 3), dtype=np.uint8))
        journal.append(
            EncodedFrameSet(
                jpegs=dict.fromkeys(CAMERAS, jpeg),
                timestamps_ns=dict.fromkeys(CAMERAS, NOW_NS + number * 200_000_000),
            )
        )
    journal.close()
    return journal.folder


@pytest.fixture
def workspace(house: Path, tmp_path: Path) -> Iterator[Workspace]:
    root = tmp_path / "workspace"
    shutil.copytree(house, root)
    with hold_robot(Workspace(root), HURT), hold_robot(Workspace(root), HEALTHY):
        yield Workspace(root)


def _told(read: Callable[[], object]) -> GoalpostError:
    with pytest.raises(GoalpostError) as raised:
        read()
    assert raised.value.next_step, "it says what to do next"
    return raised.value


def _check_neighbours(workspace: Workspace) -> None:
    """What was not damaged is as it was."""
    catalog = Catalog(workspace)
    assert len(load_episode(catalog, f"clip-{HEALTHY}").steps) == 4
    assert f"clip-{HEALTHY}" in {each.episode_id for each in standing_labels(catalog)}
    assert describe_journal(workspace.journals / f"cut-{HEALTHY}").frame_count == 4
    assert open_run(workspace.runs / HEALTHY).status().state == "done"
    assert read_address(workspace, HEALTHY) is not None
    for error in check_workspace(catalog, thorough=True):
        assert error.next_step


READERS: dict[str, Callable[[Workspace], object]] = {
    "goalpost.json": lambda workspace: open_workspace(workspace.root),
    "tasks.json": load_tasks,
    "robots.json": load_robots,
    f"journals/cut-{HURT}/header.json": lambda workspace: read_header(
        workspace.journals / f"cut-{HURT}"
    ),
    f"runs/{HURT}/spec.json": lambda workspace: open_run(workspace.runs / HURT),
    f"runs/{HURT}/status.json": lambda workspace: open_run(workspace.runs / HURT).status(),
}


DAMAGED_JSON = [
    (name, damage)
    for name in READERS
    for damage in JSON_DAMAGE
    if (name, damage) != (f"runs/{HURT}/status.json", "an empty object")  # a run's first status
]


@pytest.mark.parametrize(("name", "damage"), DAMAGED_JSON)
def test_a_damaged_json_file(workspace: Workspace, name: str, damage: str) -> None:
    path = workspace.root / name
    path.write_bytes(JSON_DAMAGE[damage](path.read_bytes()))
    _told(lambda: READERS[name](workspace))
    _check_neighbours(workspace)


@pytest.mark.parametrize("damage", JSON_DAMAGE)
def test_a_damaged_address_is_no_address(workspace: Workspace, damage: str) -> None:
    path = workspace.cells / f"{HURT}.json"
    path.write_bytes(JSON_DAMAGE[damage](path.read_bytes()))
    assert read_address(workspace, HURT) is None
    _check_neighbours(workspace)


@pytest.mark.parametrize("damage", BINARY_DAMAGE)
def test_a_damaged_shard(workspace: Workspace, damage: str) -> None:
    [path] = workspace.episodes.glob(f"{HURT}/*/*.parquet")
    path.write_bytes(BINARY_DAMAGE[damage](path.read_bytes()))

    def read() -> None:
        assert read_infos(path)
        for episode in read_shard(path):
            for step in episode.steps:
                step.frames.decode()

    error = _told(read)
    assert str(path) in str(error) or "JPEG" in str(error)
    found = check_workspace(Catalog(workspace), thorough=True)
    assert any(str(path) in str(each) for each in found)
    _check_neighbours(workspace)


@pytest.mark.parametrize("damage", BINARY_DAMAGE)
def test_damaged_frames_of_a_journal(workspace: Workspace, damage: str) -> None:
    """The frames before the damage are kept; where too few are left, that is said."""
    folder = workspace.journals / f"cut-{HURT}"
    path = folder / "frames.journal"
    path.write_bytes(BINARY_DAMAGE[damage](path.read_bytes()))
    left = count_frames(folder)
    assert left < 4
    catalog = Catalog(workspace)
    if left < 2:
        _told(lambda: seal_journal(catalog, folder))
        assert f"cut-{HURT}" in {each.recording_id for each in list_journals(workspace)}
    else:
        assert seal_journal(catalog, folder).frame_count == left
    _check_neighbours(workspace)


@pytest.mark.parametrize("damage", [*LINES, *LABEL_CHANGES])
def test_a_damaged_line_of_the_log_of_labels(workspace: Workspace, damage: str) -> None:
    lines = workspace.labels_path.read_bytes().splitlines()
    first = json.loads(lines[0])
    damaged = LINES.get(damage)
    if damaged is None:
        damaged = json.dumps(first | {"label_id": "x"} | LABEL_CHANGES[damage]).encode()
    workspace.labels_path.write_bytes(b"\n".join([lines[0], damaged, lines[1], b""]))
    workspace.catalog_path.unlink()  # so that everything is read anew
    catalog = Catalog(workspace)
    assert len(standing_labels(catalog)) == 2
    assert label_log.read(workspace.labels_path).unreadable == (1,)
    assert any("Line 2 of the log" in str(each) for each in check_workspace(catalog))
    label = Label(
        label_id="after", episode_id=f"clip-{HEALTHY}", frame_index=0, task="lift-any",
        outcome="failure", by="bo", source="person", at_ns=NOW_NS,
    )  # fmt: skip
    append_labels(catalog, [label])
    assert len(standing_labels(catalog)) == 3
    _check_neighbours(workspace)


def test_there_are_over_a_hundred_kinds() -> None:
    files = len(READERS) + 1
    kinds = files * len(JSON_DAMAGE) + 2 * len(BINARY_DAMAGE) + len(LINES) + len(LABEL_CHANGES)
    assert kinds >= 100
