"""Episodes of a policy on the Policy page: a success and a failure side by side."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import state
from app.pages import link
from app.policies import PolicyCard
from app.policy_episodes import (
    Acted,
    action_words,
    episodes_of,
    heights_m,
    known_values,
    work_out_values,
)
from app.widgets.notice import errors_shown
from app.widgets.player import Curve, player
from app.wording import counted, when
from data.episodes.index import load_episode

_RATE_HZ = 2.0
"""Actions a second at which an episode is played; they took as long as they took."""
_HIGHEST_M = 0.35
"""Top of the axis of heights; the gripper of the simulated cell goes up to 0.30 m."""


def show_policy_episodes(card: PolicyCard) -> None:
    """Choose and play what the policy did."""
    st.subheader("See what it does")
    acted = episodes_of(state.catalog(), card.policy_id)
    if not acted:
        st.markdown(
            "No episode of this policy is kept yet. Under *Collect episodes*, choose *policy* and "
            "let it act; each of its episodes can then be watched here."
        )
        return
    successes = [each for each in acted if each.outcome == "success"]
    others = [each for each in acted if each.outcome != "success"]
    st.caption(
        f"{counted(len(acted), 'episode')} kept, {counted(len(successes), 'success', 'successes')}."
    )
    left, right = st.columns(2, gap="medium")
    with left:
        shown = [_choose("Success", successes, "success")]
    with right:
        shown.append(_choose("Failure, or not judged", others, "other"))
    ids = [each.episode.info.episode_id for each in shown if each is not None]
    missing = [
        name for name in ids if known_values(state.workspace(), card.policy_id, name) is None
    ]
    if missing and st.button(
        "Show what the policy expected",
        key=f"values-{card.policy_id}",
        help="Works out the Q value of the best action in each frame; takes some seconds.",
    ):
        with errors_shown(), st.spinner("Asking the policy about every frame …"):
            work_out_values(state.workspace(), card.policy_id, missing)
    for column, each, words in zip((left, right), shown, ("success", "failure"), strict=True):
        with column:
            if each is None:
                st.caption(f"There is no {words} yet.")
            else:
                _play(card, each)
    if any(each.outcome is None for each in acted):
        link("label", "Label how its episodes ended")


def _choose(title: str, among: Sequence[Acted], key: str) -> Acted | None:
    if not among:
        st.markdown(f"**{title}**")
        return None
    by_id = {each.episode.info.episode_id: each for each in among}

    def words(name: str) -> str:
        info, each = by_id[name].episode.info, by_id[name]
        return f"{info.task} on {info.robot}, {when(info.recorded_at_ns)}, by {each.said_by}"

    chosen = st.selectbox(
        f"{title} ({len(among)})", list(by_id), format_func=words, key=f"watch-{key}"
    )
    return by_id[str(chosen)]


def _play(card: PolicyCard, acted: Acted) -> None:
    info = acted.episode.info
    with errors_shown():
        episode = load_episode(state.catalog(), info.episode_id)
        values = known_values(state.workspace(), card.policy_id, info.episode_id)
        curves = [
            Curve(
                name="Height of the gripper",
                unit="m",
                values=heights_m(episode),
                low=0.0,
                high=_HIGHEST_M,
            )
        ]
        if values is not None:
            padded = [*values, *[None] * (info.step_count - len(values))]
            curves.append(Curve(name="Expected success (Q)", values=padded, low=0.0, high=1.0))
        player(
            acted.episode,
            key=f"watch-{info.episode_id}",
            rate_hz=_RATE_HZ,
            curves=curves,
            texts=[action_words(step.action) for step in episode.steps],
        )
