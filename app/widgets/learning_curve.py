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

_FIGURES = {
    "success/": "Success on the robots that collect, newest 50 episodes without noise",
    "episodes_succeeded/": "Successful episodes to learn from",
    "mean_q/": "Value, before a success and before a failure",
    "loss": "Loss",
    "td_error": "TD error",
}
"""By metric; one that ends in a stroke is drawn as a line for each name that goes on from it."""


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
    figures = [
        (title, figure)
        for name, title in _FIGURES.items()
        if len(figure := _figure(name, table)) > 1
    ]
    if not figures:
        return
    with st.expander("How the training went"):
        for title, figure in figures:
            st.markdown(f"**{title}**")
            st.altair_chart(_lines(figure), alt=f"{title} by update of the network")


def _lines(figure: pd.DataFrame) -> alt.Chart:
    """A line a column; their names stand beside it, where twelve tasks find room."""
    points = figure.reset_index().melt("step", var_name="line").dropna()
    names = alt.Legend(orient="right") if figure.shape[1] > 1 else None
    chart: alt.Chart = (
        alt.Chart(points)
        .mark_line()
        .encode(
            x=alt.X("step:Q", title="updates", scale=alt.Scale(nice=False)),
            y=alt.Y("value:Q", title=None),
            color=alt.Color("line:N", title=None, legend=names),
        )
        .properties(height=290)
    )
    return chart


def _figure(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """What belongs to the figure `name`, by update; without rows where there is nothing."""
    if "step" not in table:
        return table
    columns = [
        column
        for column in table.columns
        if column == name or (name.endswith("/") and column.startswith(name))
    ]
    named = table.set_index("step")[columns].rename(
        columns=lambda each: each.removeprefix(name) or each
    )
    return named.dropna(how="all") if columns else named.head(0)
