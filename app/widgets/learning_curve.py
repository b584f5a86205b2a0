"""How a policy learned: its training figures, and the success rate from one policy to the next."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd
import streamlit as st

from app import state
from app.policies import PolicyCard
from app.wording import when
from data.errors import GoalpostError
from data.runs.runs import load_run

_FIGURES = {"loss": "Loss", "td_error": "TD error"}


def show_rates(cards: Sequence[PolicyCard]) -> None:
    """The evaluated success of each task over the policies, oldest to newest."""
    rows = [
        {
            "trained": f"{when(card.created_at_ns)} · {card.policy_id[-4:]}",
            "task": task,
            "success": result.rate,
            "low": result.low,
            "high": result.high,
        }
        for card in reversed(cards)
        for task, result in card.results.items()
    ]
    if len({row["trained"] for row in rows}) < 2:
        return
    st.subheader("From policy to policy")
    base = alt.Chart(pd.DataFrame(rows)).encode(
        x=alt.X("trained:O", title="policy, by when it was trained", axis=alt.Axis(labelAngle=-20)),
        color=alt.Color("task:N", title=None),
    )
    rates = base.mark_line(point=True).encode(
        y=alt.Y(
            "success:Q",
            title="success rate",
            axis=alt.Axis(format="%"),
            scale=alt.Scale(domain=[0, 1]),
        )
    )
    intervals = base.mark_rule().encode(y="low:Q", y2="high:Q")
    st.altair_chart(
        (intervals + rates).properties(height=240),
        alt="Success rate of each task with its 95% interval, from the oldest policy to the newest",
    )


def show_training(card: PolicyCard) -> None:
    """The figures that the training of `card` wrote along the way."""
    try:
        # A policy is named after the run that trained it.
        table = pd.DataFrame(load_run(state.workspace(), card.policy_id).metrics())
    except GoalpostError:
        return
    names = [name for name in _FIGURES if name in table]
    if not names or len(table) < 2:
        return
    with st.expander("How the training went"):
        for name in names:
            st.markdown(f"**{_FIGURES[name]}**")
            st.line_chart(
                table,
                x="step",
                y=name,
                height=160,
                alt=f"{_FIGURES[name]} by update of the network",
            )
