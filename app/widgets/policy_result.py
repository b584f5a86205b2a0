"""What a policy achieved: success of each task by the simulator's truth, and before."""

from __future__ import annotations

import altair as alt
import pandas as pd
import streamlit as st

from app.policies import PolicyCard, comparison_sentences, where_judged
from app.wording import listed


def show_policy_result(card: PolicyCard, before: PolicyCard | None) -> None:
    """Show the evaluation of `card` beside that of the policy it started from, if there is one."""
    facts = [
        f"rewarded by detector `{card.detector}`" if card.detector else None,
        f"impersonation `{card.strategy}`" if card.strategy else None,
        f"{card.updates} updates" if card.updates else None,
        f"started from `{card.from_policy}`" if card.from_policy else "started from nothing",
    ]
    st.caption(" · ".join(fact for fact in facts if fact))
    if card.unknown_tasks:
        st.info(
            f"Not evaluated: {listed(card.unknown_tasks)}. The simulator knows only the outcomes "
            "of the tasks that came with Goalpost. To judge yours, collect episodes with this "
            "policy and label how they ended."
        )
    if not card.results and not card.unknown_tasks:
        st.info("This policy has not been evaluated yet. Evaluate it below to see what it can do.")
    if not card.results:
        return
    st.markdown("\n".join(f"- {text}" for text in comparison_sentences(card, before)))
    if card.judged_on:
        st.caption(where_judged(card))
    frame = _frame(card, "this policy")
    if before is not None and before.results:
        frame = pd.concat([frame, _frame(before, "before")])
    base = alt.Chart(frame).encode(
        y=alt.Y("task:N", title=None, sort=list(card.results)),
        yOffset="policy:N",
        color=alt.Color("policy:N", title=None),
    )
    dots = base.mark_point(filled=True, size=70).encode(
        x=alt.X("success:Q", title="success rate", axis=alt.Axis(format="%")),
        tooltip=["task", "policy", "successes", "attempts"],
    )
    lines = base.mark_rule().encode(x=alt.X("low:Q", scale=alt.Scale(domain=[0, 1])), x2="high:Q")
    st.altair_chart(
        (lines + dots).properties(height=60 + 45 * len(card.results)),
        alt="Success rate of each task with its 95% interval",
    )
    shares = {"success": "success rate", "low": "95% from", "high": "95% to"}
    table = frame[["task", "policy", "attempts", "successes", *shares]].rename(columns=shares)
    table[list(shares.values())] *= 100
    st.dataframe(
        table,
        hide_index=True,
        alt="Success rate of each task with its 95% Wilson interval",
        column_config={
            "success rate": st.column_config.NumberColumn(format="%.0f%%"),
            "95% from": st.column_config.NumberColumn(
                format="%.0f%%", help="Lower end of the 95% Wilson interval."
            ),
            "95% to": st.column_config.NumberColumn(
                format="%.0f%%", help="Upper end of the 95% Wilson interval."
            ),
        },
    )


def _frame(card: PolicyCard, name: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "task": task,
            "policy": name,
            "attempts": result.attempts,
            "successes": result.successes,
            "success": result.rate,
            "low": result.low,
            "high": result.high,
        }
        for task, result in card.results.items()
    )
