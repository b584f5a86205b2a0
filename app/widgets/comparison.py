"""A detector against an earlier one on the same frames, as a table."""

from __future__ import annotations

import streamlit as st

from app.wording import counted
from sd_model.judging.comparison import Comparison

_MARKS = {"better": ":green[better]", "worse": ":red[worse]", "alike": "alike"}


def show_comparison(comparison: Comparison) -> None:
    """What got better and what got worse, a line for each task."""
    mended = sum(row.mended for row in comparison.tasks)
    broken = sum(row.broken for row in comparison.tasks)
    st.markdown(
        f"Against `{comparison.before}`: **{counted(mended, 'frame')} mended, {broken} "
        "broken**, by the labels as they are now."
    )
    st.table(
        [
            {
                "task": row.task,
                "successes missed": f"{row.missed_before} → {row.missed_now} of {row.successes}",
                "failures accepted": f"{row.accepted_before} → {row.accepted_now} of "
                f"{row.failures}",
                "mended": str(row.mended),
                "broken": str(row.broken),
                "change": _MARKS[row.change],
            }
            for row in comparison.tasks
        ],
        hide_index=True,
        border="horizontal",
        alt="Errors of two detectors on the same frames, a line for each task",
    )
    st.caption(
        "Frames that both were judged on and neither trained on. Alike: the episodes that changed "
        "are split as chance would split them."
    )
