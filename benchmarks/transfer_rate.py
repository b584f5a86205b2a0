"""Import and export beside the bare rate of what they cannot do without: codec, or table and disk.

    python -m benchmarks.transfer_rate [--clips 20] [--rows 300000] [--part lerobot]

LeRobot: clips of a simulated cell, three views of 320 x 256 pixels at 5 Hz. Bare out is decoding
the same JPEGs and encoding them with PyAV at the same settings; bare in is decoding those videos
and encoding every frame as a JPEG, one after the other and with the settings of the import. Labels:
a table of so many rows. Bare is pyarrow, which reads a table and writes it again. Labels are
measured with a tenth of the rows, too, which tells whether memory grows. Each step runs in a
process of its own that says its largest resident memory. Ratios are of time on the clock and of CPU
time, which a busy machine changes less.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from fractions import Fraction
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import av
import click
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from benchmarks.provenance import provenance
from data.catalog.catalog import Catalog
from data.cells.robots import SIMULATED_FLEET
from data.cells.simulated.cell import make_cell
from data.episodes.episodes import Episode, EpisodeInfo, Step, new_episode_id
from data.episodes.frames import (
    CAMERAS,
    EncodedFrameSet,
    Size,
    decode_jpeg,
    encode,
    encode_jpeg,
)
from data.episodes.index import save_episodes
from data.exporters.choice import Choice
from data.exporters.labels import export_label_table
from data.exporters.lerobot import export_lerobot
from data.exporters.video import CODEC, OPTIONS, PIXEL_FORMAT
from data.importers.labels import import_labels
from data.importers.lerobot import import_lerobot
from data.importers.mapping import DatasetMapping
from data.storage import write_atomically
from data.tasks.tasks import SEED_TASKS
from data.transfers.label_table import LABEL_SCHEMA
from data.transfers.lerobot import OWN
from data.workspace import open_workspace

RESULTS = Path("benchmarks/results/transfer_rate.json")
SIZE = Size(320, 256)
STEPS = 60
"""Frames of a clip."""
NOW_NS = 1_790_000_000_000_000_000

Figures = dict[str, Any]


def apart(work: Callable[..., int], *arguments: Any) -> Figures:
    """What `work` takes in a fresh process; it returns how many things it moved."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_timed, work, *arguments).result()


def _timed(work: Callable[..., int], *arguments: Any) -> Figures:
    began_s, cpu_s = time.perf_counter(), time.process_time()
    moved = work(*arguments)
    clock_s, cpu_s = time.perf_counter() - began_s, time.process_time() - cpu_s
    return {
        "moved": moved,
        "clock_s": round(clock_s, 3),
        "cpu_s": round(cpu_s, 3),
        "peak_mib": _peak_mib(),
    }


