"""Suspicion: which labels are probably wrong, by what a detector that never saw them says.

After confident learning: an outcome is doubted where the detector gives the opposite one at least
the probability that it gives, on average, to what is labelled so. Labels are shown to a person and
never flipped.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

LABEL = ["episode_id", "label_id"]


def suspicious_labels(judged: pd.DataFrame) -> pd.DataFrame:
    """Every label among the judged examples, the most doubtful first.

    Args:
        judged: The table of `scores`; every row was judged by a detector not trained on it.

    Returns:
        A row a label with `episode_id`, `label_id`, `task`, `outcome`, `agreement` (mean over its
        frames of the probability that the detector gives to what it says, 0 to 1), `usual` (what
        labels of the opposite outcome of the task get on average; NaN where there are none) and
        `doubted` (whether the opposite outcome is given at least that).
    """
    rows = judged[judged["origin"] == "labelled"]
    score_N = rows["score"].to_numpy(np.float64)
    success_N = (rows["outcome"] == "success").to_numpy()
    said = rows.assign(agreement=np.where(success_N, score_N, 1 - score_N))
    labels = (
        said.groupby([*LABEL, "task", "outcome"], observed=True, sort=False)["agreement"]
        .mean()
        .reset_index()
    )
    usual = labels.groupby(["task", "outcome"], observed=True)["agreement"].mean()
    opposite = labels["outcome"].astype(str).map({"success": "failure", "failure": "success"})
    keys = pd.MultiIndex.from_arrays([labels["task"].astype(str), opposite])
    usual.index = pd.MultiIndex.from_tuples(
        [(str(task), str(outcome)) for task, outcome in usual.index]
    )
    labels["usual"] = usual.reindex(keys).to_numpy(np.float64)
    labels["doubted"] = 1 - labels["agreement"] >= labels["usual"]
    return labels.sort_values(["agreement", "episode_id", "task"], kind="stable", ignore_index=True)
