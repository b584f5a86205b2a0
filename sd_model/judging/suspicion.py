"""Suspicion: which labels are probably wrong, by what a detector that never saw them says.

After confident learning: a label is the more suspicious the less probable the detector finds what
it says, compared with the other labels of that task and outcome, since a detector may be less sure
of successes than of failures throughout. Labels are shown to a person and never flipped.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

_LABEL = ["episode_id", "label_id", "task", "outcome"]


def suspicious_labels(judged: pd.DataFrame) -> pd.DataFrame:
    """Every label among the judged examples, the most suspicious first.

    Args:
        judged: The table of `scores`; every row was judged by a detector not trained on it.

    Returns:
        A row a label with `episode_id`, `label_id`, `task`, `outcome`, `agreement` (mean over its
        frames of the probability that the detector gives to what it says, 0 to 1), `surprise` (how
        much less that is than for the average label of its task and outcome) and `doubted`
        (whether the opposite is more probable).
    """
    rows = judged[judged["origin"] == "labelled"]
    score_N = rows["score"].to_numpy(np.float64)
    success_N = (rows["outcome"] == "success").to_numpy()
    said = rows.assign(agreement=np.where(success_N, score_N, 1 - score_N))
    labels = said.groupby(_LABEL, observed=True, sort=False)["agreement"].mean().reset_index()
    usual = labels.groupby(["task", "outcome"], observed=True)["agreement"].transform("mean")
    labels["surprise"] = usual - labels["agreement"]
    labels["doubted"] = labels["agreement"] < 0.5
    return labels.sort_values(
        ["surprise", "episode_id", "task"],
        ascending=[False, True, True],
        kind="stable",
        ignore_index=True,
    )