def _peak_mib() -> int:
    """What getrusage says counts the process that this one was forked from, too."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024


def beside(bare: Figures, ours: Figures) -> Figures:
    """Both, and our rate as a share of the bare one."""
    shares = {
        f"of_bare_{kind}": round(
            (ours["moved"] / ours[f"{kind}_s"]) / (bare["moved"] / bare[f"{kind}_s"]), 3
        )
        for kind in ("clock", "cpu")
    }
    return {"bare": bare, "ours": ours, **shares}


def save_clips(root: Path, count: int) -> None:
    """Clips of one demonstration, each beginning a frame later than the one before."""
    with closing(make_cell(SIMULATED_FLEET[0])) as cell:
        cell.new_scene(0)
        cell.demonstrate("lift-can", "success", seed=0)
        seen = []
        for _ in range(STEPS):
            cell.advance(0.2)
            seen.append(encode(cell.read(dict.fromkeys(CAMERAS, SIZE))))
    catalog = Catalog(open_workspace(root))
    for clip in range(count):
        at_ns = NOW_NS + clip * 60_000_000_000
        info = EpisodeInfo(
            episode_id=new_episode_id(at_ns), robot="robot-1", kind="clip", behaviour="person",
            task="lift-can", outcome="success", pair_id=None, start=None, recorded_at_ns=at_ns,
            step_count=STEPS, truth=None,
        )  # fmt: skip
        frames = islice(cycle(seen), clip, clip + STEPS)
        steps = tuple(
            Step(frames=each, state=None, gripper_pose=None, action=None, done=False)
            for each in frames
        )
        save_episodes(catalog, [Episode(info=info, steps=steps)])


def jpegs_of(root: Path) -> Iterator[tuple[str, bytes]]:
    """Every stored JPEG with its camera, row group by row group."""
    for path in sorted((root / "episodes").rglob("*.parquet")):
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                rows = file.read_row_group(group)
                for camera in CAMERAS:
                    for image in rows[f"observation.images.{camera}"].to_pylist():
                        yield camera, image["bytes"]


def bare_out(root: Path, folder: Path) -> int:
    """JPEGs decoded and encoded as one video a camera."""
    folder.mkdir()
    videos: dict[str, tuple[Any, Any]] = {}
    for camera in CAMERAS:
        container = av.open(str(folder / f"{camera}.mp4"), "w")
        stream: Any = container.add_stream(CODEC, rate=5, options=OPTIONS)
        stream.width, stream.height = SIZE
        stream.pix_fmt = PIXEL_FORMAT
        stream.codec_context.time_base = Fraction(1, 5)
        videos[camera] = container, stream
    moved = dict.fromkeys(CAMERAS, 0)
    for camera, jpeg in jpegs_of(root):
        container, stream = videos[camera]
        frame = av.VideoFrame.from_ndarray(decode_jpeg(jpeg), format="rgb24")
        frame.pts, frame.time_base = moved[camera], Fraction(1, 5)
        container.mux(stream.encode(frame))
        moved[camera] += 1
    for container, stream in videos.values():
        container.mux(stream.encode(None))
        container.close()
    return sum(moved.values())


def ours_out(root: Path, folder: Path) -> int:
    """The workspace's clips as a LeRobotDataset."""
    catalog = Catalog(open_workspace(root, create=False))
    return len(CAMERAS) * export_lerobot(catalog, folder, Choice(kind="clip")).frames


def bare_in(folder: Path, written: Path) -> int:
    """Videos decoded, and every frame encoded as a JPEG and written."""
    moved = 0
    with written.open("wb") as file:
        for path in sorted(folder.rglob("*.mp4")):
            with av.open(str(path)) as container:
                container.streams.video[0].codec_context.thread_count = 1
                for frame in container.decode(video=0):
                    image: Any = frame.to_ndarray(format="rgb24", threads=1)
                    file.write(encode_jpeg(image))
                    moved += 1
        file.flush()
        os.fsync(file.fileno())
    return moved


def ours_in(folder: Path, root: Path) -> int:
    """The dataset into a new workspace, as a stranger's."""
    shutil.rmtree(folder / OWN)
    catalog = Catalog(open_workspace(root))
    cameras = {camera: f"observation.images.{camera}" for camera in CAMERAS}
    mapping = DatasetMapping(robot="their-arm", cameras=cameras)
    return len(CAMERAS) * import_lerobot(catalog, folder, mapping, by="benchmark").frames


def lerobot(folder: Path, clips: int) -> Figures:
    """Clips out and in again."""
    save_clips(folder / "clips", clips)
    out = beside(
        apart(bare_out, folder / "clips", folder / "bare"),
        apart(ours_out, folder / "clips", folder / "ours"),
    )
    back = beside(
        apart(bare_in, folder / "bare", folder / "bare.jpegs"),
        apart(ours_in, folder / "ours", folder / "back"),
    )
    return {"frames_of_a_view_out": out, "frames_of_a_view_in": back}


