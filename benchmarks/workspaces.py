"""Workspaces of any size whose rows obey the real schema, written in bulk.

    python -m benchmarks.workspaces FOLDER --episodes 100000 [--seed 0]

Stopped, it goes on where it was when it is run again.
Every episode has two frames. The newest ones, and every hundredth of the others, show the simulated
cell; the rest share a tiny picture, so that a million episodes take gigabytes and not terabytes.
Three labels an episode: some are replaced, taken back, unsure or given in review, and a few
contradict each other; a tenth of the robots' episodes waits for its first label. Two detectors have
judged a tenth of the labelled episodes.
"""

from __future__ import annotations

import io
import itertools
import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache, partial
from pathlib import Path
from types import SimpleNamespace

import click
import numpy as np
import pandas as pd
import pyarrow as pa
from PIL import Image

from data.catalog.answers import refresh_answers
from data.catalog.catalog import Catalog
from data.catalog.indexing import relative
from data.cells.robots import SIMULATED_FLEET
from data.cells.simulated.cell import make_cell
from data.episodes.compaction import adopt_shards
from data.episodes.episodes import EpisodeInfo
from data.episodes.frames import CAMERAS, EncodedFrameSet, Size, encode_jpeg
from data.episodes.shard_rows import SHARD_SCHEMA
from data.episodes.shards import new_shard, shard_path
from data.tasks.tasks import SEED_TASKS
from data.workspace import Workspace, open_workspace
from sd_model.artefact import DetectorSummary, list_detectors, save_summary
from sd_model.config import load_recipe
from sd_model.judging.report_files import write_report
from sd_model.judging.scores import as_table, save_scores
from sd_model.judging.thresholds import Threshold

SHARD_EPISODES = 500
STEPS = 2
CLIP_EVERY = 20
"""One episode in so many is a clip."""
REAL_EVERY = 100
REAL_NEWEST = 2000
EPOCH_NS = 1_780_000_000_000_000_000
INTERVAL_NS = 6_000_000_000
DETECTORS = 2
_LIFTS = SEED_TASKS.of_skill("lift")[1:]
_PLACES = SEED_TASKS.of_skill("place")[1:]
_EPISODES = """
    INSERT INTO episodes (episode_id, shard, robot, kind, behaviour, task, outcome, pair_id, start,
                          recorded_at_ns, step_count, truth)
    SELECT printf('%010d-scale', i), 'episodes/robot-' || (i // 500 % 7 + 1) || '/' || (i // 500),
        'robot-' || (i // 500 % 7 + 1), if(i % 20 < 2, 'clip', 'robot'),
        if(i % 20 < 2, 'person', 'scripted-pick'), $tasks[i // 20 % len($tasks) + 1],
        if(i % 20 < 2, if(i % 20 = 0, 'success', 'failure'), NULL),
        if(i % 20 < 2, 'pair-' || (i // 20), NULL), 'pick',
        1780000000000000000 + i * 6000000000, 10,
        if(i % 20 < 2, NULL, $truth)
    FROM range($episodes) t(i)
"""
_LABELS = """
    INSERT INTO labels (label_id, line, episode_id, frame_index, task, outcome, "by", source, at_ns)
    SELECT 'label-' || i || '-' || n, 3 * i + n, printf('%010d-scale', i), if(i % 20 < 2, NULL, 9),
        if(n = 1, 'place-any', $tasks[i // 20 % len($tasks) + 1]),
        if(n <> 1 AND i % 2 = 0, 'success', 'failure'), 'ann',
        if(i % 50 = 7 AND n = 2, 'review', 'person'), 1780000000000000000 + i * 6000000000 + n
    FROM range($episodes) t(i), range(3) u(n) WHERE i % 10 <> 3 ORDER BY i, n
"""
_NO_TIMES = dict.fromkeys(CAMERAS, 0)
_ROBOTS = tuple(robot.name for robot in SIMULATED_FLEET)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--episodes", default=10_000, show_default=True)
@click.option("--shards", type=int, help="Write only so many of the newest shards.")
@click.option("--seed", default=0, show_default=True)
def main(folder: Path, episodes: int, shards: int | None, seed: int) -> None:
    """Make a workspace in FOLDER, or go on with one that is half made."""
    began_s = time.monotonic()
    make_workspace(folder, episodes, shards=shards, seed=seed)
    click.echo(f"{episodes} episodes in {time.monotonic() - began_s:.0f} s", err=True)


