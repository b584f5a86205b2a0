import errno
import json
import os
import signal
import subprocess
import sys

import pytest

from data.catalog.catalog import Catalog
from data.errors import InvalidInput, StorageFull
from data.labels import log as label_log


def test_lines_come_back_with_their_numbers(workspace, make_episode, make_label) -> None:
    episode = make_episode()
    labels = [make_label(episode) for _ in range(3)]
    label_log.append(workspace.labels_path, labels[:2])
    first = label_log.read(workspace.labels_path)
    assert first.labels == ((0, labels[0]), (1, labels[1]))
    label_log.append(workspace.labels_path, labels[2:])
    rest = label_log.read(
        workspace.labels_path, start_bytes=first.end_bytes, start_lines=first.end_lines
    )
    assert rest.labels == ((2, labels[2]),)
    assert rest.end_bytes == workspace.labels_path.stat().st_size


def test_a_line_is_one_json_object(workspace, make_episode, make_label) -> None:
    label = make_label(make_episode(), by="Zoë\n")
    label_log.append(workspace.labels_path, [label])
    (line,) = workspace.labels_path.read_bytes().splitlines()
    assert json.loads(line)["by"] == "Zoë\n"


@pytest.mark.parametrize("kept_bytes", [1, 30, -2])
def test_a_torn_line_costs_nothing_after_it(
    workspace, make_episode, make_label, kept_bytes
) -> None:
    path = workspace.labels_path
    episode = make_episode()
    before, torn, after = (make_label(episode) for _ in range(3))
    label_log.append(path, [before])
    start = path.stat().st_size
    label_log.append(path, [torn])
    end = start + kept_bytes if kept_bytes > 0 else path.stat().st_size + kept_bytes
    os.truncate(path, end)
    part = label_log.read(path)
    assert (part.labels, part.end_bytes) == (((0, before),), start)
    label_log.append(path, [after])
    part = label_log.read(path)
    assert part.labels == ((0, before), (2, after))
    assert part.unreadable == (1,)


def test_a_line_that_lacks_only_its_end_counts(workspace, make_episode, make_label) -> None:
    path = workspace.labels_path
    first, second = (make_label(make_episode()) for _ in range(2))
    label_log.append(path, [first])
    os.truncate(path, path.stat().st_size - 1)
    label_log.append(path, [second])
    assert label_log.read(path).labels == ((0, first), (1, second))


def test_a_full_disk_leaves_the_log_as_it_was(
    workspace, make_episode, make_label, monkeypatch
) -> None:
    path = workspace.labels_path
    label = make_label(make_episode())
    label_log.append(path, [label])
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageFull):
        label_log.append(path, [make_label(make_episode())])
    assert path.read_bytes() == before


@pytest.mark.parametrize("count", [40, 48, 60, 100])
def test_a_small_full_disk_leaves_the_log_as_it_was(
    mount_small_disk, make_episode, make_label, count
) -> None:
    """Also where a part of the batch fits, and would be written once the log was cut back."""
    with mount_small_disk("8k") as disk:
        path = disk.folder / "labels.jsonl"
        label = make_label(make_episode())
        label_log.append(path, [label])
        before = path.read_bytes()
        with pytest.raises(StorageFull):
            label_log.append(path, [make_label(make_episode()) for _ in range(count)])
        assert path.read_bytes() == before
        path.unlink()


def test_killed_in_mid_append(catalog, make_episode, make_label) -> None:
    """A process that is killed while it appends loses what it appended, and nothing else."""
    from data.episodes.index import save_episodes
    from data.labels.labels import append_labels, label_history

    episode = make_episode()
    save_episodes(catalog, [episode])
    kept = make_label(episode)
    append_labels(catalog, [kept])
    code = f"""
import os, time
from pathlib import Path
from data.labels import labels
from data.catalog.catalog import Catalog
from data.labels.labels import Label, append_labels
from data.workspace import open_workspace
catalog = Catalog(open_workspace(Path({str(catalog.workspace.root)!r})))
label = Label(label_id="torn", episode_id={episode.info.episode_id!r}, frame_index=0,
    task="lift-any", outcome="failure", by="bo", source="person", at_ns=1)
def sleep_after_half(descriptor):
    os.ftruncate(descriptor, os.fstat(descriptor).st_size - 50)
    print("half", flush=True)
    time.sleep(60)
os.fsync = sleep_after_half
append_labels(catalog, [label])
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"half\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert not catalog.workspace.labels_path.read_bytes().endswith(b"\n")
    impatient = Catalog(catalog.workspace, timeout_s=5)  # the dead process's lock is free at once
    assert label_history(impatient) == [kept]
    after = make_label(episode)
    append_labels(impatient, [after])
    assert label_history(impatient) == [after, kept]


@pytest.mark.parametrize("known", [{"outcome": "maybe"}, {"source": "rumour"}])
def test_nonsense_is_refused(make_episode, make_label, known) -> None:
    with pytest.raises(InvalidInput):
        make_label(make_episode(), **known)
