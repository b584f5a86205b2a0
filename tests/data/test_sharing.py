"""Several processes use one workspace at once: nothing lost, nothing refused, nothing torn."""

import os
import signal
import subprocess
import sys
import time

import pytest

from data.catalog.catalog import Catalog, rebuild
from data.episodes.compaction import compact
from data.episodes.index import list_episodes, load_episode, save_episodes
from data.labels.labels import label_history, standing_labels

PREAMBLE = """
import sys, time
from pathlib import Path
import numpy as np
from data.catalog.catalog import Catalog
from data.episodes.index import *
from data.episodes.episodes import *
from data.episodes.frames import CAMERAS, EncodedFrameSet, encode_jpeg
from data.labels.labels import *
from data.workspace import open_workspace
root, name = sys.argv[1:]
catalog = Catalog(open_workspace(Path(root)))
jpeg = encode_jpeg(np.zeros((8, 10, 3), np.uint8))
"""

WRITER = """
for number in range(8):
    at_ns = time.time_ns()
    frames = EncodedFrameSet(jpegs=dict.fromkeys(CAMERAS, jpeg),
                             timestamps_ns=dict.fromkeys(CAMERAS, at_ns))
    info = EpisodeInfo(episode_id=f"{name}-{number}", robot=f"robot-{1 + number % 2}", kind="clip",
        behaviour="person", task="lift-any", outcome="success", recorded_at_ns=at_ns, step_count=2)
    save_episodes(catalog, [Episode(info=info, steps=(Step(frames=frames),) * 2)])
    for frame in (0, 1):
        append_labels(catalog, [Label(label_id=f"{name}-{number}-{frame}",
            episode_id=info.episode_id, frame_index=frame, task="lift-any", outcome="success",
            by=name, source="person", at_ns=at_ns)])
    if number % 3 == 0:
        undo_label(catalog, f"{name}-{number}-0", by=name, at_ns=at_ns)
print("written", flush=True)
"""

READER = """
seen = -1
while seen < int(name):
    found = list_episodes(catalog)
    ids = [episode.info.episode_id for episode in found]
    assert len(ids) == len(set(ids)), "an episode was seen twice"
    assert len(ids) >= seen, "an episode vanished"
    if found and len(ids) > seen:
        assert load_episode(catalog, ids[-1]).info.episode_id == ids[-1]
        assert load_episode(catalog, ids[0]).info.episode_id == ids[0]
    seen = len(ids)
    standing_labels(catalog)
    time.sleep(0.05)
print("read", flush=True)
"""


def start(body: str, catalog: Catalog, name: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PREAMBLE + body, str(catalog.workspace.root), name]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def test_two_writers_a_reader_and_a_compaction(catalog) -> None:
    writers = [start(WRITER, catalog, name) for name in ("ann", "bo")]
    reader = start(READER, catalog, "16")
    try:
        while any(writer.poll() is None for writer in writers):
            compact(catalog)
            time.sleep(0.2)
        for process, said in zip(
            (*writers, reader), ("written\n", "written\n", "read\n"), strict=True
        ):
            output, errors = process.communicate(timeout=60)
            assert (output, errors) == (said, "")
    finally:
        for process in (*writers, reader):
            if process.poll() is None:
                process.kill()
                process.communicate()
    compact(catalog)
    expected = {f"{name}-{number}" for name in ("ann", "bo") for number in range(8)}
    for found in (list_episodes(catalog), list_episodes(rebuild(catalog.workspace))):
        assert {episode.info.episode_id for episode in found} == expected
        assert len(found) == 16
    for episode_id in expected:
        assert load_episode(catalog, episode_id).info.step_count == 2
    said = [label for label in label_history(catalog, limit=1000) if label.retracts is None]
    assert {label.label_id for label in said} == {
        f"{e}-{frame}" for e in expected for frame in (0, 1)
    }
    assert len(label_history(catalog, limit=1000)) == 32 + 6
    assert len(standing_labels(catalog)) == 32 - 6


@pytest.mark.parametrize("delay_s", [0.0, 0.05, 0.15])
def test_a_writer_killed_anywhere_loses_nothing_it_had_said(
    catalog, make_episode, make_label, delay_s
) -> None:
    episode = make_episode()
    save_episodes(catalog, [episode])
    body = f"""
number = 0
while True:
    append_labels(catalog, [Label(label_id=f"kept-{{number}}",
        episode_id={episode.info.episode_id!r}, frame_index=0, task="lift-any", outcome="success",
        by=name, source="person", at_ns=number)])
    print(number, flush=True)
    number += 1
"""
    writer = start(body, catalog, "ann")
    assert writer.stdout is not None
    last = int(writer.stdout.readline())
    if delay_s:
        with pytest.raises(subprocess.TimeoutExpired):
            writer.wait(delay_s)
    os.kill(writer.pid, signal.SIGKILL)
    output, _ = writer.communicate()
    last = max([last, *map(int, output.split())])
    found = {label.label_id for label in label_history(catalog, limit=10_000)}
    assert {f"kept-{number}" for number in range(last + 1)} <= found
    assert len(found) <= last + 2, "at most the one in the making may be there beside them"
