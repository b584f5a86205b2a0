"""Two detectors on the same frames: what got better and what got worse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pandas as pd
from scipy.stats import binomtest

Change = Literal["better", "worse", "alike"]
SURE = 0.05
"""A difference that chance makes less often than this counts as one."""

_KEY = ["episode_id", "frame_index", "task"]


@dataclass(frozen=True, kw_only=True)
class TaskChange:
    """One task's known outcomes that both detectors were judged on, and neither trained on."""

    task: str
    successes: int
    failures: int
    missed_before: int
    missed_now: int
    accepted_before: int
    """Failures that the earlier detector took for success."""
    accepted_now: int
    mended: int
    """Frames that only the earlier one judged wrongly."""
    broken: int
    """Frames that only the later one judges wrongly."""
    change: Change
    """`alike` where the episodes that changed are split as chance would split them."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A detector against an earlier one."""

    before: str
    """Id of the earlier detector."""
    now: str
    tasks: tuple[TaskChange, ...]


def common_rows(now: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    """Rows of `now` that `before` was judged on too, with its `score_before` and `decision_before`.

    The outcome is the one that `now` knows: labels may have been corrected in between.
    """
    earlier = before[[*_KEY, "score", "decision"]].rename(
        columns={"score": "score_before", "decision": "decision_before"}
    )
    keyed = dict.fromkeys(("episode_id", "task"), "str")
    return now.astype(keyed).merge(earlier.astype(keyed), on=_KEY)


def compare(
    now_id: str, now: pd.DataFrame, before_id: str, before: pd.DataFrame
) -> Comparison | None:
    """What changed on frames that both never trained on; None where there are no such frames."""
    common = common_rows(now, before)
    if common.empty:
        return None
    changes = [
        _task_change(str(task), rows) for task, rows in common.groupby("task", observed=True)
    ]
    return Comparison(before=before_id, now=now_id, tasks=tuple(changes))


def _task_change(task: str, rows: pd.DataFrame) -> TaskChange:
    success = rows["outcome"] == "success"
    wrong_now, wrong_before = rows["decision"] != success, rows["decision_before"] != success
    # Frames of one episode resemble each other: each episode casts one vote.
    votes = (wrong_before.astype(int) - wrong_now.astype(int)).groupby(rows["episode_id"]).sum()
    better, worse = int((votes > 0).sum()), int((votes < 0).sum())
    change: Change = "alike"
    if better + worse and binomtest(better, better + worse).pvalue < SURE:
        change = "better" if better > worse else "worse"
    return TaskChange(
        task=task,
        successes=int(success.sum()),
        failures=int((~success).sum()),
        missed_before=int((wrong_before & success).sum()),
        missed_now=int((wrong_now & success).sum()),
        accepted_before=int((wrong_before & ~success).sum()),
        accepted_now=int((wrong_now & ~success).sum()),
        mended=int((wrong_before & ~wrong_now).sum()),
        broken=int((wrong_now & ~wrong_before).sum()),
        change=change,
    )
