"""How often a detector judges a robot wrongly that it held out, from its stored scores.

The commanded (or shown) task of a frame gives its false negatives and positives; of every other
task whose outcome is known, the other-task rates, as in MT-Opt's Table 3. Each rate is the mean
over the tasks; intervals are bootstrapped over clips and episodes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data.episodes.shards import FrameRef, read_frames
from data.tasks.tasks import OBJECT_KINDS, SEED_TASKS
from data.workspace import Workspace
from sd_model.artefact import load_summary
from sd_model.judging.consistency import Consistency
from sd_model.judging.detector import Detector
from sd_model.judging.metrics import area_under_curve
from sd_model.judging.scores import load_scores
from sd_model.judging.thresholds import choose_threshold, shared_threshold

RATES = ("fn", "fp", "other_fn", "other_fp")
_DRAWS = 1000
_FRAME = ["episode_id", "frame_index"]
_CHUNK = 256
_STRANGERS_RATE = 0.02
"""False positive rate that thresholds chosen on strangers must be bounded below."""


def judge(folder: Path, robot: str) -> dict[str, Any]:
    """Rates of the detector in `folder` on a robot that it held out."""
    rows = _judging_rows(folder, robot)
    success = rows["outcome"] == "success"
    found: dict[str, Any] = {}
    for name, decision in (("chosen", rows["decision"]), ("at_half", rows["score"] >= 0.5)):
        rows["wrong"] = decision != success
        found[name] = _mean_rates(_shares(rows))
        if name == "chosen":
            found["by_task"] = {
                task: {
                    key: {"errors": int(group["wrong"].sum()), "count": len(group)}
                    for key, group in of_task.groupby("rate")
                }
                for task, of_task in rows.groupby("task", observed=True)
            }
            found["counts"] = {key: int(n) for key, n in rows["rate"].value_counts().items()}
            found["intervals"] = _intervals(rows)
    found["chosen"]["held_object_accuracy"] = held_accuracy(rows)
    found["auc"] = _areas(rows)
    return found


def unmet(workspace: Workspace, folder: Path, robot: str) -> dict[str, float]:
    """Rates of the detector on the robot, looked at as robots in general are."""
    rows = _judging_rows(folder, robot)
    detector = Detector.load(folder, device="cpu")
    frames = rows[["shard", *_FRAME]].drop_duplicates(_FRAME)
    scores = []
    for start in range(0, len(frames), _CHUNK):
        refs = [
            FrameRef(row.shard, row.episode_id, int(row.frame_index))
            for row in frames[start : start + _CHUNK].itertuples()
        ]
        scores.append(
            detector.score([each.decode().images for each in read_frames(workspace, refs)])
        )
    table = pd.DataFrame(
        np.concatenate(scores),
        columns=detector.tasks,
        index=pd.MultiIndex.from_frame(frames[_FRAME]),
    ).stack()
    keys = pd.MultiIndex.from_frame(rows[[*_FRAME, "task"]].astype({"task": str}))
    rows["score"] = table.reindex(keys).to_numpy()
    return _rates_at(rows, detector.thresholds, None)


def strangers(folders: Mapping[str, Path]) -> dict[str, dict[str, dict[str, float]]]:
    """Rates of each robot at thresholds that come from the others, and with settled decisions.

    The threshold of a task for one robot is chosen on the frames of all others, each scored by the
    detector that had left it out: on strangers, as the robot itself is one.
    """
    judged = {robot: _judging_rows(folder, robot) for robot, folder in folders.items()}
    tasks = load_summary(next(iter(folders.values()))).tasks
    consistency = Consistency(tasks)
    found = {}
    for robot, rows in judged.items():
        others = pd.concat([judged[other] for other in judged if other != robot])
        by_task = {str(task): each for task, each in others.groupby("task", observed=True)}
        scored = {
            task: (each["score"].to_numpy(), (each["outcome"] == "success").to_numpy())
            for task, each in by_task.items()
        }
        shared = shared_threshold(list(scored.values()))
        chosen = {
            task: choose_threshold(
                *scored[task],
                each["episode_id"].astype(str).to_numpy(),
                shared=shared,
                false_positive_rate=_STRANGERS_RATE,
                confidence=0.9,
            ).value
            for task, each in by_task.items()
        }
        own = load_summary(folders[robot]).thresholds
        found[robot] = {
            "strangers": _rates_at(rows, chosen, None),
            "strangers_settled": _rates_at(rows, chosen, consistency),
            "settled": _rates_at(rows, {t: each.value for t, each in own.items()}, consistency),
        }
    return found


def _rates_at(
    rows: pd.DataFrame, thresholds: Mapping[str, float], consistency: Consistency | None
) -> dict[str, float]:
    """Mean rates at `thresholds`; settled where every task of a frame is known to be scored."""
    rows = rows.copy()
    rows["decision"] = rows["score"] >= rows["task"].astype(str).map(thresholds)
    if consistency is not None:
        frames = ["episode_id", "frame_index"]
        names = list(thresholds)
        score = rows.pivot_table("score", frames, "task", observed=True).reindex(columns=names)
        # A task whose outcome is unknown has no row: it says nothing and is put at its threshold.
        score = score.fillna({name: thresholds[name] - 1e-6 for name in names})
        settled = pd.DataFrame(
            consistency.settle(
                score.to_numpy(np.float32), np.array([thresholds[name] for name in names])
            ),
            index=score.index,
            columns=names,
        ).stack()
        keys = pd.MultiIndex.from_frame(rows[[*frames, "task"]].astype({"task": str}))
        rows["decision"] = settled.reindex(keys).to_numpy(dtype=bool)
    rows["wrong"] = rows["decision"] != (rows["outcome"] == "success")
    return _mean_rates(_shares(rows))


def _judging_rows(folder: Path, robot: str) -> pd.DataFrame:
    """The rows of a robot that a detector held out, each with the rate it counts for."""
    scores = load_scores(folder)
    rows = scores[(scores["split"] == "holdout") & (scores["robot"] == robot)].copy()
    own = rows["shown_task"].astype(str) == rows["task"].astype(str)
    kind = np.where(rows["outcome"] == "success", "fn", "fp").astype(object)
    rows["rate"] = np.where(own, "", "other_") + kind
    return rows


def held_accuracy(rows: pd.DataFrame) -> float:
    """Share of frames on which what is held (one of seven, or nothing) is named rightly."""
    lifts = [f"lift-{kind}" for kind in OBJECT_KINDS]
    of_lifts = rows[rows["task"].isin(lifts)]
    frames = ["episode_id", "frame_index"]
    score = of_lifts.pivot_table("score", frames, "task", observed=True)[lifts]
    success = of_lifts.assign(is_success=of_lifts["outcome"] == "success")
    held = success.pivot_table("is_success", frames, "task", observed=True)[lifts]
    known = held.notna().all(axis=1)
    score_N7, held_N7 = score[known].to_numpy(), held[known].to_numpy() > 0
    named_N = np.where(score_N7.max(1) >= 0.5, score_N7.argmax(1), -1)
    held_N = np.where(held_N7.any(1), held_N7.argmax(1), -1)
    return float((named_N == held_N).mean())


def _areas(rows: pd.DataFrame) -> dict[str, float]:
    """Area under the curve of the frames that show the task itself: the mean of each skill's tasks,
    whatever their thresholds."""
    own = rows[rows["rate"].isin(("fn", "fp"))]
    areas: dict[str, list[float]] = {}
    for task, of_task in own.groupby(own["task"].astype(str)):
        success_N = (of_task["outcome"] == "success").to_numpy()
        area = area_under_curve(of_task["score"].to_numpy(), success_N)
        if area is not None:
            areas.setdefault(SEED_TASKS[str(task)].skill, []).append(area)
    return {skill: float(np.mean(each)) for skill, each in areas.items()}


def _shares(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.groupby(["rate", "task"], observed=True)["wrong"].mean().unstack()


def _mean_rates(shares: pd.DataFrame) -> dict[str, float]:
    """Each rate as the mean over the tasks that have any frame for it."""
    return {key: float(shares.loc[key].mean()) for key in RATES if key in shares.index}


def _intervals(rows: pd.DataFrame) -> dict[str, list[float]]:
    """95% intervals of the mean rates: clips and episodes are drawn anew, for their frames are
    alike."""
    episode_N, episodes = pd.factorize(rows["episode_id"])
    cell_N, cells = pd.factorize(pd.MultiIndex.from_frame(rows[["rate", "task"]].astype(str)))
    wrong_N = rows["wrong"].to_numpy(dtype=float)
    of_rate = {key: [n for n, cell in enumerate(cells) if cell[0] == key] for key in RATES}
    generator = np.random.default_rng(0)
    drawn: dict[str, list[float]] = {key: [] for key in RATES if of_rate[key]}
    for _ in range(_DRAWS):
        weight_E = np.bincount(
            generator.integers(len(episodes), size=len(episodes)), minlength=len(episodes)
        )
        weight_N = weight_E[episode_N].astype(float)
        count_C = np.bincount(cell_N, weight_N, minlength=len(cells))
        share_C = np.bincount(cell_N, weight_N * wrong_N, minlength=len(cells)) / np.where(
            count_C > 0, count_C, np.nan
        )
        for key in drawn:
            drawn[key].append(float(np.nanmean(share_C[of_rate[key]])))
    return {
        key: [float(np.percentile(values, edge)) for edge in (2.5, 97.5)]
        for key, values in drawn.items()
    }
