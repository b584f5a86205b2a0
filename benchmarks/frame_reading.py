"""What one frame costs to read, from a shard of one episode and from what a compaction makes.

    python -m benchmarks.frame_reading

Once with nothing known of the shard, as the first of its frames is, and once with its footer in
memory. The last line is a shard as compactions made them before they were bounded.
"""

from __future__ import annotations

import os
import platform
import statistics
import tempfile
import time
from pathlib import Path

import click
import numpy as np

from data.catalog.catalog import Catalog
from data.episodes import shards
from data.episodes.compaction import compact
from data.episodes.episodes import Episode, EpisodeInfo, Step, new_episode_id
from data.episodes.frames import CAMERAS, EncodedFrameSet, encode_jpeg
from data.episodes.index import list_episodes, save_episodes
from data.episodes.shards import FrameRef, read_frames
from data.workspace import Workspace, open_workspace

EPISODES = 1024
STEPS = 8
READS = 50
_NOISE = np.random.default_rng(0).integers(0, 255, (128, 160, 3), dtype=np.uint8)


def _episode(number: int) -> Episode:
    at_ns = 1_790_000_000_000_000_000 + number
    frames = EncodedFrameSet(
        jpegs=dict.fromkeys(CAMERAS, encode_jpeg(_NOISE)),
        timestamps_ns=dict.fromkeys(CAMERAS, at_ns),
    )
    step = Step(frames=frames, state=np.zeros(2, np.float32), action=np.zeros(8, np.float32))
    info = EpisodeInfo(
        episode_id=new_episode_id(at_ns), robot="robot-1", kind="robot", behaviour="noisy",
        task="lift-any", start="pick", recorded_at_ns=at_ns, step_count=STEPS,
    )  # fmt: skip
    return Episode(info=info, steps=(step,) * STEPS)


def _time(workspace: Workspace, refs: list[FrameRef], *, known: bool) -> float:
    """The median time of reading one of `refs` [ms of this process]."""
    spent_ms = []
    for ref in refs:
        if not known:
            shards._read_footer.cache_clear()
        began_s = time.process_time()
        read_frames(workspace, [ref])
        spent_ms.append(1000 * (time.process_time() - began_s))
    return statistics.median(spent_ms)


def _print(workspace: Workspace, name: str) -> None:
    draw = np.random.default_rng(0)
    episodes = list_episodes(Catalog(workspace))
    chosen = draw.choice(len(episodes), min(READS, len(episodes)), replace=False)
    refs = [
        FrameRef(episodes[index].shard, episodes[index].info.episode_id, STEPS - 1)
        for index in chosen
    ]
    files = len({each.shard for each in episodes})
    first = _time(workspace, refs, known=False)
    again = _time(workspace, [ref for ref in refs for _ in range(2)], known=True)
    click.echo(f"{name:34} {files:5} files  first frame {first:6.2f} ms  next {again:6.2f} ms")


@click.command()
def main() -> None:
    """Print a line for each way in which the same episodes are stored."""
    episodes = [_episode(number) for number in range(EPISODES)]
    for name, a_shard, merged in (
        ("one episode a shard", 1, False),
        ("16 episodes a shard", 16, False),
        ("the same, compacted", 16, True),
        (f"{EPISODES} episodes a shard", EPISODES, False),
    ):
        with tempfile.TemporaryDirectory() as folder:
            workspace = open_workspace(Path(folder) / "workspace")
            catalog = Catalog(workspace)
            some = episodes[: 64 * a_shard]
            for first in range(0, len(some), a_shard):
                save_episodes(catalog, some[first : first + a_shard])
            if merged:
                compact(catalog)
            _print(workspace, name)
    click.echo(f"machine: {os.cpu_count()} cores {platform.machine()}, times of the process alone")


if __name__ == "__main__":
    main()
