"""The 20-second test: how well a cell's cameras keep their rate, said in words."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from app.camera_hub import CellSource
from app.wording import counted, listed
from data.episodes.frames import EncodedFrameSet
from data.recording.sealing import FEWEST_FRAMES, PERIOD_S, measure_timing

TEST_S = 20.0
_LATE_MS = 40.0
"""A frame that comes so much earlier or later than due is told."""
_SKEW_MS = 100.0
"""Cameras that are further apart in one frame set show different moments."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a test found."""

    good: bool
    sentences: tuple[str, ...]
    newest: EncodedFrameSet | None
    """The last frames that came."""


def watch_cell(
    cell: CellSource,
    *,
    seconds: float = TEST_S,
    progress: Callable[[float], object] = lambda share: None,
    clock: Callable[[], float] = time.monotonic,
) -> Verdict:
    """Take every frame set that the cell gives for some seconds, and judge their times.

    Args:
        progress: Told the share of the time that is over, in [0, 1].

    Raises:
        CellError: No frames come.
    """
    began_s = clock()
    times_ns: list[Mapping[str, int]] = []
    newest: EncodedFrameSet | None = None
    while (passed_s := clock() - began_s) < seconds:
        newest = cell.latest(timeout_s=5.0)
        if not times_ns or newest.timestamps_ns != times_ns[-1]:
            times_ns.append(newest.timestamps_ns)
        progress(min(1.0, passed_s / seconds))
    return judge_times(times_ns, newest)


def judge_times(
    times_ns: Sequence[Mapping[str, int]], newest: EncodedFrameSet | None = None
) -> Verdict:
    """The verdict on the capture times [ns] of successive frame sets."""
    if len(times_ns) < FEWEST_FRAMES:
        return Verdict(
            good=False,
            sentences=("The cameras gave hardly a picture: check cable, power and address.",),
            newest=newest,
        )
    timing = measure_timing(times_ns)
    expected = 1 + round((min(times_ns[-1].values()) - min(times_ns[0].values())) / 1e9 / PERIOD_S)
    lost = max(0, expected - len(times_ns))
    late = timing.p99_deviation_ms > _LATE_MS
    apart = {name: ms for name, ms in timing.skew_ms.items() if ms > _SKEW_MS}
    sentences = [
        f"{counted(len(times_ns), 'picture')} of each camera, one every "
        f"{timing.median_interval_ms:.0f} ms at the median; {1000 * PERIOD_S:.0f} ms is wanted."
    ]
    if lost:
        sentences.append(f"{counted(lost, 'picture')} of {expected} did not come in time.")
    if late:
        sentences.append(
            f"One in a hundred is {timing.p99_deviation_ms:.0f} ms early or late or worse."
        )
    if apart:
        worst = listed([f"{name.replace('_', ' ')} by {ms:.0f} ms" for name, ms in apart.items()])
        sentences.append(f"Behind the others at worst: {worst}.")
    good = lost <= 0.02 * expected and not apart and not late
    sentences.insert(
        0,
        "The cameras are good to record with."
        if good
        else "Recording works, but the cameras do not keep their rate: use fewer or shorter cables "
        "and hubs, a smaller picture, or a faster network.",
    )
    return Verdict(good=good, sentences=tuple(sentences), newest=newest)