def make_workspace(
    folder: Path, episodes: int, *, shards: int | None = None, seed: int = 0
) -> Workspace:
    """A workspace without an index: `goalpost data rebuild` makes it.

    Shards that are there already stay. With `shards`, only so many of the newest are written; in
    the place of the others the index is filled by SQL as if they and their labels had been read.
    """
    workspace = open_workspace(folder)
    if is_made(workspace):
        sys.exit(f"{folder} is made already.")
    pictures = _pictures()
    numbers = [
        range(first, min(first + SHARD_EPISODES, episodes))
        for first in range(0, episodes, SHARD_EPISODES)
    ]
    written = len(numbers) if shards is None else shards
    missing = [each for each in numbers[-written:] if not _path(workspace, each).exists()]
    write = partial(_write_shard, workspace, episodes, pictures)
    with ProcessPoolExecutor(2) as pool:
        for _ in pool.map(write, missing, chunksize=20):
            pass
    first = numbers[-written].start
    if shards is not None:
        fill_index(workspace, first)
    _write_labels(workspace, range(first, episodes), seed)
    for number in range(DETECTORS):
        _write_detector(workspace, episodes, number, shown_from=first)
    if shards is not None:
        adopt_shards(Catalog(workspace))
    return workspace


def is_made(workspace: Workspace) -> bool:
    """Whether nothing is missing any more: the last detector's summary is written last."""
    last = _detector_id(DETECTORS - 1)
    return last in [each.detector_id for each in list_detectors(workspace)]


def fill_index(workspace: Workspace, episodes: int) -> None:
    """Fill the index with so many episodes and three labels each, of which no file is written."""
    tasks = list(SEED_TASKS.of_skill("lift")[1:])
    truth = json.dumps(dict.fromkeys(SEED_TASKS.names, False))
    catalog = Catalog(workspace)
    for sql in (_EPISODES, _LABELS):
        for name, value in (("tasks", tasks), ("truth", truth), ("episodes", episodes)):
            sql = sql.replace(f"${name}", f"'{value}'" if name == "truth" else str(value))
        with catalog.transaction() as transaction:
            transaction.execute(sql)
    with catalog.transaction() as transaction:
        transaction.execute("UPDATE catalog_state SET labels_lines = ?", (3 * episodes,))
        refresh_answers(transaction, workspace)