def label_workspace(root: Path, rows: int) -> list[str]:
    """Robots' episodes of two tiny frames, enough for so many labels of their last ones."""
    catalog = Catalog(open_workspace(root))
    image = np.zeros((8, 10, 3), np.uint8)
    jpegs = {camera: encode_jpeg(image) for camera in CAMERAS}
    shown = EncodedFrameSet(jpegs=jpegs, timestamps_ns=dict.fromkeys(CAMERAS, NOW_NS))
    step = Step(
        frames=shown, state=np.zeros(2, np.float32), gripper_pose=None,
        action=np.zeros(8, np.float32), done=False,
    )  # fmt: skip
    names = []
    episodes = []
    for number in range(-(-rows // len(SEED_TASKS))):
        info = EpisodeInfo(
            episode_id=new_episode_id(NOW_NS + number), robot="robot-1", kind="robot",
            behaviour="noisy", task="lift-any", outcome=None, pair_id=None, start="pick",
            recorded_at_ns=NOW_NS + number, step_count=2, truth=None,
        )  # fmt: skip
        episodes.append(Episode(info=info, steps=(step, step)))
        names.append(info.episode_id)
    for start in range(0, len(episodes), 1000):
        save_episodes(catalog, episodes[start : start + 1000])
    return names


def write_rows(path: Path, episodes: list[str], rows: int) -> None:
    """A table of labels as somebody else may have written it."""
    number_N = np.arange(rows)
    tasks = np.array(SEED_TASKS.names)
    none = pa.nulls(rows, pa.string())
    columns = {
        "label_id": pa.array([f"theirs-{number}" for number in number_N]),
        "episode_id": pa.array(np.array(episodes)[number_N // len(tasks)]),
        "frame_index": pa.array(np.ones(rows, np.int64)),
        "task": pa.array(tasks[number_N % len(tasks)]),
        "outcome": pa.array(np.where(number_N % 7 < 3, "success", "failure")),
        "by": pa.array(["lab"] * rows),
        "source": pa.array(["import"] * rows),
        "at_ns": pa.array(NOW_NS + number_N),
        "retracts": none,
        "split": none,
    }
    pq.write_table(pa.table(columns).cast(LABEL_SCHEMA), path)


def bare_table(source: Path, path: Path) -> int:
    """The table read and written again by pyarrow, batch by batch."""
    write = pq.ParquetWriter if path.suffix == ".parquet" else pa.csv.CSVWriter
    moved = 0
    with pq.ParquetFile(source) as file, write(path, LABEL_SCHEMA) as writer:
        for batch in file.iter_batches(50_000):
            writer.write_table(pa.Table.from_batches([batch]))
            moved += len(batch)
    return moved


def labels_in(root: Path, path: Path) -> int:
    """The table into the workspace and its index."""
    catalog = Catalog(open_workspace(root, create=False))
    moved = import_labels(catalog, path, "table", by="benchmark").labels
    with catalog.transaction() as transaction:  # which enters the last of them
        found = transaction.value("SELECT count(*) FROM labels")
    if found != moved:
        raise SystemExit(f"{found} of {moved} labels are in the index.")
    return moved


def labels_out(root: Path, path: Path) -> int:
    """All that stands, out of the workspace."""
    return export_label_table(Catalog(open_workspace(root, create=False)), path).labels


def labels(folder: Path, rows: int) -> Figures:
    """A table in, and out again in both forms."""
    root, table = folder / "workspace", folder / "theirs.parquet"
    write_rows(table, label_workspace(root, rows), rows)
    bare = {
        ending: apart(bare_table, table, folder / f"bare.{ending}") for ending in ("csv", "parquet")
    }
    found = {"in": beside(bare["parquet"], apart(labels_in, root, table))}
    for ending, figures in bare.items():
        ours = apart(labels_out, root, folder / f"ours.{ending}")
        found[f"out_{ending}"] = beside(figures, ours)
    return found


@click.command()
@click.option("--clips", default=20, show_default=True, help="Clips of 60 frames of three views.")
@click.option("--rows", default=300_000, show_default=True, help="Labels in the larger table.")
@click.option("--part", type=click.Choice(["lerobot", "labels"]), help="Only this one.")
def main(clips: int, rows: int, part: str | None) -> None:
    """Measure, write and print."""
    results: Figures = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        about = {"load": round(os.getloadavg()[0], 1), **provenance()}
        if part in (None, "lerobot"):
            (folder / "lerobot").mkdir()
            results["lerobot"] = {**lerobot(folder / "lerobot", clips), **about}
        if part in (None, "labels"):
            for count in (rows // 10, rows):
                (folder / str(count)).mkdir()
                results[f"labels_{count}"] = {**labels(folder / str(count), count), **about}
    write_atomically(RESULTS, json.dumps(results, indent=1).encode() + b"\n")
    sys.stdout.write(RESULTS.read_text())


if __name__ == "__main__":
    main()