def episode_info(number: int) -> EpisodeInfo:
    """Episode `number` of every workspace of this generator."""
    at_ns = EPOCH_NS + number * INTERVAL_NS
    name = f"{number:010d}-scale"
    robot = _ROBOTS[number // SHARD_EPISODES % len(_ROBOTS)]
    task, truth = _truth(number)
    if number % CLIP_EVERY < 2:
        pair = f"pair-{number - number % CLIP_EVERY:010d}"
        return EpisodeInfo(
            episode_id=name, robot=robot, kind="clip", behaviour="person",
            task=_LIFTS[number // CLIP_EVERY % len(_LIFTS)],
            outcome="success" if number % CLIP_EVERY == 0 else "failure", pair_id=pair,
            recorded_at_ns=at_ns, step_count=STEPS,
        )  # fmt: skip
    return EpisodeInfo(
        episode_id=name, robot=robot, kind="robot",
        behaviour="scripted-pick" if task.startswith("lift") else "scripted-place", task=task,
        start="pick", recorded_at_ns=at_ns, step_count=STEPS, truth=truth,
    )  # fmt: skip


def _truth(number: int) -> tuple[str, dict[str, bool]]:
    """What was tried, and what came of it: one of the objects, one of the sections, or nothing."""
    skill, target = (_LIFTS, "lift-any") if number % 3 else (_PLACES, "place-any")
    got = skill[number // 3 % len(skill)] if number % 4 == 0 else None
    truth = {name: name == got or (name == target and got is not None) for name in SEED_TASKS.names}
    return (skill[number // 7 % len(skill)] if number % 5 else target), truth


def _pictures() -> list[EncodedFrameSet]:
    """A tiny frame set, then real ones of several scenes."""
    tiny = io.BytesIO()
    Image.new("RGB", (16, 16), "gray").save(tiny, "JPEG", optimize=True)
    shared = dict.fromkeys(CAMERAS, tiny.getvalue())
    found = [EncodedFrameSet(jpegs=shared, timestamps_ns=_NO_TIMES)]
    for robot in SIMULATED_FLEET[:4]:
        cell = make_cell(robot, fit="scale")
        for seed in range(3):
            cell.new_scene(seed)
            images = cell.read(dict.fromkeys(CAMERAS, Size(320, 256))).images
            jpegs = {camera: encode_jpeg(image) for camera, image in images.items()}
            found.append(EncodedFrameSet(jpegs=jpegs, timestamps_ns=_NO_TIMES))
        cell.close()
    return found


def _path(workspace: Workspace, numbers: range) -> Path:
    return shard_path(workspace, [episode_info(number) for number in numbers])


@lru_cache(maxsize=4)
def _shard_of_part(workspace: Workspace, part: range) -> str:
    return relative(workspace, _path(workspace, part))


def _shard_of(workspace: Workspace, number: int, episodes: int) -> str:
    """The shard of an episode, as the index calls it."""
    first = number - number % SHARD_EPISODES
    return _shard_of_part(workspace, range(first, min(first + SHARD_EPISODES, episodes)))


def _write_shard(
    workspace: Workspace, total: int, pictures: list[EncodedFrameSet], numbers: range
) -> None:
    infos = [episode_info(number) for number in numbers]
    rows = [
        _row(info, step, _picture(pictures, number, total))
        for number, info in zip(numbers, infos, strict=True)
        for step in range(STEPS)
    ]
    entries = [(info, [STEPS]) for info in infos]
    with new_shard(shard_path(workspace, infos), entries) as writer:
        writer.write_table(pa.Table.from_pylist(rows, SHARD_SCHEMA), row_group_size=STEPS)


def write_small_shards(workspace: Workspace, numbers: range) -> None:
    """Shards of one episode each, as recording leaves them; the index is not told of them."""
    pictures = _pictures()
    for number in numbers:
        _write_shard(workspace, numbers.stop, pictures, range(number, number + 1))


def _picture(pictures: list[EncodedFrameSet], number: int, total: int) -> EncodedFrameSet:
    real = number >= total - REAL_NEWEST or number % REAL_EVERY == 0
    return pictures[1 + number % (len(pictures) - 1)] if real else pictures[0]


def _row(info: EpisodeInfo, step: int, frames: EncodedFrameSet) -> dict[str, object]:
    acted, last = info.kind == "robot", step == STEPS - 1
    row: dict[str, object] = {
        "episode_id": info.episode_id,
        "frame_index": step,
        "observation.state": [0.0, 0.1] if acted else None,
        "action": [0.0] * 8 if acted and not last else None,
        "next.done": acted,
    }
    for camera in CAMERAS if last or not acted else CAMERAS[:1]:
        row[f"observation.images.{camera}"] = {"bytes": frames.jpegs[camera], "path": None}
        row[f"timestamp_ns.{camera}"] = info.recorded_at_ns + step * 200_000_000
    return row


def _write_labels(workspace: Workspace, episodes: range, seed: int) -> None:
    """Three events an episode, in the order of recording."""
    generator = np.random.default_rng(seed)
    with workspace.labels_path.open("w") as file:
        for first in range(episodes.start, episodes.stop, 10_000):
            draws = generator.random((10_000, 3))
            numbers = range(first, min(first + 10_000, episodes.stop))
            file.writelines(itertools.chain.from_iterable(
                _events(number, draw) for number, draw in zip(numbers, draws, strict=False)
            ))  # fmt: skip


def _events(number: int, draw: np.ndarray) -> Iterator[str]:
    info = episode_info(number)
    if info.kind == "clip":
        first = _event(number, 0, info, info.task, info.outcome, "clip")
        yield first
        yield _event(number, 1, info, "place-any", "failure", "person")
        yield _event(
            number, 2, info, info.task, info.outcome, "review" if draw[0] < 0.1 else "clip"
        )
        return
    if draw[0] < 0.1:  # waits for its first label
        return
    truth = info.truth or {}
    for n, task in enumerate((info.task, "lift-any", info.task)):
        outcome = "success" if truth[task] else "failure"
        if n == 2 and draw[1] < 0.0005:  # contradicts what was said of another task
            yield _event(number, 3, info, "lift-can", "success", "person")
            yield _event(number, 4, info, "lift-any", "failure", "person")
        elif n == 1 and draw[1] > 0.98:
            outcome = "unsure"
        source = "review" if n == 2 and draw[2] < 0.02 else "person"
        yield _event(number, n, info, task, outcome, source)
    if draw[2] > 0.99:
        yield _event(number, 5, info, "lift-any", "failure", "person", f"label-{number}-1")
    if draw[0] > 0.9:
        yield _event(
            number,
            6,
            info,
            "place-any",
            "success" if truth["place-any"] else "failure",
            "person",
        )


def _event(
    number: int, n: int, info: EpisodeInfo, task: str, outcome: str, source: str,
    retracts: str | None = None,
) -> str:  # fmt: skip
    frame = "null" if info.kind == "clip" else STEPS - 1
    undone = "null" if retracts is None else f'"{retracts}"'
    return (
        f'{{"label_id": "label-{number}-{n}", "episode_id": "{info.episode_id}", '
        f'"frame_index": {frame}, "task": "{task}", "outcome": "{outcome}", "by": "ann", '
        f'"source": "{source}", "at_ns": {info.recorded_at_ns + 10**9 * (n + 1)}, '
        f'"retracts": {undone}, "split": null}}\n'
    )


def _detector_id(number: int) -> str:
    return f"20260601-00000{number}-000-train-detector-scale"


def _write_detector(workspace: Workspace, episodes: int, number: int, *, shown_from: int) -> None:
    """What a detector leaves that judged one episode in ten of those that it did not train on.

    It errs only on episodes from `shown_from` on, since Review shows the pictures of its errors.
    """
    name = _detector_id(number)
    folder = workspace.detectors / name
    folder.mkdir(exist_ok=True)
    threshold = Threshold(
        value=0.5, way="balanced", failures=900, false_positives=30, bound=0.05, needed=45
    )
    tasks = SEED_TASKS
    summary = DetectorSummary(
        detector_id=name, folder=folder, tasks=tasks, holdout=(_ROBOTS[-1],),
        created_at_ns=EPOCH_NS + episodes * INTERVAL_NS + number, config=load_recipe("cpu", {}),
        thresholds=dict.fromkeys(tasks.names, threshold), seed=number, manifest_digest="",
    )  # fmt: skip
    generator = np.random.default_rng(number)
    rows = []
    for each in range(number, episodes, 10):
        info = episode_info(each)
        if info.kind != "robot":
            continue
        truth = info.truth or {}
        shard = _shard_of(workspace, each, episodes) if each >= shown_from else ""
        for task in dict.fromkeys((info.task, "lift-any", "place-any")):
            success = truth[task]
            score = float(generator.beta(8, 2) if success else generator.beta(2, 8))
            if each < shown_from:
                score = (score + success) / 2
            rows.append(
                {
                    "episode_id": info.episode_id, "frame_index": STEPS - 1,
                    "shard": shard, "robot": info.robot, "kind": "robot",
                    "split": "holdout" if info.robot == _ROBOTS[-1] else "validation",
                    "task": task, "outcome": "success" if success else "failure",
                    "recorded_at_ns": info.recorded_at_ns, "shown_task": info.task,
                    "origin": "labelled", "from_task": task, "source": "person",
                    "label_id": f"label-{each}-0",
                    "score": score, "decision": score >= threshold.value,
                }
            )  # fmt: skip
    # The report is one of a sample, since its size does not depend on the workspace.
    save_scores(folder, as_table(pd.DataFrame(rows[:5000])))
    write_report(summary, SimpleNamespace(warnings=(), examples=(), tasks=tasks))  # type: ignore[arg-type]
    save_scores(folder, as_table(pd.DataFrame(rows)))
    save_summary(summary)


if __name__ == "__main__":
    main()
